"""What the model server is started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.generator.triton.server import KEPT_MEMORY, Installation, environment
from services.generator.triton.settings import TritonSettings

INSTALLATION = Installation(Path("/t/server"), Path("/t/backend"), Path("/t/libs"), Path("/t/stub"), Path("/py/lib"))


def test_it_has_its_own_python_and_not_this_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/given")
    env = environment(INSTALLATION, TritonSettings(venv=Path("/venv"), threads=3), "cuda")
    assert "PYTHONPATH" not in env
    assert env["PATH"].startswith("/venv/bin:")
    assert env["LD_LIBRARY_PATH"] == "/py/lib:/t/libs:/given"
    assert env["OMP_NUM_THREADS"] == "3"


def test_on_a_processor_memory_is_kept_for_the_next_layer_unless_somebody_knows_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in KEPT_MEMORY:
        monkeypatch.delenv(name, raising=False)
    settings = TritonSettings(venv=Path("/venv"))
    assert not KEPT_MEMORY.keys() & environment(INSTALLATION, settings, "cuda").keys()
    assert KEPT_MEMORY.items() <= environment(INSTALLATION, settings, "cpu").items()
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1")
    assert environment(INSTALLATION, settings, "cpu")["MALLOC_TRIM_THRESHOLD_"] == "1"
