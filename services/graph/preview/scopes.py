"""Scopes: what a picture holds, as counts of pixels.

All are measured on what the screen is given: display-encoded R'G'B' from 0 to 1. A level is the 8-bit code, rounded
half to even. Luma and colour differences are those of ITU-R BT.709 (section 3.2 and 3.4): Y' = 0.2126 R' + 0.7152 G' +
0.0722 B', Cb = (B' − Y') / 1.8556, Cr = (R' − Y') / 1.5748, quantised to limited-range codes 128 + 224 c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["waveform", "parade", "vectorscope", "histogram"]
Counts = NDArray[np.uint32]
Codes = NDArray[np.uint8]

LEVELS: Final = 256
MAX_COLUMNS: Final = 480
"""Of a waveform: in a wider picture several columns of pixels share one."""

LUMA: Final = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
_CB: Final = 2.0 * (1.0 - 0.0722)
_CR: Final = 2.0 * (1.0 - 0.2126)
_SWING: Final = 224.0
_NEUTRAL: Final = 128.0
_SKIN_DEGREES: Final = 123.0
"""The axis of I of NTSC, near which skin lies whatever its tone."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark on a scope, in bins; a line across where a coordinate is None."""

    label: str
    column: float | None
    row: float | None


@dataclass(frozen=True, slots=True)
class Scope:
    """One measurement: `counts` is [planes, rows, columns]."""

    kind: Kind
    counts: Counts
    graticule: tuple[Mark, ...]


def measure(kind: Kind, display: NDArray[np.float32]) -> Scope:
    """A scope of a picture [height, width, 3], display-encoded, 0 to 1."""
    match kind:
        case "waveform":
            return Scope(kind, waveform(luma_codes(display)[..., None]), _PERCENT)
        case "parade":
            return Scope(kind, waveform(_codes(display)), _PERCENT)
        case "vectorscope":
            return Scope(kind, vectorscope(display), _TARGETS)
        case "histogram":
            return Scope(kind, histogram(display), _ZONES)


def waveform(codes: Codes) -> Counts:
    """For every column of codes [height, width, planes] how many pixels have each level: [planes, 256, columns]."""
    _, width, planes = codes.shape
    share = -(-width // MAX_COLUMNS)
    columns = -(-width // share)
    # One count over pairs of level and column does all at once.
    places = (np.arange(width, dtype=np.int32) // share)[None, :, None] + codes.astype(np.int32) * columns
    counts = [np.bincount(places[..., plane].ravel(), minlength=LEVELS * columns) for plane in range(planes)]
    return np.stack(counts).reshape(planes, LEVELS, columns).astype(np.uint32)


def vectorscope(display: NDArray[np.float32]) -> Counts:
    """How many pixels have each pair of codes: [1, 256 (Cr), 256 (Cb)]."""
    luma = display @ LUMA
    blue = _chroma((display[..., 2] - luma) / np.float32(_CB))
    red = _chroma((display[..., 0] - luma) / np.float32(_CR))
    places = red.astype(np.int32) * LEVELS + blue
    return np.bincount(places.ravel(), minlength=LEVELS * LEVELS).reshape(1, LEVELS, LEVELS).astype(np.uint32)


def histogram(display: NDArray[np.float32]) -> Counts:
    """Of red, green, blue and luma how many pixels have each level: [4, 1, 256]."""
    codes = _codes(display)
    planes = [codes[..., 0], codes[..., 1], codes[..., 2], luma_codes(display)]
    counts = [np.bincount(plane.ravel(), minlength=LEVELS) for plane in planes]
    return np.stack(counts).reshape(4, 1, LEVELS).astype(np.uint32)


def luma_codes(display: NDArray[np.float32]) -> Codes:
    """Full-range codes of Y', [height, width]."""
    return _codes(display @ LUMA)


def chroma_place(red: float, green: float, blue: float) -> tuple[float, float]:
    """Where a display-encoded colour lies on the vectorscope: column (Cb) and row (Cr), not rounded."""
    luma = float(LUMA[0]) * red + float(LUMA[1]) * green + float(LUMA[2]) * blue
    return _NEUTRAL + _SWING * (blue - luma) / _CB, _NEUTRAL + _SWING * (red - luma) / _CR


def _codes(values: NDArray[np.float32]) -> Codes:
    return np.asarray(np.rint(np.clip(values, 0.0, 1.0) * np.float32(255.0)), dtype=np.uint8)


def _chroma(values: NDArray[np.floating]) -> Codes:
    codes = np.rint(values * np.float32(_SWING) + np.float32(_NEUTRAL))
    return np.asarray(np.clip(codes, 0.0, 255.0), dtype=np.uint8)


def _target(name: str, red: float, green: float, blue: float) -> Mark:
    column, row = chroma_place(red, green, blue)
    return Mark(name, column, row)


def _skin() -> Mark:
    """A point on the skin axis, at the edge of the legal range."""
    angle = np.deg2rad(_SKIN_DEGREES)
    return Mark("skin", _NEUTRAL + _SWING / 2 * float(np.cos(angle)), _NEUTRAL + _SWING / 2 * float(np.sin(angle)))


_PERCENT: Final = tuple(Mark(f"{percent} %", None, percent * 2.55) for percent in (0, 25, 50, 75, 100))
_ZONES: Final = tuple(Mark(f"{percent} %", percent * 2.55, None) for percent in (0, 25, 50, 75, 100))
_TARGETS: Final = (
    *(
        _target(f"{name} {percent} %", *(percent / 100 * part for part in parts))
        for percent in (75, 100)
        for name, parts in {
            "R": (1.0, 0.0, 0.0), "Yl": (1.0, 1.0, 0.0), "G": (0.0, 1.0, 0.0),
            "Cy": (0.0, 1.0, 1.0), "B": (0.0, 0.0, 1.0), "Mg": (1.0, 0.0, 1.0),
        }.items()
    ),
    _skin(),
)  # fmt: skip
