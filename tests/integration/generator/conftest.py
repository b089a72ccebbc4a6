"""One Triton and one collector of traces for all tests of the generator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.testing import Server, free_port, spawn
from libs.chassis.testing.process import accepts
from services.generator.adapters.triton import TritonModelServer
from tests.integration.generator.served import Generator, generator
from tests.support.triton import RESIDENT, ROOT, TritonServer


class TraceCollector(Server):
    """`python -m libs.chassis.tracestore`; traces are files in `traces`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.endpoint = f"127.0.0.1:{self.port}"
        self.traces = folder / "home" / "traces"

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "libs.chassis.tracestore"]

    def launch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        env = {"ARTIFEX_HOME": str(self.folder / "home"), "ARTIFEX_TRACES_LISTEN": self.endpoint}
        self.process = spawn(self.command(), log=self.log, env={**os.environ, **env})

    def is_ready(self) -> bool:
        return accepts(self.port)


@pytest.fixture(scope="session")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraceCollector]:
    with TraceCollector(tmp_path_factory.mktemp("traces")) as server:
        yield server


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory, collector: TraceCollector) -> Iterator[TritonServer]:
    """A test that kills it starts it again."""
    env = {"ARTIFEX_OTLP_ENDPOINT": collector.endpoint}
    with TritonServer(tmp_path_factory.mktemp("triton"), env=env) as server:
        yield server


_REPOSITORY = ROOT / "services" / "generator" / "model_repository"
_ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join(map(str, (ROOT, _REPOSITORY / "wan", _REPOSITORY / "shared"))),
    "OMP_NUM_THREADS": "1",
    # The process compiles by itself: for a few blocks others cost more than they save.
    "TORCHINDUCTOR_COMPILE_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


class Scripts:
    """Runs the scripts of this folder's scripts.py."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, *script: str) -> list[dict[str, Any]]:
        """The cases that a script prints; what it wrote to its standard error where it fails."""
        if self._process is None:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [ROOT / ".venv-triton" / "bin" / "python", "-m", "tests.integration.generator.scripts"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    cwd=ROOT,
                    env={**os.environ, **_ENVIRONMENT},
                )
        before = self._log.stat().st_size
        try:
            cases = list(self._answers(self._process, script))
        except BaseException:
            # What of its answer is still to come is no answer to the next.
            self.stop()
            raise
        end = cases.pop() if cases else {}
        assert end == {"exit": 0}, self._log.read_bytes()[before:].decode()
        return cases

    def _answers(self, process: subprocess.Popen[str], script: Sequence[str]) -> Iterator[dict[str, Any]]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(script) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            if line.startswith("{"):  # libraries have a word to say now and then
                yield (case := json.loads(line))
                if "exit" in case:
                    return

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripts]:
    found = Scripts(tmp_path_factory.mktemp("scripts") / "scripts.log")
    yield found
    found.stop()


@pytest.fixture
async def models(triton: TritonServer) -> AsyncIterator[TritonModelServer]:
    async with TritonModelServer(triton.endpoint, resident=RESIDENT) as server:
        yield server


@pytest.fixture
def spec() -> GenerationSpec:
    """A clip that takes a fraction of a second; its steps use both experts."""
    return GenerationSpec(
        model="models/wan22-nano-t2v",
        prompt="a red balloon over the sea",
        negative_prompt="blurry",
        seed=7,
        width=64,
        height=48,
        frame_count=9,
        steps=4,
        guidance_scale=4.0,
        guidance_scale_2=3.0,
        flow_shift=5.0,
    )


@pytest.fixture
async def running(tmp_path: Path, triton: TritonServer) -> AsyncIterator[Generator]:
    async with generator(tmp_path, triton.endpoint) as found:
        yield found
