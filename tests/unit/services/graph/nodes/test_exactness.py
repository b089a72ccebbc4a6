"""Every node beside its oracles; `python -m bench exactness` prints the same figures."""

import numpy as np
import pytest

from tests.unit.services.graph.nodes.oracles.all import COMPARISONS
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest, largest_relative


@pytest.mark.parametrize("comparison", COMPARISONS, ids=str)
def test_the_largest_error_is_within_its_tolerance(comparison: Comparison) -> None:
    assert comparison.error() <= comparison.tolerance


def test_the_measure_of_error_finds_what_it_is_for() -> None:
    a = np.array([1.0, 100.0])
    assert largest(a, a + np.array([0.0, 0.5])) == 0.5
    assert largest_relative(a, a + np.array([0.0, 0.5])) == pytest.approx(0.005, rel=0.01)
    assert largest(a, [1.0, np.nan]) == np.inf
    assert largest(a, [1.0]) == np.inf
    assert largest([np.nan], [np.nan]) == 0.0
