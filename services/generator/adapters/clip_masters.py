"""The `Masters` port: FFV1 in Matroska, every bit kept, in the object store."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from artifex.common.v1.types_pb2 import Blob
from artifex.generator.v1.messages_pb2 import GENERATION_PROFILE_QUALITY, GenerationSpec
from artifex.media.v1.messages_pb2 import MediaInfo
from libs.chassis.errors import Internal
from libs.chassis.interruption import on_thread
from libs.chassis.objects import ObjectStore, blob_key, put_blob_file
from libs.frames.probe import probe
from libs.frames.stills import write_jpeg
from libs.frames.video_writer import MASTER, VideoWriter
from libs.quality.steadiness import SteadinessMeter
from services.generator.ports import PreviewFrame

MEDIA_TYPE = "video/x-matroska"


class ClipMaster:
    """Holds one frame at most; encoding runs on a thread."""

    def __init__(self, objects: ObjectStore, path: Path, spec: GenerationSpec, writer: VideoWriter) -> None:
        self._objects = objects
        self._path = path
        self._spec = spec
        self._writer = writer
        self._rest = bytearray()
        self._meter = SteadinessMeter() if spec.profile == GENERATION_PROFILE_QUALITY else None

    async def append(self, data: bytes) -> None:
        # Cancelled meanwhile, an encoder that is closed under a thread takes the process along.
        await on_thread(self._append, data)

    def _append(self, data: bytes) -> None:
        shape = (self._spec.height, self._spec.width, 3)
        size = shape[0] * shape[1] * shape[2]
        self._rest += data
        while len(self._rest) >= size:
            frame = np.frombuffer(bytes(self._rest[:size]), np.uint8).reshape(shape)
            self._writer.write(frame)
            if self._meter is not None:
                self._meter.append(frame)
            del self._rest[:size]

    def faults(self) -> tuple[str, ...]:
        return self._meter.result().faults() if self._meter is not None else ()

    async def store(self, tenant: str) -> tuple[Blob, MediaInfo]:
        written = self._writer.frame_count
        if written != self._spec.frame_count or self._rest:
            model = self._spec.model.removeprefix("models/")
            raise Internal(
                f"the model sent {written} whole frames instead of {self._spec.frame_count}",
                reason="ERROR_REASON_MODEL_FAILED",
                metadata={"model": model},
            )
        await on_thread(self._writer.close)
        info = await on_thread(probe, self._path)
        blob = await put_blob_file(self._objects, tenant, self._path, MEDIA_TYPE)
        return blob, info


class StoredClips:
    """The `Clips` port."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def exists(self, tenant: str, blob: Blob) -> bool:
        return await self._objects.head(blob_key(tenant, blob.digest)) == blob.size

    async def preview(self, tenant: str, generation: str) -> bytes:
        return b"".join([piece async for piece in self._objects.get(_preview_key(tenant, generation))])


class ClipMasters(StoredClips):
    def __init__(self, objects: ObjectStore, scratch: Path) -> None:
        """`scratch`: a folder of this process alone, emptied now: it may hold what a killed one left half made."""
        super().__init__(objects)
        self._scratch = scratch
        if scratch.exists():
            shutil.rmtree(scratch)
        scratch.mkdir(parents=True)

    @asynccontextmanager
    async def record(self, spec: GenerationSpec) -> AsyncIterator[ClipMaster]:
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            path = Path(folder) / "clip.mkv"
            rate = Fraction(spec.frame_rate.numerator, spec.frame_rate.denominator)
            with VideoWriter(path, spec.width, spec.height, rate, MASTER) as writer:
                yield ClipMaster(self._objects, path, spec, writer)

    async def still(self, tenant: str, generation: str, frame: PreviewFrame) -> Blob:
        pixels = np.frombuffer(frame.data, np.uint8).reshape(frame.height, frame.width, 3)
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            path = Path(folder) / "preview.jpg"
            await on_thread(write_jpeg, path, pixels)
            data = await on_thread(path.read_bytes)
        await self._objects.put_bytes(_preview_key(tenant, generation), data)
        return Blob(digest=hashlib.sha256(data).hexdigest(), size=len(data), media_type="image/jpeg")


def _preview_key(tenant: str, generation: str) -> str:
    return f"tenants/{tenant}/previews/{generation}"
