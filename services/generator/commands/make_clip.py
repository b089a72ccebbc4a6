"""Have a model server make a clip, from wherever an earlier run of it got to."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from artifex.common.v1.types_pb2 import Blob
from artifex.generator.v1.messages_pb2 import GenerationSpec
from artifex.media.v1.messages_pb2 import MediaInfo
from libs.chassis.errors import InvalidArgument
from libs.chassis.telemetry import tracer
from services.generator.commands.calibrate import Measured
from services.generator.commands.run_record import RunRecord
from services.generator.domain.laying import laid
from services.generator.domain.models import ModelCard
from services.generator.domain.pictures import FIRST, LAST, NAMES, ordered
from services.generator.domain.spec import reseeded, sampling
from services.generator.domain.windows import windows
from services.generator.ports import (
    Checkpoint,
    Checkpoints,
    Finished,
    FrameBytes,
    Master,
    Masters,
    ModelServer,
    Pictures,
    PreviewFrame,
    Resumed,
    StepDone,
)

_log = logging.getLogger(__name__)
_tracer = tracer(__name__)
_PREVIEWS = 0.005
"""The part of the steps' time that previews may take which nobody asked for."""
_MOST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Job:
    """What is to be made, and by what."""

    asked: GenerationSpec
    """As it was resolved, with what the model is told for a prompt."""
    card: ModelCard
    follower: ModelCard
    """What goes on from a last frame, where the clip is longer than the model makes at once."""
    key: str
    """Of the content."""
    run: str
    """Names its checkpoints."""
    load: Mapping[str, str] = field(default_factory=dict)
    """How the models are to lie in memory, where that is not as their server has them."""


class _Unsteady(Exception):
    """The clip has faults that its profile does not take; the message tells them."""

    def __init__(self, faults: str, device_seconds: float) -> None:
        """`device_seconds`: spent since the last step was told."""
        super().__init__(faults)
        self.device_seconds = device_seconds


@dataclass(frozen=True)
class Window:
    """A run of the model; see `services.generator.domain.windows`."""

    index: int
    frame_count: int
    seed: int
    """The first window has the clip's own."""


@dataclass(frozen=True)
class Clip:
    blob: Blob
    media: MediaInfo
    how: Finished
    """Of the last window."""
    device_seconds: float
    """Spent since the last step was told."""
    measured: Measured
    """Of the last window."""


class ClipMaker:
    def __init__(
        self,
        *,
        masters: Masters,
        pictures: Pictures,
        checkpoints: Checkpoints,
        checkpoint_every: int,
        preview_every: int,
        progress_seconds: float,
    ) -> None:
        """Steps from one checkpoint to the next, and from one preview where a spec does not say it; 0 for none.

        `progress_seconds`: from one step that is told to the next, at least; a run's first and last always are.
        """
        self._masters = masters
        self._pictures = pictures
        self._checkpoints = checkpoints
        self._checkpoint_every = checkpoint_every
        self._preview_every = preview_every
        self._progress_seconds = progress_seconds

    async def make(self, record: RunRecord, server: ModelServer, job: Job) -> Clip:
        """The stored clip. Raises Interrupted, and what the model server does.

        Where the profile asks for quality, a clip that is not steady is made once more, of other noise. The record
        says so, and whether that one is steady.
        """
        try:
            return await _Making(self, record, server, job, settled=False).clip()
        except _Unsteady as unsteady:
            again = reseeded(job.asked)
            note = f"{unsteady}: made again with the seed {again.seed}"
            _log.info("%s: %s", record.generation.name, note)
            await record.noted(note)
            # Below the first one's place: what is dropped of the run is dropped of both.
            other = replace(job, asked=again, run=f"{job.run}/again")
            clip = await _Making(self, record, server, other, settled=True).clip()
            return replace(clip, device_seconds=clip.device_seconds + unsteady.device_seconds)


