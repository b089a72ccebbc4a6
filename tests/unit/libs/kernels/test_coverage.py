"""Outlines as pixels: what geometry says of them, and every variant against NumPy's."""

import tracemalloc
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernels import Rule, coverage, feather, native
from libs.kernels.coverage import Edges
from libs.kernels.types import RULES
from tests.unit.libs.kernels.pictures import by_reference, strip, untouched

pytestmark = pytest.mark.usefixtures("variant")

SHAPE, ORIGIN = (37, 51), (-4, 3)


def closed(*corners: tuple[float, float]) -> Edges:
    points = np.array(corners, np.float64)
    return np.hstack([points, np.roll(points, -1, axis=0)])


def random(seed: int, count: int, *, coarse: bool = False) -> Edges:
    """A closed line of chance, in and around the picture; `coarse` often meets the borders of pixels."""
    points = np.random.default_rng(seed).uniform(-25.0, 75.0, (count, 2))
    return closed(*map(tuple, np.round(points * 2.0) / 2.0 if coarse else points))


def soft(edges: Edges, seed: int) -> Edges:
    generator = np.random.default_rng(seed)
    widths, heights = generator.uniform(1.0, 30.0, len(edges)), generator.uniform(0.2, 1.0, len(edges))
    return np.hstack([edges, np.stack([widths, np.roll(widths, -1), heights, np.roll(heights, -1)], axis=1)])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(2, 12), st.sampled_from(RULES), st.booleans())
def test_agrees_with_numpy(seed: int, count: int, rule: Rule, coarse: bool) -> None:
    # A centre that lies on an edge, as on a coarse grid some do, may be on either side of it.
    edges = random(seed, count, coarse=coarse and rule != "centres")
    got = coverage(edges, SHAPE, ORIGIN, rule)
    np.testing.assert_allclose(got, by_reference(lambda: coverage(edges, SHAPE, ORIGIN, rule)), atol=2e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 9))
def test_feathers_agree_with_numpy(seed: int, count: int) -> None:
    edges = soft(random(seed, count), seed)
    got = feather(edges, SHAPE, ORIGIN)
    np.testing.assert_allclose(got, by_reference(lambda: feather(edges, SHAPE, ORIGIN)), atol=2e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 9999), st.integers(3, 9), st.sampled_from(RULES))
def test_parts_are_bit_by_bit_parts_of_the_whole(seed: int, count: int, rule: Rule) -> None:
    edges = random(seed, count)
    slopes = soft(edges, seed)
    # NumPy sums floats, whose order changes with the part.
    within = 1e-6 if native.variant() == native.NUMPY else 0.0
    whole, around = coverage(edges, SHAPE, ORIGIN, rule), feather(slopes, SHAPE, ORIGIN)
    for top, left, height, width in ((0, 0, 37, 20), (11, 17, 9, 34), (36, 50, 1, 1)):
        part, origin = (slice(top, top + height), slice(left, left + width)), (ORIGIN[0] + left, ORIGIN[1] + top)
        np.testing.assert_allclose(coverage(edges, (height, width), origin, rule), whole[part], rtol=0, atol=within)
        np.testing.assert_allclose(feather(slopes, (height, width), origin), around[part], rtol=0, atol=within)
    for threads in (2, 5, 100):
        np.testing.assert_array_equal(coverage(edges, SHAPE, ORIGIN, rule, threads=threads), whole)
        np.testing.assert_array_equal(feather(slopes, SHAPE, ORIGIN, threads=threads), around)


def test_the_sum_is_the_area_and_nothing_is_left_behind() -> None:
    angle = np.linspace(0.0, 2.0 * np.pi, 97)[:-1]
    points = np.stack([20.3 + 15.0 * np.cos(angle), 18.9 + 11.0 * np.sin(angle)], axis=1)
    x, y = points.T
    area = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    got = coverage(closed(*map(tuple, points)), (40, 60), (0, 0))
    assert got.sum(dtype=np.float64) == pytest.approx(area, rel=2e-6)
    assert not got[:, 37:].any()
    assert (got[19, 8:32] == 1.0).all()


def test_parts_of_pixels_are_exact() -> None:
    got = coverage(closed((2.25, 1.0), (5.5, 1.0), (5.5, 3.75), (2.25, 3.75)), (5, 7), (0, 0))[..., 0]
    row = np.array([0.0, 0.0, 0.75, 1.0, 1.0, 0.5, 0.0], np.float32)
    np.testing.assert_array_equal(got, np.outer(np.array([0.0, 1.0, 1.0, 0.75, 0.0], np.float32), row))
    triangle = coverage(closed((0.0, 0.0), (4.0, 0.0), (0.0, 4.0)), (4, 4), (0, 0))[..., 0]
    np.testing.assert_array_equal(triangle, np.tri(4, dtype=np.float32)[::-1] - 0.5 * np.eye(4, dtype=np.float32)[::-1])


