"""Masters that are broken off."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.objects import open_objects
from libs.chassis.testing import eventually
from services.generator.adapters.clip_masters import ClipMaster, ClipMasters

FRAME = 480 * 832 * 3


async def test_a_master_that_is_broken_off_is_at_rest_before_its_file_is_gone(
    tmp_path: Path, spec: GenerationSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec.width, spec.height, spec.frame_count = 832, 480, 60
    spec.frame_rate.numerator, spec.frame_rate.denominator = 16, 1
    masters = ClipMasters(open_objects((tmp_path / "objects").as_uri()), tmp_path / "scratch")
    ends: list[BaseException | None] = []
    append = ClipMaster._append

    def watched(master: ClipMaster, data: bytes) -> None:
        try:
            append(master, data)
        except BaseException as error:
            ends.append(error)
            raise
        ends.append(None)

    monkeypatch.setattr(ClipMaster, "_append", watched)

    async def write() -> None:
        async with masters.record(spec) as master:
            begun.append(master)
            await master.append(bytes(60 * FRAME))

    begun: list[ClipMaster] = []
    writing = asyncio.create_task(write())
    await eventually(lambda: bool(begun) and begun[0]._writer.frame_count > 0, what="the first frame")
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    # The encoder was closed by nobody while it was at work.
    assert ends == [None]
    assert not list((tmp_path / "scratch").iterdir())
