"""Have a model server make a clip, from wherever an earlier run of it got to."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

from artifex.common.v1.types_pb2 import Blob
from artifex.generator.v1.messages_pb2 import GenerationSpec
from artifex.media.v1.messages_pb2 import MediaInfo
from libs.chassis.errors import InvalidArgument
from libs.chassis.telemetry import tracer
from services.generator.commands.run_record import RunRecord
from services.generator.domain.generation import run_key
from services.generator.domain.pictures import NAMES
from services.generator.domain.provenance import told
from services.generator.ports import (
    Checkpoint,
    Checkpoints,
    Finished,
    FrameBytes,
    Masters,
    ModelServer,
    Pictures,
    PreviewFrame,
    Resumed,
    StepDone,
)

_log = logging.getLogger(__name__)
_tracer = tracer(__name__)


@dataclass(frozen=True)
class Clip:
    blob: Blob
    media: MediaInfo
    how: Finished
    device_seconds: float
    """Spent since the last step was told."""


class ClipMaker:
    def __init__(
        self,
        *,
        masters: Masters,
        pictures: Pictures,
        checkpoints: Checkpoints,
        checkpoint_every: int,
        preview_every: int,
    ) -> None:
        """Steps from one checkpoint, and from one preview, to the next; 0 for none."""
        self._masters = masters
        self._pictures = pictures
        self._checkpoints = checkpoints
        self._checkpoint_every = checkpoint_every
        self._preview_every = preview_every

    async def make(self, record: RunRecord, server: ModelServer, model: str, spec: GenerationSpec, key: str) -> Clip:
        """The stored clip of a resolved spec by a loaded model; `key` is its content key. Raises Interrupted."""
        generation = record.generation
        run = run_key(generation.id, key)
        given = {
            NAMES[picture.role]: await self._pictures.filled(generation.tenant, picture.blob, spec.width, spec.height)
            for picture in sorted(generation.pictures, key=lambda picture: picture.role)
        }
        asked = GenerationSpec()
        asked.CopyFrom(spec)
        asked.prompt, asked.negative_prompt = told(generation)
        saved = await self._checkpoints.get(generation.tenant, run)
        try:
            return await self._made(record, server, model, asked, given, run, saved)
        except InvalidArgument as error:
            if not saved or [violation.field for violation in error.violations] != ["spec.resume"]:
                raise
            # Of another version of the model server, say: the steps are made again.
            _log.warning("%s cannot go on from its checkpoint: %s", generation.name, error)
            await self._checkpoints.drop(generation.tenant, run)
            return await self._made(record, server, model, asked, given, run, b"")

    async def _made(
        self,
        record: RunRecord,
        server: ModelServer,
        model: str,
        spec: GenerationSpec,
        pictures: Mapping[str, bytes],
        run: str,
        saved: bytes,
    ) -> Clip:
        generation = record.generation
        events = server.generate(
            model,
            spec,
            pictures=pictures,
            checkpoint_every=self._checkpoint_every,
            preview_every=self._preview_every,
            resume=saved,
        )
        finished: Finished | None = None
        spent = _Stopwatch()
        async with self._masters.record(spec) as master, aclosing(events) as stream:
            async for event in stream:
                match event:
                    case Resumed(step):
                        _log.info("%s goes on from step %d", generation.name, step)
                        await record.progressed(step, 0.0, spent.lap())
                    case StepDone(step, seconds_left):
                        await record.progressed(step, seconds_left, spent.lap())
                    case Checkpoint():
                        await self._checkpoints.put(generation.tenant, run, event)
                    case PreviewFrame():
                        await record.previewed(await self._masters.still(generation.tenant, event))
                    case FrameBytes(data):
                        await master.append(data)
                    case Finished():
                        finished = event
            assert finished is not None  # a stream that does not end with it raises
            seconds = spent.lap()
            with _tracer.start_as_current_span("store clip"):
                blob, media = await master.store(generation.tenant)
        return Clip(blob, media, finished, seconds)


class _Stopwatch:
    def __init__(self) -> None:
        self._since = time.monotonic()

    def lap(self) -> float:
        """Seconds since the last lap, or the beginning."""
        before, self._since = self._since, time.monotonic()
        return self._since - before