class _Making:
    """One clip in the making on one server."""

    def __init__(self, maker: ClipMaker, record: RunRecord, server: ModelServer, job: Job, *, settled: bool) -> None:
        """A `settled` clip is taken as it comes out."""
        self._maker = maker
        self._record = record
        self._server = server
        self._job = job
        self._tenant = record.generation.tenant
        self._run = job.run
        self._settled = settled
        self._watch = _Stopwatch()
        self._how: Finished | None = None
        self._measured: Measured | None = None
        self._each = 0.0
        self._untold: tuple[int, float] | None = None
        """Steps that are made, and the seconds left after them, where nobody was told."""
        self._told = -math.inf
        """When somebody was, last."""

    async def clip(self) -> Clip:
        job, checkpoints = self._job, self._maker._checkpoints
        parts = _windows(job)
        async with self._maker._masters.record(job.asked) as master:
            last = b""
            for part in parts:
                if await checkpoints.has_frames(self._tenant, self._run, part.index):
                    reel = _Reel(master, job.asked, part)
                    async for data in checkpoints.frames(self._tenant, self._run, part.index):
                        await reel.append(data)
                else:
                    reel = await self._window(master, part, parts, last)
                last = reel.last_frame
            # The last window is always made here, and a stream without an end raises.
            assert self._how is not None
            assert self._measured is not None
            seconds = self._watch.lap()
            faults = master.faults()
            if faults and not self._settled:
                raise _Unsteady("; ".join(faults), seconds)
            if faults:
                await self._record.noted(f"with the seed {job.asked.seed} it is not steady either: {'; '.join(faults)}")
            with _tracer.start_as_current_span("store clip"):
                blob, media = await master.store(self._tenant)
        return Clip(blob, media, self._how, seconds, self._measured)

    async def _window(self, master: Master, part: Window, parts: tuple[Window, ...], last: bytes) -> _Reel:
        """Make the window, and keep it where others are to follow."""
        checkpoints = self._maker._checkpoints
        card = self._card(part)
        with _tracer.start_as_current_span("load model", attributes={"artifex.model": card.model}):
            await self._server.load(card.model)
        spec, pictures = await self._asked(part, parts, last)
        saved = await checkpoints.get(self._tenant, self._run, part.index)
        for resume in (saved, b""):
            reel = _Reel(master, self._job.asked, part)
            frames = self._frames(spec, pictures, resume, part, reel)
            try:
                if part is parts[-1]:
                    async for _ in frames:
                        pass
                else:
                    await checkpoints.put_frames(self._tenant, self._run, part.index, frames)
                    await checkpoints.drop_newest(self._tenant, self._run, part.index)
            except InvalidArgument as error:
                if not resume or [violation.field for violation in error.violations] != ["spec.resume"]:
                    raise
                # Of another version of the model server, say: the steps are made again.
                _log.warning("%s cannot go on from its checkpoint: %s", self._record.generation.name, error)
                await checkpoints.drop_newest(self._tenant, self._run, part.index)
            else:
                break
        return reel

    def _card(self, part: Window) -> ModelCard:
        """Of the model that makes the window."""
        return self._job.follower if part.index else self._job.card

    async def _asked(
        self, part: Window, parts: tuple[Window, ...], last: bytes
    ) -> tuple[GenerationSpec, dict[str, bytes]]:
        """What the model is asked for, and given, for one window."""
        spec = GenerationSpec()
        spec.CopyFrom(self._job.asked)
        spec.frame_count, spec.seed = part.frame_count, part.seed
        pictures = {NAMES[FIRST]: last} if last else {}
        for given in ordered(self._record.generation.pictures):
            wanted = (given.role == FIRST and part is parts[0]) or (given.role == LAST and part is parts[-1])
            if wanted:
                pictures[NAMES[given.role]] = await self._maker._pictures.filled(
                    self._tenant, given.blob, spec.width, spec.height
                )
        return spec, pictures

    async def _tell(self) -> None:
        """How far it is, unless that was told."""
        if self._untold is not None:
            step, left = self._untold
            self._untold, self._told = None, time.monotonic()
            await self._record.progressed(step, left, self._watch.lap())

    def _left(self, part: Window, step: int, seconds: float) -> float:
        """Seconds until the last step of the last window, as long as those to come take as long as this one's."""
        steps, runs = self._job.asked.steps, len(_windows(self._job))
        if step < steps:
            self._each = seconds / (steps - step)
        return seconds + self._each * steps * (runs - 1 - part.index)

    async def _frames(
        self, spec: GenerationSpec, pictures: Mapping[str, bytes], resume: bytes, part: Window, reel: _Reel
    ) -> AsyncIterator[bytes]:
        """The window's bytes, as they come and go into the master; all else that comes is recorded."""
        record, before, taken_over = self._record, part.index * spec.steps, 0
        card = self._card(part)
        # Every choice is told, so that the clip is of the way that its key tells, whatever the server has by now.
        load = laid(card, self._job.load)
        stream = self._server.generate(
            card.model,
            spec,
            pictures=pictures,
            sampling=sampling(self._job.asked, self._job.card),
            load=load,
            checkpoint_every=self._maker._checkpoint_every,
            preview_every=self._job.asked.preview_every or self._maker._preview_every,
            preview_share=1.0 if self._job.asked.preview_every else _PREVIEWS,
            resume=resume,
        )
        self._watch.lap()
        async with aclosing(stream) as events:
            async for event in events:
                match event:
                    case Resumed(step):
                        _log.info("%s goes on from step %d", record.generation.name, before + step)
                        taken_over = step
                        await record.progressed(before + step, None, self._watch.lap())
                    case StepDone(step, seconds_left):
                        self._untold = (before + step, self._left(part, step, seconds_left))
                        record.reached(before + step)
                        if step == spec.steps or time.monotonic() - self._told >= self._maker._progress_seconds:
                            await self._tell()
                    case Checkpoint():
                        await self._maker._checkpoints.put(self._tenant, self._run, part.index, event)
                    case PreviewFrame():
                        await self._tell()
                        still = await self._maker._masters.still(self._tenant, record.generation.id, event)
                        await record.previewed(still)
                    case FrameBytes(data):
                        await reel.append(data)
                        yield data
                    case Finished():
                        self._how = event
                        self._measured = Measured(card, spec, spec.steps - taken_over, load, event)


def _windows(job: Job) -> tuple[Window, ...]:
    counts, first = windows(job.asked.frame_count, job.card), job.asked.seed
    return tuple(Window(index, count, (first + index) & _MOST_SEED) for index, count in enumerate(counts))


class _Reel:
    """A window on its way into the master: the first frame is left out that the window before ended with."""

    def __init__(self, master: Master, spec: GenerationSpec, part: Window) -> None:
        self._master = master
        self._frame_bytes = spec.width * spec.height * 3
        self._left_out = self._frame_bytes if part.index else 0
        self._tail = bytearray()

    async def append(self, data: bytes) -> None:
        self._tail += data
        del self._tail[: -self._frame_bytes]
        new = data[self._left_out :]
        self._left_out -= len(data) - len(new)
        if new:
            await self._master.append(new)

    @property
    def last_frame(self) -> bytes:
        return bytes(self._tail)


class _Stopwatch:
    def __init__(self) -> None:
        self._since = time.monotonic()

    def lap(self) -> float:
        """Seconds since the last lap, or the beginning."""
        before, self._since = self._since, time.monotonic()
        return self._since - before
