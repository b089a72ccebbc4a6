"""The `Pictures` port: users' files are opened in a killable child."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

# Imported so that the child's typed errors are rebuilt as these classes.
import libs.frames.errors  # noqa: F401
from artifex.common.v1.types_pb2 import Blob
from libs.chassis.errors import NotFound
from libs.chassis.objects import LocalCache, ObjectMissing, blob_key
from libs.chassis.sandbox import Limits, SandboxPool

_TARGET = "services.generator.adapters.picture_child:run"
_MEMORY_BYTES = 2 << 30
_SECONDS = 30.0
# One library alone would otherwise take a thread a core.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class SandboxPictures:
    """Async context manager that ends the child."""

    def __init__(self, files: LocalCache, scratch: Path) -> None:
        """`scratch`: a folder of this process alone."""
        self._files = files
        self._scratch = scratch
        limits = Limits(memory_bytes=_MEMORY_BYTES, wall_seconds=_SECONDS)
        self._children = SandboxPool(1, _TARGET, limits=limits, env=_ENVIRONMENT, name="pictures")

    async def __aenter__(self) -> Self:
        await self._children.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._children.__aexit__(kind, error, trace)

    async def filled(self, tenant: str, blob: Blob, width: int, height: int) -> bytes:
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            output = Path(folder) / "rgb"
            name = f"the given picture {blob.digest[:12]}"
            try:
                async with self._files.path(blob_key(tenant, blob.digest)) as path:
                    request = {"path": str(path), "name": name, "output": str(output)}
                    await self._children.call({**request, "width": width, "height": height})
            except ObjectMissing as error:
                # With its last asset a file goes, too.
                raise NotFound(
                    f"blobs/{blob.digest}", message=f"{name} was deleted before the clip was made: give it again"
                ) from error
            return await asyncio.to_thread(output.read_bytes)
