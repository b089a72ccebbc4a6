"""A studio without generation, for the client and the command line."""

from __future__ import annotations

import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from artifex.client import Client
from artifex.up import Stack


def show(name: str, line: str) -> None:
    """What the processes print; pytest shows it when a test fails."""
    sys.stderr.write(f"{name:>16} | {line}\n")


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    home = tmp_path_factory.mktemp("sdk") / "home"
    async with Stack(home, workers=1, without=("triton", "generator"), report=show) as studio:
        yield studio


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def client(stack: Stack) -> AsyncIterator[Client]:
    """The first admin's."""
    async with Client(stack.endpoint, home=stack.home) as studio:
        yield studio


@pytest.fixture(scope="session")
def large_media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 MiB of noise as sound: enough that a transfer of it can be broken in the middle."""
    path = tmp_path_factory.mktemp("media") / "noise.wav"
    samples = np.random.default_rng(7).integers(-3000, 3000, 32 * 1024 * 1024, dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(samples.tobytes())
    return path
