"""Sums over a fixed neighbourhood, pixel of the neighbourhood by pixel."""

from __future__ import annotations

import numpy as np

from libs.kernels.footprints import Footprint
from libs.kernels.types import Pixels


@np.errstate(all="ignore")
def convolve(pixels: Pixels, footprint: Footprint, out: Pixels) -> None:
    top, _, left, _ = footprint.reach
    height, width = out.shape[:2]
    out[...] = 0.0

    def shifted(down: int, across: int) -> Pixels:
        return pixels[top + down : top + down + height, left + across : left + across + width]

    for (down, across), weight in zip(footprint.taps, footprint.tap_weights, strict=True):
        out += shifted(down, across) * weight
    for (down, first, end), weight in zip(footprint.runs, footprint.run_weights, strict=True):
        row = np.zeros_like(out)
        for across in range(first, end):
            row += shifted(down, across)
        out += row * weight
