"""OCIO's operations as a program of the colour kernel, which does them in one pass and several times as fast.

OCIO says what colour is: it reads the files, knows the spaces, and joins and simplifies; what remains of that are
transforms with numbers in them. Those of kinds that the kernel knows it does, and OCIO the others.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import PyOpenColorIO as ocio

from libs.kernels import Negative
from libs.kernels.grading import (
    Bend,
    Clamp,
    Curves,
    Exponents,
    HalfCurves,
    Lattice,
    Linear,
    Logarithm,
    Program,
    Ratio,
    Segment,
    Step,
    Three,
)
from services.graph.domain.evaluate import colour_grades as grades
from services.graph.domain.evaluate.colour_grades import Unknown

_FORWARD: Final = ocio.TRANSFORM_DIR_FORWARD
_NEGATIVE: Final[dict[Any, Negative]] = {
    ocio.NEGATIVE_PASS_THRU: "pass",
    ocio.NEGATIVE_MIRROR: "mirror",
    ocio.NEGATIVE_CLAMP: "clamp",
}
_STRAIGHT: Final = (ocio.INTERP_DEFAULT, ocio.INTERP_LINEAR, ocio.INTERP_BEST)
"""What a curve is read by, by any of these names."""
_PQ_M1: Final = 2610 / 16384
_PQ_M2: Final = 2523 / 32
_PQ_C1: Final = 3424 / 4096
_PQ_C2: Final = 2413 / 128
_PQ_C3: Final = 2392 / 128
_LATTICE: Final = {
    ocio.INTERP_TETRAHEDRAL: True,
    ocio.INTERP_BEST: True,
    ocio.INTERP_LINEAR: False,
    ocio.INTERP_DEFAULT: False,
}
"""Whether a lattice is read by tetrahedra. OCIO takes the default for the linear one."""


def program_of(processor: Any) -> Program | None:
    """What an OCIO processor does to float32, joined and simplified by OCIO; None where the kernel cannot do it."""
    parts = parts_of(processor)
    if not parts:
        return Program([])
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Program) else None


def parts_of(processor: Any) -> list[Program | ocio.GroupTransform]:
    """The same cut where the kernel's knowledge ends: programs, and what OCIO does between them, in order."""
    optimised = processor.getOptimizedProcessor(ocio.BIT_DEPTH_F32, ocio.BIT_DEPTH_F32, ocio.OPTIMIZATION_DEFAULT)
    parts: list[Program | ocio.GroupTransform] = []
    known: list[Step] = []
    others: list[Any] = []

    def cut() -> None:
        if known:
            parts.append(Program(known))
        if others:
            parts.append(ocio.GroupTransform(others))
        known.clear()
        others.clear()

    for transform in optimised.createGroupTransform():
        steps = _steps_or_none(transform)
        if others if steps is not None else known:
            cut()
        if steps is None:
            others.append(transform)
        else:
            known += steps
    cut()
    return parts


def _steps_or_none(transform: Any) -> Sequence[Step] | None:
    reader = _READERS.get(type(transform))
    if reader is None:
        return None
    try:
        steps = reader(transform)
        # What the kernel refuses, such as an exponent beyond its range, it says when a program is made.
        Program(steps)
    except (Unknown, ValueError):
        return None
    return steps


def _linear(transform: Any) -> Sequence[Step]:
    matrix = np.array(transform.getMatrix(), dtype=np.float64).reshape(4, 4)
    added = transform.getOffset()
    if transform.getDirection() != _FORWARD or added[3] != 0.0:
        raise Unknown("a matrix backwards, or on alpha")
    if (matrix[3] != [0, 0, 0, 1]).any() or matrix[:3, 3].any():
        raise Unknown("a matrix that mixes colour and alpha")
    return [Linear(matrix[:3, :3], _three(added))]


def _exponents(transform: Any) -> Sequence[Step]:
    values, negative = transform.getValue(), _NEGATIVE.get(transform.getNegativeStyle())
    if values[3] != 1.0 or negative is None or 0.0 in values:
        raise Unknown("an exponent of alpha, or of an unknown style")
    forward = transform.getDirection() == _FORWARD
    return [Exponents(_three(values if forward else [1.0 / value for value in values]), negative)]


