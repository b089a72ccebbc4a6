"""What kernels take: pixels, transfer curves, filters and the names of operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.float32]
"""[height, width, channels], contiguous in the last two axes; rows may be strided."""

Plane: TypeAlias = npt.NDArray[Any]
"""uint8 or uint16 codes, [height, width], contiguous in the last axis; rows may be strided."""

Matrix: TypeAlias = npt.NDArray[np.float64]

Filter = Literal["nearest", "bilinear", "cubic", "mitchell", "lanczos4", "box"]
"""How pixels between pixels are found; see `libs.kernels.resample`."""

Siting = Literal["left", "center", "topleft"]
"""Where chroma samples lie on the luma grid: H.264's and HEVC's own, MPEG-1's and JPEG's, and BT.2020's."""

Negative = Literal["pass", "mirror", "clamp"]
"""What a power does to values below zero: leaves them, −|x|^p, or 0. The first two as OCIO's ExponentTransform."""

Rule = Literal["nonzero", "evenodd", "centres"]
"""What is inside of outlines; see `libs.kernels.coverage`."""

RULES: Final[tuple[Rule, ...]] = ("nonzero", "evenodd", "centres")
"""The native kernels number them by this order."""

MIDDLE_GREY: Final = 0.18
"""The scene-linear light that exposure in stops is counted from."""

OPERATIONS: Final = (
    "over",
    "under",
    "in",
    "out",
    "atop",
    "xor",
    "mask",
    "stencil",
    "copy",
    "plus",
    "multiply",
    "screen",
    "overlay",
    "darken",
    "lighten",
    "difference",
    "exclusion",
    "clear",
    "destination",
    "destination-atop",
    "conjoint-over",
    "disjoint-over",
    "matte",
    "minus",
    "from",
    "average",
    "divide",
    "geometric",
    "hypot",
    "hard-light",
    "soft-light",
    "color-dodge",
    "color-burn",
    "vivid-light",
    "linear-light",
    "linear-burn",
    "pin-light",
    "hue",
    "saturation",
    "color",
    "luminosity",
    "screen-extended",
    "overlay-extended",
    "exclusion-extended",
)
"""What `merge` can do; the native kernels number them by this order."""


@dataclass(frozen=True, slots=True)
class Power:
    """The transfer curve x^exponent. A NaN stays one; infinity stays infinity."""

    exponent: float
    negative: Negative = "pass"

    def __post_init__(self) -> None:
        if not 0.01 <= self.exponent <= 100.0:
            raise ValueError(f"a transfer's exponent lies within 0.01 and 100, not at {self.exponent}")

    def inverse(self) -> Power:
        """The curve that undoes this one."""
        return Power(1.0 / self.exponent, self.negative)


TABLE_LOWEST: Final = -24
TABLE_HIGHEST: Final = 8
TABLE_STEPS: Final = 2048


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """Any transfer curve, as samples between which it is taken as straight.

    Each octave of |x| from 2^−24 to 2^8 is cut into 2,048 equal steps, for both signs; in front of these comes f(0).
    Below 2^−24 the curve runs straight to f(0), beyond 2^8 it is constant. So the index is a shift of the float's bits,
    and the error of a power p is at most |p(p − 1)| · 3·10⁻⁸ of the value.
    """

    values: npt.NDArray[np.float32]
    """Positive half, then negative half, each f(0) followed by 32 · 2,048 + 1 samples."""

    @classmethod
    def sample(cls, curve: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.floating[Any]]]) -> Table:
        """The table of `curve`, which is called once with a vector of float32."""
        at = table_points()
        values = np.ascontiguousarray(curve(np.concatenate([at, -at])), dtype=np.float32)
        if values.shape != (2 * at.size,):
            raise ValueError(f"a curve of {2 * at.size} values gave back {values.shape}")
        return cls(values)


Transfer: TypeAlias = Power | Table


def table_points() -> npt.NDArray[np.float32]:
    """Where a table's positive half is sampled: 0, then each octave's steps."""
    octaves = np.exp2(np.arange(TABLE_LOWEST, TABLE_HIGHEST, dtype=np.float64))
    steps = 1.0 + np.arange(TABLE_STEPS, dtype=np.float64) / TABLE_STEPS
    inner = (octaves[:, None] * steps[None, :]).ravel()
    return np.concatenate([[0.0], inner, [2.0**TABLE_HIGHEST]]).astype(np.float32)
