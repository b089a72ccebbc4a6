"""What the planner reckons with is what diffusers' classes take, in Triton's environment."""

from __future__ import annotations

import pytest

from tests.integration.generator.conftest import Scripts

TOLERANCE = {"parameters": 0.04, "flops": 0.04, "bytes": 0.1}


def test_parameters_work_and_memory_are_those_of_diffusers_classes(scripts: Scripts) -> None:
    cases = scripts("reckoned")
    assert [sum(case["what"] == what for case in cases) for what in TOLERANCE] == [9, 6, 12]
    for case in cases:
        assert case["reckoned"] == pytest.approx(case["made"], rel=TOLERANCE[case["what"]]), case
        exact = case["what"] == "parameters" and not case["part"].endswith("vae")
        assert not exact or case["reckoned"] == case["made"], case
