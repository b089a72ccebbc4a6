"""The embedded models, as they are shipped: they do what they are told, and their training can be left."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.generator.nano import DENOISERS, NANO_VERSION, WEIGHTS
from services.generator.nano.build import build
from tests.support.triton import ROOT


def run(*arguments: str) -> list[dict[str, Any]]:
    """What a program of Triton's environment prints."""
    done = subprocess.run(
        [str(ROOT / ".venv-triton" / "bin" / "python"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_on_captions_that_it_was_never_trained_on_it_draws_what_they_say() -> None:
    """Fewer than the model card's 200, so by chance a little worse than it says."""
    rows = run("-m", "services.generator.training.evaluate", "--count", "12", "--threads", "1")
    assert [(row["model"], row["given"]) for row in rows[::2]] == [
        ("wan22-nano-t2v", "text"),
        ("wan22-nano-i2v", "picture"),
        ("wan22-nano-ti2v", "text"),
        ("wan22-nano-ti2v", "text"),
    ]
    for row in rows:
        right = ("colour", "background", "motion", "count") if row["given"] == "text" else ("motion",)
        assert min(row[name] for name in right) >= 0.75, row
        # By chance a third would be.
        assert row.get("shape", 1.0) >= 0.55, row
        assert row.get("first frame's error", 0.0) < 0.05, row


def test_training_that_is_left_twice_ends_as_training_that_never_was(tmp_path: Path) -> None:
    whole, left = run(str(Path(__file__).with_name("left_training.py")), str(tmp_path))
    assert (whole["done"], left["done"]) == ([True], [False, False, True])
    assert whole["weights"] == left["weights"]
    assert whole["curve"][-1].startswith("11,")
    assert [row.partition(",")[0] for row in left["curve"]] == ["step", "4", "8", "11"]


def test_a_model_is_put_together_whole_or_not_at_all(tmp_path: Path) -> None:
    for model in DENOISERS:
        build(model, tmp_path / model)
        card = json.loads((tmp_path / model / "artifex.json").read_text())
        assert (card["nano_version"], card["random_weights"]) == (NANO_VERSION, False)
    with pytest.raises(FileExistsError):
        build("wan22-nano-t2v", tmp_path / "wan22-nano-t2v")
    (tmp_path / "taken").mkdir()
    with pytest.raises(FileExistsError):
        build("wan22-nano-t2v", tmp_path / "taken")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*DENOISERS, "taken"])
    assert sum(file.stat().st_size for file in WEIGHTS.rglob("*") if file.is_file()) < 25_000_000
