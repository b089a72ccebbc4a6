"""OCIO's grading operations done by the colour kernel, beside OCIO's own processor.

OCIO has no exact one for these: its powers and logarithms are good to a few parts in a hundred thousand. How close the
kernel comes to their formulas is in the oracles of the nodes that use them.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import PyOpenColorIO as ocio
import pytest

from libs.kernels import Pixels, grade, native
from libs.kernels.grading import Program
from services.graph.domain.evaluate.colour import config
from services.graph.domain.evaluate.colour_program import program_of

STYLES = {"log": ocio.GRADING_LOG, "light": ocio.GRADING_LIN, "video": ocio.GRADING_VIDEO}
_INVERSE = ocio.TRANSFORM_DIR_INVERSE


def cdl(**wanted: Any) -> Any:
    transform = ocio.CDLTransform()
    transform.setSlope([1.3, 0.9, 0.7])
    transform.setOffset([0.05, -0.1, 0.02])
    transform.setPower(wanted.get("power", [1.2, 0.8, 2.2]))
    transform.setSat(wanted.get("saturation", 1.4))
    transform.setStyle(wanted.get("style", ocio.CDL_NO_CLAMP))
    return transform


def primary(style: Any, **wanted: Any) -> Any:
    value = ocio.GradingPrimary(style)
    for name, numbers in wanted.items():
        setattr(value, name, ocio.GradingRGBM(*numbers) if isinstance(numbers, tuple) else numbers)
    transform = ocio.GradingPrimaryTransform(style)
    transform.setValue(value)
    return transform


WHEELS: dict[str, Any] = {
    "brightness": (5.0, -3.0, 0.0, 2.0), "contrast": (1.1, 0.9, 1.0, 1.2), "gamma": (1.3, 0.7, 1.0, 1.1),
    "offset": (0.01, -0.02, 0.0, 0.05), "exposure": (0.5, -0.5, 0.0, 0.3), "lift": (0.02, -0.02, 0.0, 0.05),
    "gain": (1.2, 0.8, 1.0, 1.1), "pivotBlack": 0.05, "pivotWhite": 0.9,
}  # fmt: skip


def curves(style: Any, *names: str, slopes: bool = False, bypass: bool = False) -> Any:
    value = ocio.GradingRGBCurve(style)
    points = (
        [-7, -6, -2, -1.5, 0, 0.4, 3, 2.5, 6, 7] if style == ocio.GRADING_LIN else [0, 0.1, 0.3, 0.25, 0.6, 0.8, 1, 1.1]
    )
    for shift, name in enumerate(names):
        curve = ocio.GradingBSplineCurve(
            [float(number) + 0.05 * shift * (index % 2) for index, number in enumerate(points)]
        )
        if slopes:
            curve.setSlopes([0.5 + 0.3 * index for index in range(len(points) // 2)])
        setattr(value, name, curve)
    transform = ocio.GradingRGBCurveTransform(style)
    transform.setValue(value)
    transform.setBypassLinToLog(bypass)
    return transform


def tone(**wanted: Any) -> Any:
    value = ocio.GradingTone(ocio.GRADING_LIN)
    for name, number in wanted.items():
        if name == "scontrast":
            value.scontrast = number
        else:
            zone = getattr(value, name)
            setattr(value, name, ocio.GradingRGBMSW(1.1, 0.9, 1.0, number, zone.start, zone.width))
    transform = ocio.GradingToneTransform(ocio.GRADING_LIN)
    transform.setValue(value)
    return transform


CASES: dict[str, Any] = {
    "cdl": cdl(),
    "cdl of the ASC": cdl(style=ocio.CDL_ASC),
    "cdl, slope and offset": cdl(power=[1, 1, 1], saturation=1.0),
    "cdl of the ASC, slope and offset": cdl(power=[1, 1, 1], saturation=1.0, style=ocio.CDL_ASC),
    **{f"wheels, {name}": primary(style, **WHEELS, saturation=1.3) for name, style in STYLES.items()},
    **{f"limited, {name}": primary(style, clampBlack=0.1, clampWhite=0.8) for name, style in STYLES.items()},
    "exposure alone": primary(ocio.GRADING_LIN, exposure=(0.5, -0.5, 0.0, 0.3)),
    **{f"curve of all, {name}": curves(style, "master") for name, style in STYLES.items()},
    **{f"four curves, {name}": curves(style, "red", "green", "blue", "master") for name, style in STYLES.items()},
    "one curve with slopes": curves(ocio.GRADING_LOG, "green", slopes=True),
    "curves of light as of numbers": curves(ocio.GRADING_LIN, "red", "master", bypass=True),
    "no curve": curves(ocio.GRADING_LIN),
    **{zone: tone(**{zone: number}) for zone, number in
       {"blacks": 1.6, "shadows": 0.6, "midtones": 1.4, "highlights": 1.5, "whites": 0.4}.items()},
    "blacks and whites, the other way": tone(blacks=0.4, whites=1.7),
    "contrast": tone(scontrast=1.6),
    "all tones": tone(blacks=0.8, shadows=1.3, midtones=0.8, highlights=0.7, whites=1.2, scontrast=0.7),
}  # fmt: skip


@pytest.fixture(scope="module", params=[name for name in native.runnable() if name != native.NUMPY])
def compiled(request: pytest.FixtureRequest) -> Iterator[str]:
    name: str = request.param
    with native.using(name):
        yield name


def program_for(transform: Any) -> Program:
    program = program_of(config().getProcessor(transform))
    assert program is not None
    return program


def picture() -> Pixels:
    """Straight RGB from far below black to 30 stops above, with alpha 1."""
    generator = np.random.default_rng(7)
    pixels = generator.uniform(-0.5, 1.5, (24, 67, 4)).astype(np.float32)
    pixels[8:16] = 2.0 ** generator.uniform(-14, 8, (8, 67, 4))
    pixels[0, :5, :3] = [[0.0] * 3, [1.0] * 3, [-100.0] * 3, [60000.0] * 3, [0.18] * 3]
    pixels[..., 3] = 1.0
    return pixels


@pytest.mark.parametrize("name", CASES)
def test_what_the_kernel_does_is_what_ocio_does(compiled: str, name: str) -> None:
    pixels = picture()
    result = grade(program_for(CASES[name]), pixels, premultiplied=False)
    processor = config().getProcessor(CASES[name])
    expected = pixels.copy()
    processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE).applyRGBA(expected)
    # OCIO's logarithms and powers are approximations, whatever is asked for, and saturation carries what they are off
    # from one channel to another. Where its tonal grading ends, the kernel's does within a step of its table.
    size = np.abs(expected[..., :3]).max(axis=-1, keepdims=True)
    off = np.abs(result - expected)[..., :3] / (size + 0.02)
    assert off[expected[..., :3].max(axis=-1) < 65000].max() < 5e-4
    assert off.max() < 2e-3


@pytest.mark.parametrize("name", ["curve of all, log", "four curves, video", "curves of light as of numbers"])
def test_curves_without_a_logarithm_are_as_exact_as_their_tables(compiled: str, name: str) -> None:
    pixels = picture()
    result = grade(program_for(CASES[name]), pixels, premultiplied=False)
    expected = pixels.copy()
    config().getProcessor(CASES[name]).getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE).applyRGBA(expected)
    np.testing.assert_allclose(result[..., :3], expected[..., :3], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("points", "known"),
    [
        ([0, 0.02, 0.4, 0.42, 1, 1], True),
        ([-30, -30, 0.2, 0.1, 0.6, 0.9, 30, 30], True),
        ([0, 0, 0.5, 0.1, 0.51, 0.9, 1, 1], True),
        ([-30, 0, 0.5, 0.1, 0.6, 0.9, 30, 1], False),
        ([0, 0, 0.5, 0, 0.501, 1, 1, 1], False),
        ([-30, -30, 0.5, -30, 0.501, 30, 30, 30], False),
    ],
)
def test_a_curve_is_traced_closely_or_left_to_ocio(compiled: str, points: list[float], known: bool) -> None:
    value = ocio.GradingRGBCurve(ocio.GRADING_LOG)
    value.master = ocio.GradingBSplineCurve([float(number) for number in points])
    transform = ocio.GradingRGBCurveTransform(ocio.GRADING_LOG)
    transform.setValue(value)
    program = program_of(config().getProcessor(transform))
    assert (program is not None) == known
    if program is None:
        return
    pixels = np.repeat(np.linspace(-0.5, 1.5, 20001, dtype=np.float32)[None, :, None], 4, axis=-1)
    result = grade(program, pixels, premultiplied=False)
    config().getProcessor(transform).getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE).applyRGBA(pixels)
    assert np.abs(result - pixels)[..., :3].max() < 3e-5


@pytest.mark.parametrize("name", ["curve of all, log", "all tones", "wheels, log", "cdl"])
def test_a_nan_stays_one(compiled: str, name: str) -> None:
    pixels = picture()
    pixels[3, 4, :3] = np.nan
    result = grade(program_for(CASES[name]), pixels, premultiplied=False)
    spoilt = np.zeros(pixels.shape[:2], bool)
    spoilt[3, 4] = True
    if name != "all tones":  # which end in a limit, and that makes a number of it
        assert np.isnan(result[spoilt][:, :3]).all()
    assert np.isfinite(result[~spoilt]).all()


@pytest.mark.parametrize("name", ["cdl", "wheels, log", "curve of all, log", "contrast"])
def test_grading_backwards_is_left_to_ocio(name: str) -> None:
    backwards = ocio.GroupTransform([CASES[name]], _INVERSE)
    assert program_of(config().getProcessor(backwards)) is None


def test_tonal_grading_of_other_numbers_than_light_is_left_to_ocio() -> None:
    transform = ocio.GradingToneTransform(ocio.GRADING_LOG)
    value = ocio.GradingTone(ocio.GRADING_LOG)
    value.scontrast = 1.3
    transform.setValue(value)
    assert program_of(config().getProcessor(transform)) is None
