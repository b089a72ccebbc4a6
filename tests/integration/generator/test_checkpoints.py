"""What runs leave behind, and that it goes with their generation, whatever made them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from libs.chassis.objects import open_objects
from services.generator.adapters.stored_checkpoints import StoredCheckpoints
from services.generator.domain.generation import run_key
from services.generator.ports import Checkpoint


async def test_a_generations_end_takes_along_what_each_of_its_runs_left(tmp_path: Path) -> None:
    objects = open_objects(tmp_path.as_uri())
    checkpoints = StoredCheckpoints(objects)

    async def frames() -> AsyncIterator[bytes]:
        yield b"frames"

    # Of two ways to make a clip, such as on two devices, and of others whose names only begin alike.
    runs = [run_key("g1", "a" * 64), run_key("g1", "b" * 64), run_key("g11", "a" * 64)]
    for key in runs:
        await checkpoints.put("studio", key, 0, Checkpoint(5, key.encode()))
        await checkpoints.put("studio", key, 0, Checkpoint(10, key.encode()))
        await checkpoints.put_frames("studio", key, 0, frames())
    await checkpoints.put("other", runs[0], 0, Checkpoint(5, b"other"))
    assert [await checkpoints.get("studio", key, 0) for key in runs] == [key.encode() for key in runs]
    await checkpoints.drop_newest("studio", runs[1], 0)
    assert await checkpoints.get("studio", runs[1], 0) == b""
    assert await checkpoints.has_frames("studio", runs[1], 0)
    await checkpoints.drop("studio", "g1")
    assert [await checkpoints.has_frames("studio", key, 0) for key in runs] == [False, False, True]
    assert await checkpoints.get("studio", runs[0], 0) == b""
    assert await checkpoints.get("studio", runs[2], 0) == runs[2].encode()
    assert await checkpoints.get("other", runs[0], 0) == b"other"
    await checkpoints.drop("studio", "g1")
