"""A studio of its own for the tests that kill parts of it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from artifex.client import Client
from artifex.up import Stack


def show(name: str, line: str) -> None:
    """What the processes print; pytest shows it when a test fails."""
    sys.stderr.write(f"{name:>16} | {line}\n")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Everything but generation."""
    home = tmp_path_factory.mktemp("faults") / "home"
    # Short chunks, so that a kill meets the job with some done, some at work and some waiting.
    env = {"ARTIFEX_GRAPH_CHUNK_FRAMES": "12"}
    async with Stack(home, workers=2, without=("triton", "generator"), env=env, report=show) as studio:
        yield studio


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(stack: Stack) -> AsyncIterator[Client]:
    """The first admin's."""
    async with Client(stack.endpoint, home=stack.home) as studio:
        yield studio
