"""OCIO's operations done by the colour kernel, beside OCIO's own processor without its approximations."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import PyOpenColorIO as ocio
import pytest

from libs.kernels import Pixels, grade, native
from libs.kernels.grading import Program
from services.graph.domain.evaluate.colour import WorkingColour, config
from services.graph.domain.evaluate.colour_program import parts_of, program_of
from services.graph.nodes.color.spaces import SPACES, into, out_of

SPACE = "ACEScg"
_INVERSE = ocio.TRANSFORM_DIR_INVERSE


def lattice(interpolation: Any, edge: int = 9) -> Any:
    """A look that twists the channels, bends them and has a kink."""
    axis = np.linspace(0, 1, edge)
    r, g, b = np.meshgrid(axis, axis, axis, indexing="ij")
    table = np.stack([0.8 * r**0.8 + 0.2 * g * b, g**1.3 * (1 - 0.3 * r) + 0.1 * b, np.where(b > 0.5, 1, 0.6 * b)], -1)
    look = ocio.Lut3DTransform(edge)
    look.setInterpolation(interpolation)
    look.setData(np.ascontiguousarray(table, dtype=np.float32).ravel())
    return look


def curves() -> Any:
    table = ocio.Lut1DTransform(33, False)
    x = np.linspace(0, 1, 33)
    table.setData(np.stack([x**0.6, x**1.8, 1 - 0.8 * x], -1).astype(np.float32).ravel())
    return table


def power(style: Any, direction: Any = ocio.TRANSFORM_DIR_FORWARD, values: tuple[float, ...] = (0.4, 1, 2.4)) -> Any:
    return ocio.ExponentTransform(value=[*values, 1], negativeStyle=style, direction=direction)


def bend(style: Any, direction: Any) -> Any:
    gamma, offset = [2.4, 2.2, 2.6, 1], [0.055, 0.099, 0.05, 0]
    return ocio.ExponentWithLinearTransform(gamma=gamma, offset=offset, negativeStyle=style, direction=direction)


def affine(direction: Any = ocio.TRANSFORM_DIR_FORWARD) -> Any:
    return ocio.LogAffineTransform([0.3, 0.2, 0.1], [0.5] * 3, [1.1] * 3, [0.01] * 3, direction)


def matrix(*numbers: float) -> Any:
    a, b, c, d, e, f, g, h, i = numbers
    return ocio.MatrixTransform([a, b, c, 0, d, e, f, 0, g, h, i, 0, 0, 0, 0, 1], [0.1, 0.2, -0.3, 0])


def _cases() -> dict[str, list[Any]]:
    directions = {"": ocio.TRANSFORM_DIR_FORWARD, " back": _INVERSE}
    styles = {"pass": ocio.NEGATIVE_PASS_THRU, "mirror": ocio.NEGATIVE_MIRROR, "clamp": ocio.NEGATIVE_CLAMP}
    feet = {"linear": ocio.NEGATIVE_LINEAR, "mirror": ocio.NEGATIVE_MIRROR}
    return {
        **{f"power {s}{d}": [power(style, way)] for s, style in styles.items() for d, way in directions.items()},
        "extreme powers": [power(ocio.NEGATIVE_PASS_THRU, values=(0.01, 10.0, 20.0))],
        **{f"bend {s}{d}": [bend(style, way)] for s, style in feet.items() for d, way in directions.items()},
        **{f"logarithm{d}": [affine(way)] for d, way in directions.items()},
        **{f"plain logarithm{d}": [ocio.LogTransform(10, way)] for d, way in directions.items()},
        "matrix": [matrix(2, 0.1, -0.3, 0.4, 3, 0, 0.5, 0.01, 4)],
        "diagonal": [matrix(2, 0, 0, 0, 3, 0, 0, 0, 4)],
        "range": [ocio.RangeTransform(0, 1, -0.36, 1.5)],
        "from": [ocio.RangeTransform(minInValue=0.1, minOutValue=0.1)],
        "up to": [ocio.RangeTransform(maxInValue=0.9, maxOutValue=0.9)],
        "curves": [curves()],
        "tetrahedra": [lattice(ocio.INTERP_TETRAHEDRAL)],
        "best": [lattice(ocio.INTERP_BEST)],
        "cubes": [lattice(ocio.INTERP_LINEAR)],
        "default": [lattice(ocio.INTERP_DEFAULT)],
        **{
            f"look in {word}": [*into(word, SPACE), lattice(ocio.INTERP_BEST), *out_of(word, SPACE)]
            for word in SPACES
            if word != "working"
        },
    }


CASES = _cases()
NEXT_TO_BLACK = {"look in acescc", "look in clog2", "look in clog3", "look in apple_log", "look in rec2100_hlg"}
"""Tables over half floats, which next to black are so steep that a rounding of light is many codes."""


@pytest.fixture(scope="module", params=[name for name in native.runnable() if name != native.NUMPY])
def compiled(request: pytest.FixtureRequest) -> Iterator[str]:
    name: str = request.param
    with native.using(name):
        yield name


def picture() -> Pixels:
    """Straight RGBA: of 0 to 1 and beyond, negative, very bright, and with single numbers that are special."""
    generator = np.random.default_rng(3)
    pixels = generator.uniform(-0.5, 1.5, (32, 67, 4)).astype(np.float32)
    pixels[:8] *= 16
    pixels[16:, :, 1] = pixels[16:, :, 0]
    special = [np.inf, -np.inf, 0, -0.0, 1e-40, -1e-40, 1e-30, -1e-30, 1e4, -1e4, 65504, 1, 2.0**-20]
    for channel in range(3):
        pixels[8 + channel, : len(special)] = 0.3
        pixels[8 + channel, : len(special), channel] = special
    pixels[..., 3] = generator.random(pixels.shape[:2])
    return pixels


def exact(transforms: list[Any], pixels: Pixels) -> Pixels:
    """The operations that OCIO joins them to, done by OCIO itself, with the C library's powers and logarithms."""
    processor = config().getProcessor(ocio.GroupTransform(transforms)).getOptimizedProcessor(ocio.OPTIMIZATION_LOSSLESS)
    result = pixels.copy()
    # Alpha 1: OCIO's matrices make a NaN of alpha where colour is infinite.
    result[..., 3] = 1.0
    processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE).applyRGBA(result)
    return result


