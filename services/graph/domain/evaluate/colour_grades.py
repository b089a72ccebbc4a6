"""OCIO's grading operations as steps of the colour kernel: CDL, primary and tonal grading, and curves of channels.

CDL and primary grading are linear steps, powers and limits. Tonal grading and curves change each channel by itself, are
smooth, and go straight on at both ends: OCIO itself says what they are at many points, and the kernel reads a table.
Formulas are those of OCIO's documentation, and of ASC CDL 1.2.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import PyOpenColorIO as ocio

from libs.kernels.grading import Clamp, Exponents, Linear, Logarithm, Segment, Step, Three, Trace

_Samples = npt.NDArray[np.float64]
_LUMA: Final = (0.2126, 0.7152, 0.0722)
"""Rec.709's weights, which the ASC's and all of OCIO's grading take."""
_POINTS: Final = 8192
"""Of a table: curves are joined of parabolas, so what lies between two points mostly differs by less than 1e-6."""
_MANY_POINTS: Final = 65536
"""Of one for curves that are long or steep."""
_CLOSE: Final = 1e-5
"""How far a table may lie from its curve, half-way between two points."""
_FAR: Final = 16.0
"""From a table's end to where its line is measured."""
_LIMIT: Final = 65504.0
"""OCIO's tonal grading of light ends there."""

# Grading of light is done in stops from middle grey, straight below where the slope would grow too large.
_SHIFT: Final = -0.000157849851665374
_FOOT: Final = (363.034608563, -7.0)
_BREAK, _STOPS_AT_BREAK = 0.0041318374739483946, -5.5
_STOPS: Final = Segment((1 / (0.18 + _SHIFT), _SHIFT / (0.18 + _SHIFT)), (1.0, 0.0), _BREAK, _FOOT)
_LIGHT: Final = Segment(
    (1.0, 0.0), (0.18 + _SHIFT, -_SHIFT), _STOPS_AT_BREAK, (1 / _FOOT[0], -_FOOT[1] / _FOOT[0])
)  # fmt: skip
_TO_STOPS: Final = Logarithm((_STOPS,) * 3)
_TO_LIGHT: Final = Logarithm((_LIGHT,) * 3, inverse=True)


class Unknown(Exception):
    """The kernel has no step for a transform."""


def cdl(transform: Any) -> Sequence[Step]:
    """Slope and offset, limits with the ASC's style, power, saturation, limits."""
    _forward(transform)
    slope, offset, power = transform.getSlope(), transform.getOffset(), transform.getPower()
    clamped = transform.getStyle() == ocio.CDL_ASC
    steps: list[Step] = [Linear(np.diag(slope), _three(offset))]
    if clamped:
        steps.append(Clamp(0.0, 1.0))
    steps += _powers(power, mirrored=False)
    steps += _saturation(transform.getSat())
    return [*steps, Clamp(0.0, 1.0)] if clamped else steps


def primary(transform: Any) -> Sequence[Step]:
    """By style: brightness, contrast and gamma; offset, exposure and contrast; lift, gain, offset and gamma."""
    _forward(transform)
    value, style = transform.getValue(), transform.getStyle()
    if style == ocio.GRADING_LIN:
        steps = _linear_grade(value)
    elif style == ocio.GRADING_LOG:
        # A unit of brightness is 6.25 codes of 10 bits.
        pivot = 0.5 + 0.5 * value.pivot
        added = _sums(value.brightness) * 6.25 / 1023.0
        slopes = _products(value.contrast)
        steps = [Linear(np.diag(slopes), _three((added - pivot) * slopes + pivot)), *_gamma(value)]
    else:
        black, white = value.pivotBlack, value.pivotWhite
        lift = _sums(value.lift)
        slopes = (white - black) / (white / _products(value.gain) + lift - black)
        added = _sums(value.offset) + lift
        steps = [Linear(np.diag(slopes), _three((added - black) * slopes + black)), *_gamma(value)]
    steps += _saturation(value.saturation)
    bounds = value.clampBlack, value.clampWhite
    if bounds != (ocio.GradingPrimary(style).clampBlack, ocio.GradingPrimary(style).clampWhite):
        steps.append(Clamp(*bounds))
    return steps


def channel_curves(transform: Any) -> Sequence[Step]:
    """Each channel's own curve, then the one of all."""
    _forward(transform)
    value, style = transform.getValue(), transform.getStyle()
    steps: list[Step] = []
    for names in (("red", "green", "blue"), ("master",) * 3):
        curves = [getattr(value, name) for name in names]
        if all(_is_straight(curve) for curve in curves):
            continue
        # OCIO says what it does with these curves alone, on numbers as they are.
        alone = ocio.GradingRGBCurve(style)
        for name, curve in zip(names, curves, strict=True):
            setattr(alone, name, curve)
        alone_transform = ocio.GradingRGBCurveTransform(style)
        alone_transform.setValue(alone)
        alone_transform.setBypassLinToLog(True)
        steps.append(_closely_traced(_applied(alone_transform), [_ends(curve) for curve in curves]))
    if style == ocio.GRADING_LIN and not transform.getBypassLinToLog() and steps:
        return [_TO_STOPS, *steps, _TO_LIGHT]
    return steps


