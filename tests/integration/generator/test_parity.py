"""Our sampling loop against diffusers' own pipeline, in Triton's environment."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.support.triton import ROOT, nano_weights


def test_our_loop_makes_the_pixels_of_the_plain_pipeline() -> None:
    python = ROOT / ".venv-triton" / "bin" / "python"
    script = Path(__file__).with_name("parity.py")
    done = subprocess.run(
        [python, script, nano_weights()],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    *cases, cancelled, again = (json.loads(line) for line in done.stdout.splitlines())
    assert [case["difference"] for case in cases] == [0, 0, 0, 0]
    assert [case["steps"] for case in cases] == [[1, 2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 3], [1, 2]]
    assert set(cases[0]["experts"]) == {"high_noise", "low_noise"}
    assert cases[3]["shape"] == [1, 48, 80, 3]
    assert cancelled == {"cancelled_in_decode": True}
    assert again == {"same_after_cancel": True}