def _bend(transform: Any) -> Sequence[Step]:
    """The curves with a straight foot, as sRGB's; the formulas are those of OCIO's documentation of the transform."""
    gamma, offset, style = transform.getGamma(), transform.getOffset(), transform.getNegativeStyle()
    if gamma[3] != 1.0 or offset[3] != 0.0 or style not in (ocio.NEGATIVE_LINEAR, ocio.NEGATIVE_MIRROR):
        raise Unknown("a curve of alpha, or of an unknown style")
    if min(gamma[:3]) <= 1.0 or min(offset[:3]) <= 0.0:
        raise Unknown("a curve without a straight foot")
    make = _to_light if transform.getDirection() == _FORWARD else _from_light
    red, green, blue = (make(g, o) for g, o in zip(gamma[:3], offset[:3], strict=True))
    return [Bend((red, green, blue), mirrored=style == ocio.NEGATIVE_MIRROR)]


def _to_light(gamma: float, offset: float) -> Segment:
    border = offset / (gamma - 1.0)
    slope = (gamma - 1.0) / offset * (offset * gamma / ((gamma - 1.0) * (1.0 + offset))) ** gamma
    into = (1.0 / (1.0 + offset), offset / (1.0 + offset))
    return Segment(into, (1.0, 0.0), border, (slope, 0.0), gamma)


def _from_light(gamma: float, offset: float) -> Segment:
    border = (offset * gamma / ((gamma - 1.0) * (1.0 + offset))) ** gamma
    slope = ((gamma - 1.0) / offset) ** (gamma - 1.0) * ((1.0 + offset) / gamma) ** gamma
    return Segment((1.0, 0.0), (1.0 + offset, -offset), border, (slope, 0.0), 1.0 / gamma)


def _plain_logarithm(transform: Any) -> Sequence[Step]:
    forward = transform.getDirection() == _FORWARD
    segment = _logarithm(transform.getBase(), 1.0, 0.0, 1.0, 0.0, -math.inf, None, forward=forward)
    return [Logarithm((segment,) * 3, inverse=not forward)]


def _camera_logarithm(transform: Any) -> Sequence[Step]:
    """A logarithm with a straight foot below its break, as cameras' are, or without."""
    base = transform.getBase()
    log_slope, log_offset = transform.getLogSideSlopeValue(), transform.getLogSideOffsetValue()
    lin_slope, lin_offset = transform.getLinSideSlopeValue(), transform.getLinSideOffsetValue()
    foot = isinstance(transform, ocio.LogCameraTransform)
    breaks = transform.getLinSideBreakValue() if foot else [-math.inf] * 3
    slopes = transform.getLinearSlopeValue() if foot and transform.isLinearSlopeValueSet() else [None] * 3
    forward = transform.getDirection() == _FORWARD
    numbers = zip(log_slope, log_offset, lin_slope, lin_offset, breaks, slopes, strict=True)
    red, green, blue = (_logarithm(base, *each, forward=forward) for each in numbers)
    return [Logarithm((red, green, blue), inverse=not forward)]


def _logarithm(
    base: float,
    log_slope: float,
    log_offset: float,
    lin_slope: float,
    lin_offset: float,
    linear_break: float,
    given_slope: float | None,
    *,
    forward: bool,
) -> Segment:
    """log_slope · log(lin_slope · c + lin_offset) + log_offset; below the break the line that joins it smoothly."""
    octave = log_slope / math.log2(base)
    if linear_break == -math.inf:
        if forward:
            return Segment((lin_slope, lin_offset), (octave, log_offset))
        return Segment((1.0 / octave, -log_offset / octave), (1.0 / lin_slope, -lin_offset / lin_slope))
    inside = lin_slope * linear_break + lin_offset
    slope = log_slope * lin_slope / (inside * math.log(base)) if given_slope is None else given_slope
    border = octave * math.log2(inside) + log_offset
    added = border - slope * linear_break
    if forward:
        return Segment((lin_slope, lin_offset), (octave, log_offset), linear_break, (slope, added))
    return Segment(
        (1.0 / octave, -log_offset / octave),
        (1.0 / lin_slope, -lin_offset / lin_slope),
        border,
        (1.0 / slope, -added / slope),
    )


