"""Runs of colour changes as one pass over memory: a program of steps, done on blocks of pixels that stay in the cache.

There is no NumPy for it: what makes programs is OpenColorIO, which is also what runs where there is no native library.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from libs.kernels import checks, native
from libs.kernels.types import Matrix, Negative, Pixels

__all__ = [
    "Bend",
    "Clamp",
    "Curves",
    "Exponents",
    "HalfCurves",
    "Lattice",
    "Linear",
    "Logarithm",
    "Program",
    "Ratio",
    "Step",
    "Trace",
    "grade",
]

Three: TypeAlias = tuple[float, float, float]
"""A number for each of red, green and blue."""

_ALL_HALVES: Final = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
_HUGE: Final = 1e30
_LARGEST_TABLE: Final = 1 << 28
"""Numbers in a table: the kernel counts them in 32 bits."""


@dataclass(frozen=True, eq=False, slots=True)
class Linear:
    """matrix · c + added. A diagonal matrix leaves infinity and NaN to their own channel."""

    matrix: Matrix
    added: Three = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Exponents:
    """c ^ exponent, each within 0.01 and 100. A NaN stays one, except that "clamp" makes 0 of it."""

    exponents: Three
    negative: Negative = "pass"


@dataclass(frozen=True, slots=True)
class Segment:
    """One channel of a curve with a straight part: where c is above `border` it is
    out[0] · f(into[0] · c + into[1]) + out[1], elsewhere line[0] · c + line[1]."""

    into: tuple[float, float]
    out: tuple[float, float]
    border: float = -math.inf
    line: tuple[float, float] = (0.0, 0.0)
    exponent: float = 1.0


@dataclass(frozen=True, slots=True)
class Bend:
    """Segments of f(x) = x ^ exponent, which is 0 below 0. Mirrored, f(−c) is −f(c). A NaN stays one."""

    segments: tuple[Segment, Segment, Segment]
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Logarithm:
    """Segments of f(x) = log2 x, which below the smallest normal float is that number's; or with `inverse` of
    f(x) = 2 ^ x. A NaN stays one."""

    segments: tuple[Segment, Segment, Segment]
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Ratio:
    """(over[0] · c + over[1]) / (under[0] · c + under[1]), the upper part not below 0, and of −c its negative."""

    over: tuple[float, float]
    under: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Clamp:
    """c within lowest and highest; a NaN becomes the lowest, or without that the highest."""

    lowest: float = -math.inf
    highest: float = math.inf


@dataclass(frozen=True, eq=False, slots=True)
class Curves:
    """A table for each channel, [length, 3], over 0..1, straight between its values.

    Beyond 0..1 it is what it is at the border; a NaN is taken as 0.
    """

    values: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class HalfCurves:
    """A table for each channel, [65536, 3], over the half floats by their bits, straight between two of them.

    Beyond 65504 it is what it is there; a NaN stays one. What infinite halves become is not looked at, and values
    beyond 1e30 are that.
    """

    values: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Trace:
    """A curve for each channel: within its limits a table, [length, 3], straight between its values, and straight lines
    beyond, slope · c + added. A NaN stays one."""

    values: npt.NDArray[np.float32]
    limits: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    """Of each channel, where its table begins and ends."""
    below: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    """Of each channel, slope and what is added, below its limits."""
    above: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, eq=False, slots=True)
class Lattice:
    """A table of colours over the unit cube, [red, green, blue, 3], and how it is read between its points.

    Tetrahedral as by J. M. Kasson et al., Performing Color Space Conversions with Three-Dimensional Linear
    Interpolation, 1995; else trilinear. Beyond 0..1 it is what it is at the border; a NaN is taken as 0.
    """

    values: npt.NDArray[np.float32]
    tetrahedral: bool = True


Step: TypeAlias = Linear | Exponents | Bend | Logarithm | Clamp | Curves | HalfCurves | Lattice | Ratio | Trace

_SCALE, _MATRIX, _POWER, _BEND, _LOGARITHM, _ANTILOGARITHM, _CLAMP, _CURVES, _TETRAHEDRA, _CUBES = range(10)
_TRACE, _RATIO, _HALVES = range(10, 13)
_NEGATIVE: Final = {"pass": 0, "mirror": 1, "clamp": 2}


class _Step(ctypes.Structure):
    """`step` of src/grade.c."""

    _fields_ = (
        ("table", ctypes.c_void_p),
        ("kind", ctypes.c_int32),
        ("negative", ctypes.c_int32),
        ("size", ctypes.c_int32),
        ("numbers", ctypes.c_float * 9 * 3),
    )
    numbers: Any


class Program:
    """Steps, made ready for the kernel. It may be used by several threads at once."""

    def __init__(self, steps: Sequence[Step]) -> None:
        """ValueError for a step that the kernel cannot do: of numbers that are not finite, exponents beyond 0.01 and
        100, tables of fewer than two points an axis or too large."""
        self._tables: list[npt.NDArray[np.float32]] = []
        self._steps = (_Step * len(steps))()
        for packed, step in zip(self._steps, steps, strict=True):
            self._pack(packed, step)
        self.address: Final = ctypes.addressof(self._steps)
        self.size: Final = len(steps)

    def _pack(self, packed: _Step, step: Step) -> None:
        match step:
            case Linear(matrix, added):
                self._linear(packed, checks.square(matrix, "a colour matrix"), added)
            case Exponents(exponents, negative):
                packed.kind, packed.negative = _POWER, _NEGATIVE[negative]
                for row, exponent in zip(packed.numbers, exponents, strict=True):
                    row[:2] = _split(exponent)
            case Bend(segments, mirrored):
                packed.kind, packed.negative = _BEND, _NEGATIVE["mirror" if mirrored else "pass"]
                _segments(packed, segments)
            case Logarithm(segments, inverse):
                packed.kind = _ANTILOGARITHM if inverse else _LOGARITHM
                _segments(packed, segments)
            case Clamp(lowest, highest):
                packed.kind = _CLAMP
                if not lowest <= highest:
                    raise ValueError(f"the lower limit ({lowest}) lies above the upper one ({highest})")
                for row in packed.numbers:
                    row[:2] = lowest, highest
            case Ratio(over, under):
                packed.kind = _RATIO
                if not np.isfinite((*over, *under)).all():
                    raise ValueError(f"a ratio's numbers are finite, not {(*over, *under)}")
                for row in packed.numbers:
                    row[:4] = over[1], over[0], under[1], under[0]
            case Curves(values):
                packed.kind = _CURVES
                self._table(packed, values, values.T, 2)
            case HalfCurves(values):
                packed.kind = _HALVES
                if values.shape != (_ALL_HALVES.size, 3):
                    raise ValueError(f"a table of colours over half floats is not {list(values.shape)}")
                kept = np.where(np.isfinite(_ALL_HALVES)[:, None], values, np.float32(0.0))
                finite = np.clip(kept, np.float32(-_HUGE), np.float32(_HUGE))
                self._table(packed, finite, finite.T, 2)
            case Trace(values):
                packed.kind = _TRACE
                self._table(packed, values, values.T, 2)
                _limits(packed, step)
            case Lattice(values, tetrahedral):
                packed.kind = _TETRAHEDRA if tetrahedral else _CUBES
                # Four numbers a point: the kernel fetches a point at once.
                self._table(packed, values, np.pad(values, ((0, 0), (0, 0), (0, 0), (0, 1))), 4)

    def _linear(self, packed: _Step, matrix: Matrix, added: Three) -> None:
        if not np.isfinite(added).all():
            raise ValueError("what is added to colour is finite")
        diagonal = not (matrix - np.diag(np.diag(matrix))).any()
        packed.kind = _SCALE if diagonal else _MATRIX
        for channel, row in enumerate(packed.numbers):
            if diagonal:
                row[:2] = matrix[channel, channel], added[channel]
            else:
                row[:4] = *matrix[channel], added[channel]

    def _table(
        self, packed: _Step, values: npt.NDArray[np.float32], table: npt.NDArray[np.float32], dimensions: int
    ) -> None:
        size = values.shape[0]
        if values.shape != (*(size,) * (dimensions - 1), 3) or size < 2 or table.size > _LARGEST_TABLE:
            raise ValueError(f"a table of colours is not {list(values.shape)}")
        if not np.isfinite(values).all():
            raise ValueError("a table of colours holds finite numbers")
        self._tables.append(native.floats(table))
        packed.table, packed.size = native.address(self._tables[-1]), size


def grade(program: Program, pixels: Pixels, *, premultiplied: bool, out: Pixels | None = None) -> Pixels:
    """The program's steps on the colour of [height, width, 4]; alpha passes as it is. `out` may be `pixels`.

    Premultiplied colour is divided by alpha before, where that is beyond 10⁻²⁰, and multiplied by it after; straight
    colour is taken as it is. RuntimeError where there is no native library (`native.library()` is None).
    """
    pixels = checks.picture(pixels, "pixels", 4)
    out = checks.result(out, pixels.shape)
    library = native.library()
    if library is None:
        raise RuntimeError("there are no native kernels here, and programs of colour have no others")
    library.artifex_grade(
        program.address,
        program.size,
        premultiplied,
        native.address(pixels),
        native.stride(pixels),
        native.address(out),
        native.stride(out),
        out.shape[0],
        out.shape[1],
    )
    return out


def _segments(packed: _Step, segments: Sequence[Segment]) -> None:
    for row, segment in zip(packed.numbers, segments, strict=True):
        numbers = (*segment.line, *segment.into, *segment.out)
        if not np.isfinite(numbers).all():
            raise ValueError(f"a curve's numbers are finite, not {numbers}")
        row[:] = *_split(segment.exponent), segment.border, *numbers


def _limits(packed: _Step, trace: Trace) -> None:
    for row, (low, high), below, above in zip(packed.numbers, trace.limits, trace.below, trace.above, strict=True):
        if not (np.isfinite((low, high, *below, *above)).all() and low < high):
            raise ValueError("a traced curve has finite limits, one above the other, and finite lines")
        to_table = (1.0 / (high - low), -low / (high - low))
        row[:] = high, 0.0, low, *below, *to_table, *above


def _split(exponent: float) -> tuple[float, float]:
    """An exponent as a float, and what it has beyond a float's digits."""
    if not 0.01 <= exponent <= 100.0:
        raise ValueError(f"an exponent lies within 0.01 and 100, not at {exponent}")
    return exponent, exponent - float(np.float32(exponent))
