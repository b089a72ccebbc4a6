"""Whoever follows a generation need not look again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifex.generator.v1 import messages_pb2 as pb
from libs.chassis.testing import eventually
from services.generator.commands import watch_generation
from tests.integration.generator.served import SUCCEEDED, WorkerProcess, generator
from tests.support.triton import TritonServer


async def test_what_another_process_does_is_seen_as_it_is_told(
    tmp_path: Path, triton: TritonServer, spec: pb.GenerationSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than a test may last: what is seen is seen because somebody told it.
    monkeypatch.setattr(watch_generation, "POLL_SECONDS", 1000.0)
    async with generator(tmp_path, triton.endpoint, roles=frozenset({"api"})) as running:
        with WorkerProcess(tmp_path / "worker", running.env):
            seen = await running.watch((await running.create(spec)).name)
    assert seen[-1].state == SUCCEEDED
    assert len({generation.steps_done for generation in seen}) > 1


async def test_quick_steps_are_not_all_told_but_the_first_the_last_and_those_of_previews(
    tmp_path: Path, triton: TritonServer, spec: pb.GenerationSpec
) -> None:
    spec.steps, spec.preview_every = 8, 3
    async with generator(tmp_path, triton.endpoint, progress_seconds=60) as running:
        done = (await running.watch((await running.create(spec)).name))[-1]
        assert (done.state, done.steps_done) == (SUCCEEDED, 8)
        await eventually(lambda: running.steps(done.name)[-1:] == [8], what="the last step's event")
        assert running.steps(done.name) == [1, 3, 6, 8]