def _range(transform: Any) -> Sequence[Step]:
    """Scales what lies between two limits to two others and cuts the rest off; or cuts at one limit."""
    lowest, highest = transform.getMinInValue(), transform.getMaxInValue()
    low, high = transform.getMinOutValue(), transform.getMaxOutValue()
    if transform.getDirection() != _FORWARD or transform.getStyle() != ocio.RANGE_CLAMP:
        raise Unknown("a range backwards, or without limits")
    has_low, has_high = transform.hasMinInValue(), transform.hasMaxInValue()
    if not has_low and not has_high:
        raise Unknown("a range without limits")
    scale = (high - low) / (highest - lowest) if has_low and has_high else 1.0
    added = low - scale * lowest if has_low else high - scale * highest
    clamp = Clamp(low if has_low else -math.inf, high if has_high else math.inf)
    if (scale, added) == (1.0, 0.0):
        return [clamp]
    return [Linear(np.eye(3) * scale, (added, added, added)), clamp]


def _curves(transform: Any) -> Sequence[Step]:
    plain = transform.getHueAdjust() == ocio.HUE_NONE and transform.getInterpolation() in _STRAIGHT
    if transform.getDirection() != _FORWARD or not plain:
        raise Unknown("curves backwards, or that keep hue")
    values = np.asarray(transform.getData(), dtype=np.float32).reshape(-1, 3)
    return [HalfCurves(values) if transform.getInputHalfDomain() else Curves(values)]


def _lattice(transform: Any) -> Sequence[Step]:
    tetrahedral = _LATTICE.get(transform.getInterpolation())
    if transform.getDirection() != _FORWARD or tetrahedral is None:
        raise Unknown("a lattice backwards, or read otherwise")
    size = transform.getGridSize()
    # Blue runs fastest.
    return [Lattice(np.asarray(transform.getData(), dtype=np.float32).reshape(size, size, size, 3), tetrahedral)]


def _fixed_function(transform: Any) -> Sequence[Step]:
    """PQ, of light of which 1 is 100 cd/m² (SMPTE ST 2084)."""
    if transform.getStyle() != ocio.FIXED_FUNCTION_LIN_TO_PQ:
        raise Unknown("another fixed function")
    if transform.getDirection() == _FORWARD:
        return [
            Linear(np.eye(3) / 100.0),
            Exponents((_PQ_M1,) * 3, "mirror"),
            Ratio((_PQ_C2, _PQ_C1), (_PQ_C3, 1.0)),
            Exponents((_PQ_M2,) * 3, "mirror"),
        ]
    return [
        Exponents((1.0 / _PQ_M2,) * 3, "mirror"),
        Ratio((1.0, -_PQ_C1), (-_PQ_C3, _PQ_C2)),
        Exponents((1.0 / _PQ_M1,) * 3, "mirror"),
        Linear(np.eye(3) * 100.0),
    ]


def _three(values: Sequence[float]) -> Three:
    red, green, blue = values[:3]
    return red, green, blue


_READERS: Final = {
    ocio.MatrixTransform: _linear,
    ocio.ExponentTransform: _exponents,
    ocio.ExponentWithLinearTransform: _bend,
    ocio.LogCameraTransform: _camera_logarithm,
    ocio.LogAffineTransform: _camera_logarithm,
    ocio.RangeTransform: _range,
    ocio.Lut1DTransform: _curves,
    ocio.Lut3DTransform: _lattice,
    ocio.LogTransform: _plain_logarithm,
    ocio.FixedFunctionTransform: _fixed_function,
    ocio.CDLTransform: grades.cdl,
    ocio.GradingPrimaryTransform: grades.primary,
    ocio.GradingRGBCurveTransform: grades.channel_curves,
    ocio.GradingToneTransform: grades.tone,
}
