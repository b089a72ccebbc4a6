from typing import Any

import numpy as np
import pytest

from services.graph.nodes.time.time_remap import TimeRemap
from tests.unit.services.graph.nodes.moving import shown

THERE_AND_BACK: dict[str, Any] = {"source": {"keys": [[0, 0], [0.2, 0.1], [0.3, 0.1], [0.5, 0]]}}


@pytest.mark.parametrize(("method", "tolerance"), [("nearest", 1e-6), ("blend", 1e-6)])
def test_the_curve_says_which_time_is_seen(method: str, tolerance: float) -> None:
    """NumPy's own interpolation of the keys; of a clip that changes at every moment, and one of 25 pictures."""
    clock = 0.0 if method == "nearest" else 25.0
    seen = shown(TimeRemap, {**THERE_AND_BACK, "method": method}, 15, clock=clock)
    expected = np.interp(np.arange(15) / 25, [0, 0.2, 0.3, 0.5], [0, 0.1, 0.1, 0])
    np.testing.assert_allclose(seen, expected, atol=tolerance)


def test_nearest_shows_what_the_clip_shows_then() -> None:
    seen = shown(TimeRemap, THERE_AND_BACK, 15, clock=25.0)
    expected = np.floor(np.interp(np.arange(15) / 25, [0, 0.2, 0.3, 0.5], [0, 0.1, 0.1, 0]) * 25 + 1e-9) / 25
    np.testing.assert_allclose(seen, expected, atol=1e-6)


def test_expressions_and_a_number_that_holds() -> None:
    assert shown(TimeRemap, {"source": {"expr": "t"}}, 4) == pytest.approx([0, 0.04, 0.08, 0.12])
    assert shown(TimeRemap, {"source": {"expr": "2 - t"}}, 3) == pytest.approx([2, 1.96, 1.92])
    assert shown(TimeRemap, {"source": 0.7}, 3) == pytest.approx([0.7] * 3)


def test_a_clip_whose_pictures_begin_between_the_documents() -> None:
    """At 10 a second from 0.03 on: at 0.08 the clip is half way between the pictures of 0.03 and 0.13."""
    seen = shown(TimeRemap, {"source": 0.08, "method": "blend", "rate": 10, "phase": "3/100"}, 1)
    assert seen == pytest.approx([0.08], abs=1e-6)
