"""Whoever follows a generation need not look again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifex.generator.v1 import messages_pb2 as pb
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
