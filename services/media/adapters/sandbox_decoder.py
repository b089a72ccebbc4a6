"""The decoder in killable child processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from google.protobuf import json_format

# Imported so that the child's typed errors are rebuilt as these classes.
import libs.frames.errors  # noqa: F401
from artifex.media.v1.messages_pb2 import MediaInfo
from libs.chassis.errors import Internal
from libs.chassis.sandbox import Limits, SandboxCrashed, SandboxPool
from services.media.ports import Assembled

_TARGET = "services.media.adapters.decoder_child:run"
# One library alone would otherwise take a thread a core, in every child.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class SandboxDecoder:
    """See `Decoder`. Short calls and assemblies have children of their own, so that none waits for the other kind."""

    def __init__(
        self,
        *,
        decoders: int,
        assemblers: int,
        memory_bytes: int,
        probe_seconds: float,
        assemble_seconds: float,
    ) -> None:
        self._short = SandboxPool(
            decoders,
            _TARGET,
            limits=Limits(memory_bytes=memory_bytes, wall_seconds=probe_seconds),
            env=_ENVIRONMENT,
            name="decoder",
        )
        self._long = SandboxPool(
            assemblers,
            _TARGET,
            # Every segment is a file, but only one is open at a time.
            limits=Limits(memory_bytes=memory_bytes, wall_seconds=assemble_seconds),
            env=_ENVIRONMENT,
            name="assembler",
        )

    async def __aenter__(self) -> Self:
        await self._short.__aenter__()
        await self._long.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._long.__aexit__(kind, error, trace)
        await self._short.__aexit__(kind, error, trace)

    async def probe(self, path: Path, name: str) -> MediaInfo:
        return _media(await _call(self._short, {"kind": "probe", "path": str(path), "name": name}))

    async def thumbnail(self, path: Path, name: str, *, milliseconds: int, width: int, output: Path) -> None:
        await _call(
            self._short,
            {
                "kind": "thumbnail",
                "path": str(path),
                "name": name,
                "milliseconds": milliseconds,
                "width": width,
                "output": str(output),
            },
        )

    async def assemble(
        self,
        segments: Sequence[Path],
        audio: Path | None,
        output: Path,
        *,
        name: str,
        container: str,
        frame_rate: Fraction,
        frame_count: int,
        words: Mapping[str, str],
    ) -> Assembled:
        answer = await _call(
            self._long,
            {
                "kind": "assemble",
                "segments": [str(path) for path in segments],
                "audio": None if audio is None else str(audio),
                "output": str(output),
                "name": name,
                "container": container,
                "frame_rate": str(frame_rate),
                "frame_count": frame_count,
                "words": dict(words),
            },
        )
        return Assembled(_media(answer), answer["loudness"])


async def _call(pool: SandboxPool, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return await pool.call(request)
    except SandboxCrashed as error:
        raise Internal(
            f"{request['name']}: {error.message}", reason=error.reason, metadata={"file": request["name"]}
        ) from error


def _media(answer: dict[str, Any]) -> MediaInfo:
    return json_format.ParseDict(answer["media"], MediaInfo())