@pytest.mark.parametrize("name", CASES)
def test_what_the_kernel_does_is_what_ocio_does(compiled: str, name: str) -> None:
    program = program_of(config().getProcessor(ocio.GroupTransform(CASES[name])))
    assert program is not None
    pixels = picture()
    result, expected = grade(program, pixels, premultiplied=False), exact(CASES[name], pixels)
    assert np.array_equal(result[..., 3], pixels[..., 3])
    # Of infinities that meet in a matrix there comes a NaN, and OCIO's goes on through alpha: see the next test.
    known = ~np.isnan(expected[..., :3]).any(axis=-1)
    assert known.mean() > 0.99
    # A rounding of a logarithm is a dozen of light.
    tolerance = 2e-5 if name.startswith("look in") else 1e-5
    # OCIO's own PQ is good to 3e-6 of a code, which is a hundred times as much of light.
    tolerance = 5e-4 if name.endswith("rec2100_pq") else tolerance
    ours, theirs = result[known][:, :3], expected[known][:, :3]
    if name in NEXT_TO_BLACK:
        near = np.abs(ours - theirs).max(-1) <= tolerance * np.maximum(1.0, np.abs(theirs).max(-1))
        assert near.mean() > 0.995
        return
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        ("power pass", np.nan),
        ("power clamp", 0.0),
        ("bend linear", np.nan),
        ("logarithm", np.nan),
        ("diagonal", np.nan),
        ("range", -0.36),
        ("from", 0.1),
        ("up to", 0.9),
        ("curves", 0.0),
        ("tetrahedra", 0.0),
        ("cubes", 0.0),
    ],
)
def test_a_nan_is_one_or_what_a_table_begins_with(compiled: str, name: str, becomes: float) -> None:
    program = program_of(config().getProcessor(ocio.GroupTransform(CASES[name])))
    assert program is not None
    pixels = np.full((1, 3, 4), np.nan, np.float32)
    np.testing.assert_allclose(grade(program, pixels, premultiplied=False)[0, :, 0], becomes, rtol=1e-6)
    if name != "logarithm":  # there OCIO gives what a logarithm's smallest number is, or a NaN where it approximates
        np.testing.assert_allclose(exact(CASES[name], pixels)[0, :, 0], becomes, rtol=1e-6)


