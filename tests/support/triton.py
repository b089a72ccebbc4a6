"""The real Triton server, as the launcher starts it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from libs.chassis.testing import Server, free_port, spawn
from services.generator.nano import DENOISERS, NANO_VERSION, WEIGHTS
from services.generator.nano.build import build
from services.generator.triton.server import sweep_shared_memory
from services.generator.triton.settings import TritonSettings

ROOT = Path(__file__).resolve().parents[2]
NANO = "wan22-nano-t2v"
TWIN = "wan22-nano-twin"
"""The same weights under another name: a second model."""
RESIDENT = 4
"""Models that tests keep in memory at a time, as a model reads its libraries anew when it is loaded again, which takes
longer than most clips of a test."""
T2V = "tiny-t2v"
I2V = "tiny-i2v"
TI2V = "tiny-ti2v"
"""Models of every kind, of a few thousand random weights; see tests/integration/generator/tiny_wan.py."""
_TINY = {
    T2V: {"size_multiple": 16, "max_width": 256, "max_height": 256, "max_frames": 33},
    I2V: {"size_multiple": 16, "max_width": 256, "max_height": 256, "max_frames": 33},
    TI2V: {"size_multiple": 32, "max_width": 256, "max_height": 256, "max_frames": 33},
}
_WRITE_TINY = """
import sys
from tests.integration.generator.tiny_wan import pipeline
pipeline(sys.argv[1]).save_pretrained(sys.argv[2])
"""


def nano_weights() -> Path:
    """The folder of the embedded T2V model, its sisters beside it; put together once and kept between test runs."""
    weights = hashlib.sha256()
    for file in sorted(WEIGHTS.rglob("*.safetensors")):
        weights.update(file.read_bytes())
    models = ROOT / "build" / "test-models" / f"nano-{NANO_VERSION}-{weights.hexdigest()[:16]}"
    for model in DENOISERS:
        with suppress(FileExistsError):
            build(model, models / model)
    return models / NANO


def tiny_weights(model: str) -> Path:
    """Weights of one of the tiny models, kept as the nano weights are."""
    sources = [ROOT / "tests" / "integration" / "generator" / "tiny_wan.py"]
    sources.append(ROOT / "services" / "generator" / "triton" / "requirements.lock")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    folder = ROOT / "build" / "test-models" / digest[:16] / model
    if not folder.exists():
        python = ROOT / ".venv-triton" / "bin" / "python"
        env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        unfinished = folder.with_name(f"{model}.{os.getpid()}")
        command = [str(python), "-c", _WRITE_TINY, model.removeprefix("tiny-"), str(unfinished)]
        subprocess.run(command, check=True, cwd=ROOT, env=env)
        card = {"random_weights": True, "frame_rate": "16", "text_tokens": 64, **_TINY[model]}
        (unfinished / "artifex.json").write_text(json.dumps(card))
        unfinished.rename(folder)
    return folder


def tiny_writer(what: str, folder: Path, *arguments: str) -> str:
    """What tests/integration/generator/tiny_writer.py prints."""
    script = ROOT / "tests" / "integration" / "generator" / "tiny_writer.py"
    command = [str(ROOT / ".venv-triton" / "bin" / "python"), str(script), what, str(folder), *arguments]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout


def model_module(name: str) -> Any:
    """A fresh copy of a module of the models' process that needs nothing of its environment."""
    file = ROOT / "services" / "generator" / "model_repository" / "wan" / "artifex_wan" / f"{name}.py"
    found = importlib.util.spec_from_file_location(name, file)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


class TritonServer(Server):
    """`python -m services.generator.triton` on free ports; `kill9()` and `start()` bring it back on the same ones."""

    ready_timeout = 120.0

    def __init__(self, folder: Path, *, env: Mapping[str, str] | None = None, without: Collection[str] = ()) -> None:
        """`without`: tiny models whose weights are not there."""
        super().__init__(folder)
        self._without = frozenset(without)
        self.port, self.http_port = free_port(), free_port()
        self.endpoint = f"127.0.0.1:{self.port}"
        self._env = {
            **os.environ,
            "ARTIFEX_HOME": str(folder / "home"),
            "ARTIFEX_MODELS": str(folder / "models"),
            "ARTIFEX_GENERATOR_TRITON_GRPC_PORT": str(self.port),
            "ARTIFEX_GENERATOR_TRITON_HTTP_PORT": str(self.http_port),
            "ARTIFEX_GENERATOR_TRITON_METRICS_PORT": str(free_port()),
            **(env or {}),
        }

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "services.generator.triton"]

    def launch(self) -> None:
        models = self.folder / "models"
        models.mkdir(parents=True, exist_ok=True)
        for name in (NANO, TWIN):
            if not (models / name).exists():
                (models / name).symlink_to(nano_weights())
        for name in _TINY.keys() - self._without:
            if not (models / name).exists():
                (models / name).symlink_to(tiny_weights(name))
        self.process = spawn(self.command(), log=self.log, env=self._env)

    def stop(self) -> None:
        """At once: what its end in order takes, and leaves, is shown where `artifex up` ends."""
        self.kill9()

    def remove(self) -> None:
        """What it left in shared memory, as its next start on these ports would."""
        sweep_shared_memory(TritonSettings(home=self.folder, grpc_port=self.port))

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/v2/health/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill_alone(self) -> None:
        """Kill the server and leave its model processes to themselves."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def process_of(self, model: str) -> int:
        """The process id of a loaded model."""
        named = f"/{model}/"
        (found,) = (pid for pid in self.model_processes() if named in Path(f"/proc/{pid}/cmdline").read_text())
        return found

    def model_processes(self) -> list[int]:
        """Process ids of the model processes of this server."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                arguments = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # it ended between the listing and the look
            if arguments[0].endswith(b"triton_python_backend_stub") and str(self.folder).encode() in arguments[1]:
                found.append(int(folder.name))
        return found
