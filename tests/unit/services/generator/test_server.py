"""What the model server is started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.generator.triton.server import Installation, environment
from services.generator.triton.settings import TritonSettings

INSTALLATION = Installation(Path("/t/server"), Path("/t/backend"), Path("/t/libs"), Path("/t/stub"), Path("/py/lib"))


def test_it_has_its_own_python_and_not_this_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/given")
    env = environment(INSTALLATION, TritonSettings(venv=Path("/venv"), threads=3))
    assert "PYTHONPATH" not in env
    assert env["PATH"].startswith("/venv/bin:")
    assert env["LD_LIBRARY_PATH"] == "/py/lib:/t/libs:/given"
    assert env["OMP_NUM_THREADS"] == "3"