def unknown() -> list[Any]:
    return [ocio.FixedFunctionTransform(ocio.FIXED_FUNCTION_REC2100_SURROUND, [0.78])]


@pytest.mark.parametrize(
    "transforms",
    [
        unknown(),
        [ocio.MatrixTransform([1, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])],
        [ocio.ExponentTransform(value=[1, 1, 1, 2])],
    ],
    ids=["surround", "alpha in colour", "power of alpha"],
)
def test_what_the_kernel_cannot_do_is_left_to_ocio(transforms: list[Any]) -> None:
    assert program_of(config().getProcessor(ocio.GroupTransform(transforms))) is None


MIXED = [*CASES["power mirror"], *CASES["diagonal"], *unknown(), *CASES["diagonal"]]
"""Of which OCIO does what is in the middle."""


def test_what_the_kernel_cannot_do_is_cut_out() -> None:
    before, between, after = parts_of(config().getProcessor(ocio.GroupTransform(MIXED)))
    assert isinstance(before, Program)
    assert isinstance(after, Program)
    assert isinstance(between, ocio.GroupTransform)
    assert [type(part) for part in parts_of(config().getProcessor(ocio.GroupTransform(unknown())))] == [
        ocio.GroupTransform
    ]


@pytest.mark.parametrize("back", [False, True])
def test_pq_is_the_standards_formula(compiled: str, back: bool) -> None:
    """SMPTE ST 2084 in float64, from a ten-thousandth of a cd/m² to all that it knows."""
    light = np.concatenate([[0.0], np.geomspace(1e-6, 100.0, 200)])
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    bent = (light / 100) ** m1
    codes = ((c1 + c2 * bent) / (1 + c3 * bent)) ** m2
    given, expected = (codes, light) if back else (light, codes)
    direction = _INVERSE if back else ocio.TRANSFORM_DIR_FORWARD
    curve = ocio.FixedFunctionTransform(ocio.FIXED_FUNCTION_LIN_TO_PQ, direction=direction)
    program = program_of(config().getProcessor(curve))
    assert program is not None
    pixels = np.repeat(given[None, :, None], 4, -1).astype(np.float32)
    result = grade(program, pixels, premultiplied=False)[0, :, :3]
    np.testing.assert_allclose(result, expected[:, None].repeat(3, 1), rtol=1e-4, atol=1e-5)
    mirrored = grade(program, -pixels, premultiplied=False)[0, :, :3]
    np.testing.assert_array_equal(mirrored[1:], -result[1:])


def test_nothing_to_do_is_no_part() -> None:
    nothing = config().getProcessor(ocio.GroupTransform([]))
    assert parts_of(nothing) == []
    pixels = picture()
    program = program_of(nothing)
    assert program is not None
    assert np.array_equal(grade(program, pixels, premultiplied=False), pixels, equal_nan=True)


@pytest.mark.parametrize(
    "transforms", [unknown(), CASES["look in display"], MIXED], ids=["OCIO", "kernel", "one after the other"]
)
@pytest.mark.parametrize("variant", native.runnable())
def test_premultiplied_pixels_are_changed_as_if_opaque_by_whomever(variant: str, transforms: list[Any]) -> None:
    straight = np.abs(picture()[16:])
    straight[0, :5, 3] = 0.0
    alpha = straight[..., 3:]
    pixels = straight.copy()
    pixels[..., :3] *= alpha
    result = np.full_like(pixels, np.nan)
    with native.using(variant):
        colour = WorkingColour(SPACE)
        build = lambda: ocio.GroupTransform(transforms)  # noqa: E731
        colour.change("key", build, pixels, out=result, premultiplied=True)
        colour.change("key", build, pixels, out=pixels, premultiplied=True)
    np.testing.assert_array_equal(result, pixels)
    np.testing.assert_array_equal(result[..., 3:], alpha)
    # OCIO's own approximation of powers is good to 2e-5 of a number.
    np.testing.assert_allclose(result[..., :3], exact(transforms, straight)[..., :3] * alpha, rtol=2e-4, atol=1e-4)
