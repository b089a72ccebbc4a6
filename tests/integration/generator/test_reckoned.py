"""What the planner reckons with is what diffusers' classes take, in Triton's environment."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.triton import ROOT

TOLERANCE = {"parameters": 0.04, "flops": 0.04, "bytes": 0.1}


def test_parameters_work_and_memory_are_those_of_diffusers_classes() -> None:
    done = subprocess.run(
        [ROOT / ".venv-triton" / "bin" / "python", Path(__file__).with_name("reckoned.py")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    cases = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [sum(case["what"] == what for case in cases) for what in TOLERANCE] == [9, 6, 12]
    for case in cases:
        assert case["reckoned"] == pytest.approx(case["made"], rel=TOLERANCE[case["what"]]), case
        exact = case["what"] == "parameters" and not case["part"].endswith("vae")
        assert not exact or case["reckoned"] == case["made"], case
