"""The colour kernel as a kernel: its arrays, alpha, and what it refuses. That its steps do what OpenColorIO does is in
tests/unit/services/graph/domain/evaluate/test_colour_program.py."""

from collections.abc import Iterator

import numpy as np
import pytest

from libs.kernels import grade, native, premultiply, unpremultiply
from libs.kernels.grading import (
    Bend,
    Clamp,
    Curves,
    Exponents,
    HalfCurves,
    Lattice,
    Linear,
    Program,
    Ratio,
    Segment,
    Trace,
)
from tests.unit.libs.kernels.pictures import SIZES, noise, premultiplied, strip, untouched

HALVED = Linear(np.eye(3) * 0.5, (0.0, 0.25, 0.0))
RAMP = np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3)
LINES = ((1.0, 0.0),) * 3


@pytest.fixture(params=[name for name in native.runnable() if name != native.NUMPY])
def compiled(request: pytest.FixtureRequest) -> Iterator[str]:
    name: str = request.param
    with native.using(name):
        yield name


@pytest.mark.parametrize("size", [*SIZES, (2, 383), (2, 384), (2, 385), (1, 1000)])
def test_alpha_passes_and_colour_is_changed_as_if_it_were_opaque(compiled: str, size: tuple[int, int]) -> None:
    pixels = premultiplied(*size)
    pixels[0, 0, 3] = 0.0
    result = grade(Program([HALVED]), pixels, premultiplied=True)
    expected = unpremultiply(pixels)
    expected[..., :3] = expected[..., :3] * np.float32(0.5) + np.array([0, 0.25, 0], np.float32)
    premultiply(expected, alpha=pixels[..., 3:].copy(), out=expected)
    np.testing.assert_allclose(result, expected, rtol=1e-6)
    assert np.array_equal(result[..., 3], pixels[..., 3])
    assert not result[0, 0].any()


def test_light_of_next_to_no_alpha_stays_finite(compiled: str) -> None:
    pixels = np.array([[[1.0, 1e10, 3.0, 1e-39], [1e18, -1e18, 1.0, 1e-30]]], np.float32)
    mixed = Program([Linear(np.array([[1.0, -1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), (0.0, 0.0, 0.0))])
    assert np.isfinite(grade(mixed, pixels, premultiplied=True)).all()


def test_straight_colour_is_taken_as_it_is_and_no_steps_are_a_copy(compiled: str) -> None:
    pixels = noise(5, 40, seed=3, low=-1.0, high=2.0)
    assert np.array_equal(grade(Program([]), pixels, premultiplied=False), pixels)
    halved = grade(Program([HALVED]), pixels, premultiplied=False)
    np.testing.assert_allclose(halved[..., 0], pixels[..., 0] / 2, rtol=1e-6)
    assert np.array_equal(halved[..., 3], pixels[..., 3])


def test_strips_in_place(compiled: str) -> None:
    program = Program([HALVED, Exponents((0.5, 2.0, 1.0))])
    pixels = premultiplied(9, 50)
    expected = grade(program, pixels, premultiplied=True)
    source, whole = strip(pixels)
    assert grade(program, source, premultiplied=True, out=source) is source
    assert np.array_equal(source, expected)
    assert untouched(whole, 9)


def test_what_is_not_finite_stays_in_its_pixel(compiled: str) -> None:
    pixels = noise(1, 32)
    lattice = Lattice(np.random.default_rng(1).random((3, 3, 3, 3), np.float32))
    program = Program([Linear(np.full((3, 3), 0.3)), Exponents((0.4, 0.4, 0.4)), lattice])
    expected = grade(program, pixels, premultiplied=False)
    pixels[0, 7, :3] = np.nan, np.inf, -np.inf
    result = grade(program, pixels, premultiplied=False)
    # A NaN lies at the first point of a table.
    np.testing.assert_array_equal(result[0, 7, :3], lattice.values[0, 0, 0])
    assert np.array_equal(np.delete(result, 7, axis=1), np.delete(expected, 7, axis=1))


def test_a_traced_curve_is_its_table_and_beyond_it_its_lines(compiled: str) -> None:
    x = np.linspace(-2.0, 5.0, 301, dtype=np.float32)
    pixels = np.repeat(x[None, :, None], 4, -1)
    table = np.stack([np.linspace(1, 3, 65), np.linspace(0, 1, 65) ** 2, np.zeros(65)], -1).astype(np.float32)
    limits, below, above = ((0.0, 1.0), (-1.0, 3.0), (2.0, 4.0)), ((2.0, 1.0), (0.0, -5.0), (1.0, 0.0)), LINES
    result = grade(Program([Trace(table, limits, below, above)]), pixels, premultiplied=False)
    for channel, (low, high) in enumerate(limits):
        at = np.interp(x, np.linspace(low, high, 65), table[:, channel])
        expected = np.where(x < low, below[channel][0] * x + below[channel][1], np.where(x > high, x, at))
        np.testing.assert_allclose(result[0, :, channel], expected, atol=2e-6)
    pixels[0, 0] = np.nan
    assert np.isnan(grade(Program([Trace(table, limits, below, above)]), pixels, premultiplied=False)[0, 0, :3]).all()


def test_a_table_over_half_floats_is_straight_between_them(compiled: str) -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = np.isfinite(halves)
    light = np.where(finite, halves, 0).astype(np.float64)
    bent = np.stack([light, np.cbrt(light), -2 * light], -1).astype(np.float32)
    bent[~finite] = np.nan
    x = np.concatenate([light, light * 1.0003, [1e-9, -1e-9, 6.1e-5, -65519.0, 1e6, -np.inf]]).astype(np.float32)
    pixels = np.repeat(x[None, :, None], 4, -1)
    result = grade(Program([HalfCurves(bent)]), pixels, premultiplied=False)[0]
    ordered = np.unique(light)
    seen = np.clip(x.astype(np.float64), -65504, 65504)
    for channel, values in enumerate((ordered, np.cbrt(ordered), -2 * ordered)):
        expected = np.interp(seen, ordered, values.astype(np.float32))
        np.testing.assert_allclose(result[:, channel], expected, rtol=2e-6, atol=1e-10)
    pixels[0, 0] = np.nan
    assert np.isnan(grade(Program([HalfCurves(bent)]), pixels, premultiplied=False)[0, 0, :3]).all()


def test_without_a_library_it_says_so() -> None:
    with native.using(native.NUMPY), pytest.raises(RuntimeError, match="no native kernels"):
        grade(Program([HALVED]), noise(2, 2), premultiplied=False)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Linear(np.full((3, 3), np.nan)), "finite"),
        (Linear(np.eye(3), (0.0, np.inf, 0.0)), "finite"),
        (Exponents((1.0, 0.001, 1.0)), "exponent"),
        (Bend((Segment((1.0, 0.0), (np.inf, 0.0)),) * 3), "finite"),
        (Curves(np.zeros((1, 3), np.float32)), "table"),
        (Curves(np.full((4, 3), np.inf, np.float32)), "finite"),
        (Lattice(np.zeros((3, 3, 2, 3), np.float32)), "table"),
        (Clamp(1.0, 0.0), "limit"),
        (HalfCurves(RAMP), "table"),
        (Ratio((np.nan, 1.0), (1.0, 1.0)), "finite"),
        (Trace(RAMP, ((1.0, 1.0),) * 3, LINES, LINES), "limits"),
        (Trace(RAMP, ((0.0, 1.0),) * 3, LINES, ((np.inf, 0.0),) * 3), "lines"),
    ],
    ids=str,
)
def test_steps_that_make_no_sense_are_refused(step: Linear, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Program([step])