def test_rules_differ_where_outlines_lie_in_one_another() -> None:
    outer, inner = closed((0, 0), (8, 0), (8, 8), (0, 8)), closed((2, 2), (6, 2), (6, 6), (2, 6))
    both = np.concatenate([outer, inner])
    other_way = np.concatenate([outer, inner[::-1][:, [2, 3, 0, 1]]])
    assert coverage(both, (8, 8), (0, 0)).min() == 1.0
    hole = np.ones((8, 8, 1), np.float32)
    hole[2:6, 2:6] = 0.0
    np.testing.assert_array_equal(coverage(both, (8, 8), (0, 0), "evenodd"), hole)
    np.testing.assert_array_equal(coverage(other_way, (8, 8), (0, 0)), hole)


def test_many_windings_are_one_inside() -> None:
    edges = np.concatenate([closed((1, 1), (7, 1), (7, 7), (1, 7))] * 1000)
    got = coverage(edges, (8, 8), (0, 0))
    assert (got[1:7, 1:7] == 1.0).all()
    assert got.sum() == 36.0


def test_a_feather_is_a_cone_on_every_point_of_its_edges() -> None:
    """Of 4,000 points of each edge the highest cone, in float64."""
    edges = np.array([[8.0, 9.0, 33.5, 20.25, 2.0, 14.0, 1.0, 1.0], [33.5, 20.25, 12.0, 31.0, 14.0, 14.0, 1.0, 1.0]])
    y, x = np.mgrid[0:40, 0:50] + 0.5
    expected = np.zeros((40, 50))
    for x0, y0, x1, y1, w0, w1, _, _ in edges:
        for u in np.linspace(0.0, 1.0, 4001):
            away = np.hypot(x - x0 - (x1 - x0) * u, y - y0 - (y1 - y0) * u)
            np.maximum(expected, 1.0 - away / (w0 + (w1 - w0) * u), out=expected)
    np.testing.assert_allclose(feather(edges, (40, 50), (0, 0))[..., 0], expected, atol=2e-4)


@pytest.mark.parametrize("length", [1e2, 1e4, 1e6])
def test_a_feather_is_as_fine_beside_a_long_edge(length: float) -> None:
    """Where the edge passes, and where it ends, of whatever length: single precision has no thousandths of 10^5."""
    way = length * np.array([0.8, 0.6])
    for end in (np.array([20.3, 20.7]), np.array([20.3, 20.7]) + way):
        edges = np.array([[*(end - way), *end, 2.0, 2.0, 1.0, 1.0], [*end, *(end - way), 1.0, 9.0, 1.0, 0.5]])
        drawn = partial(feather, edges, (40, 40), (0, 0))
        np.testing.assert_allclose(drawn(), by_reference(drawn), atol=2e-6)


def test_a_point_has_a_feather_too() -> None:
    got = feather(np.array([[4.5, 4.5, 4.5, 4.5, 4.0, 4.0, 0.5, 0.5]]), (9, 9), (0, 0))[..., 0]
    np.testing.assert_allclose(got[4], 0.5 * np.clip(1.0 - np.abs(np.arange(9) - 4) / 4.0, 0.0, 1.0), atol=1e-6)


def test_results_go_to_strips() -> None:
    edges = random(4, 7)
    for kernel, given_edges in ((coverage, edges), (feather, soft(edges, 4))):
        target, whole = strip(np.zeros((20, 33, 1), np.float32))
        assert kernel(given_edges, (20, 33), (0, 0), out=target, threads=2) is target
        np.testing.assert_array_equal(target, kernel(given_edges, (20, 33), (0, 0)))
        assert untouched(whole, 20)


def test_nothing_covers_nothing() -> None:
    assert not coverage(np.zeros((0, 4)), (3, 4), (0, 0)).any()
    assert not feather(np.zeros((0, 8)), (3, 4), (0, 0)).any()
    assert coverage(random(1, 5), (0, 9), (0, 0)).shape == (0, 9, 1)
    assert not coverage(random(1, 5), (3, 4), (900, 0)).any()
    assert not feather(soft(random(1, 5), 1), (3, 4), (0, 900)).any()
    # Far away, all around.
    assert (coverage(closed((-1e7, -1e7), (1e7, -1e7), (1e7, 1e7), (-1e7, 1e7)), (3, 4), (0, 0)) == 1.0).all()


def test_what_lies_far_away_takes_no_memory() -> None:
    sliver = closed((0.0, 0.0), (1e6, 1.0), (-1e6, 2.0))
    tracemalloc.start()
    got = coverage(sliver, (3, 4), (0, 0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_allclose(got[..., 0], np.array([[1.0], [0.5], [0.0]]) + np.zeros((3, 4)), atol=1e-4)
    assert peak < 1_000_000


def test_what_is_no_edge_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[count, 4\]"):
        coverage(np.zeros((3, 8)), (2, 2), (0, 0))
    for number in (np.nan, np.inf, 1e9):
        with pytest.raises(ValueError, match="finite"):
            coverage(np.full((1, 4), number), (2, 2), (0, 0))
    with pytest.raises(ValueError, match="no rule"):
        coverage(np.zeros((1, 4)), (2, 2), (0, 0), "odd")  # type: ignore[arg-type]
    for widths in ([0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.5]):
        with pytest.raises(ValueError, match="width"):
            feather(np.array([[0.0, 0.0, 1.0, 1.0, *widths]]), (2, 2), (0, 0))