def tone(transform: Any) -> Sequence[Step]:
    """Blacks, shadows, midtones, highlights, whites and contrast of light, which all change channels by themselves."""
    _forward(transform)
    if transform.getStyle() != ocio.GRADING_LIN:
        raise Unknown("tonal grading of other numbers than light")
    function = _applied(transform)

    def in_stops(stops: _Samples) -> _Samples:
        return _stops(np.minimum(function(_light(stops)), _LIMIT))

    highest = float(_stops(np.array(_LIMIT)))
    return [_TO_STOPS, _traced(in_stops, ((-32.0, highest),) * 3), _TO_LIGHT, Clamp(highest=_LIMIT)]


def _linear_grade(value: Any) -> list[Step]:
    factors = np.exp2(_sums(value.exposure))
    contrast, pivot = _products(value.contrast), 0.18 * 2.0**value.pivot
    added = _sums(value.offset) * factors
    if (contrast == 1.0).all():
        return [Linear(np.diag(factors), _three(added))]
    return [
        Linear(np.diag(factors / pivot), _three(added / pivot)),
        *_powers(contrast, mirrored=True),
        Linear(np.eye(3) * pivot),
    ]


def _gamma(value: Any) -> list[Step]:
    """Around the pivots of black and white."""
    gamma = _products(value.gamma)
    if (gamma == 1.0).all():
        return []
    black, reach = value.pivotBlack, value.pivotWhite - value.pivotBlack
    return [
        Linear(np.eye(3) / reach, (-black / reach,) * 3),
        *_powers(1.0 / gamma, mirrored=True),
        Linear(np.eye(3) * reach, (black,) * 3),
    ]


def _powers(exponents: Sequence[float] | _Samples, *, mirrored: bool) -> list[Step]:
    if all(exponent == 1.0 for exponent in exponents):
        return []
    return [Exponents(_three(exponents), "mirror" if mirrored else "pass")]


def _saturation(amount: float) -> list[Step]:
    if amount == 1.0:
        return []
    return [Linear(amount * np.eye(3) + (1.0 - amount) * np.array([_LUMA] * 3))]


def _sums(wheel: Any) -> _Samples:
    return np.array([wheel.red, wheel.green, wheel.blue], dtype=np.float64) + float(wheel.master)


def _products(wheel: Any) -> _Samples:
    return np.array([wheel.red, wheel.green, wheel.blue], dtype=np.float64) * float(wheel.master)


def _closely_traced(function: Callable[[_Samples], _Samples], ends: Sequence[tuple[float, float]]) -> Trace:
    """As `_traced`, with as many points as it takes; Unknown where a table would need more."""
    low, high = np.array(ends, dtype=np.float64).T
    for points in (_POINTS, _MANY_POINTS):
        traced = _traced(function, ends, points)
        half = 0.5 * (high - low) / (points - 1)
        between = function(np.linspace(low + half, high - half, points - 1))
        if np.abs(between - 0.5 * (traced.values[:-1] + traced.values[1:])).max() <= _CLOSE:
            return traced
    raise Unknown("curves that are too steep for a table")


def _traced(
    function: Callable[[_Samples], _Samples], ends: Sequence[tuple[float, float]], points: int = _POINTS
) -> Trace:
    """Three functions, [n, 3] of [n, 3], as tables between their ends; beyond these they are straight."""
    low, high = np.array(ends, dtype=np.float64).T
    table = function(np.linspace(low, high, points))
    first, last = table[0], table[-1]
    below = (first - function(low[None] - _FAR)[0]) / _FAR
    above = (function(high[None] + _FAR)[0] - last) / _FAR
    return Trace(
        table.astype(np.float32),
        _pairs(low, high),
        _pairs(below, first - below * low),
        _pairs(above, last - above * high),
    )


def _pairs(one: _Samples, other: _Samples) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
    red, green, blue = zip(one.tolist(), other.tolist(), strict=True)
    return red, green, blue


def _ends(curve: Any) -> tuple[float, float]:
    """Where a curve's points begin and end."""
    across = [point.x for point in curve.getControlPoints()]
    return across[0], across[-1]


def _is_straight(curve: Any) -> bool:
    return curve.slopesAreDefault() and all(point.x == point.y for point in curve.getControlPoints())


def _applied(transform: Any) -> Callable[[_Samples], _Samples]:
    """A transform as a function on rows of three numbers, without OCIO's approximations where it has others."""
    processor = ocio.Config.CreateRaw().getProcessor(transform).getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE)

    def function(numbers: _Samples) -> _Samples:
        pixels = np.ascontiguousarray(numbers, dtype=np.float32).reshape(1, -1, 3).copy()
        processor.applyRGB(pixels)
        result: _Samples = pixels[0].astype(np.float64)
        return result

    return function


def _stops(light: _Samples) -> _Samples:
    log = np.log2(np.maximum(light, _BREAK) * _STOPS.into[0] + _STOPS.into[1])
    result: _Samples = np.where(light < _BREAK, light * _FOOT[0] + _FOOT[1], log)
    return result


def _light(stops: _Samples) -> _Samples:
    curved = np.exp2(np.maximum(stops, _STOPS_AT_BREAK)) * _LIGHT.out[0] + _LIGHT.out[1]
    result: _Samples = np.where(stops < _STOPS_AT_BREAK, stops * _LIGHT.line[0] + _LIGHT.line[1], curved)
    return result


def _forward(transform: Any) -> None:
    if transform.getDirection() != ocio.TRANSFORM_DIR_FORWARD:
        raise Unknown("grading backwards")
    if getattr(transform, "isDynamic", bool)():
        raise Unknown("grading that may change")


def _three(values: Sequence[float] | _Samples) -> Three:
    red, green, blue = (float(value) for value in values[:3])
    return red, green, blue
