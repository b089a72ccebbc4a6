"""What every mask ends with: its opacity, its inverse, and another mask to go together with."""

from __future__ import annotations

from typing import Final

import numpy as np

from artifex.nodes import Frame, Pixels, Window

UNION: Final = "union"
SUBTRACT: Final = "subtract"
INTERSECT: Final = "intersect"
DIFFERENCE: Final = "difference"
COMBINATIONS: Final = (UNION, SUBTRACT, INTERSECT, DIFFERENCE)


def finished(own: Frame, below: Frame | None, combine: str, limit: Window, *, opacity: float, invert: bool) -> Frame:
    """A node's own mask m, whose pixels are changed, made opacity · m or opacity · (1 − m), with the mask b below it.

    Two masks are coverages that know nothing of each other (T. Porter, T. Duff, Compositing Digital Images, 1984):
    union m + b − m b, subtract b (1 − m), intersect m b, difference m + b − 2 m b. Outside their windows both are 0;
    nothing is made outside `limit`.
    """
    own = _weighted(own.crop(limit), limit, opacity, invert=invert)
    if below is None:
        return own
    below = below.crop(limit)
    if combine == INTERSECT:
        window = own.window.intersect(below.window)
    elif combine == SUBTRACT:
        window = below.window
    else:
        window = own.window.union(below.window)
    if window.empty:
        return Frame.empty(1)
    m, b = (frame.crop(window).filled(window) for frame in (own, below))
    return Frame(_combined(m, b, combine), window.x, window.y)


def _weighted(own: Frame, limit: Window, opacity: float, *, invert: bool) -> Frame:
    if invert:
        return Frame(np.float32(opacity) * (np.float32(1.0) - own.filled(limit)), limit.x, limit.y)
    if opacity == 1.0:
        return own
    return Frame(own.pixels * np.float32(opacity), own.x, own.y)


def _combined(m: Pixels, b: Pixels, combine: str) -> Pixels:
    both: Pixels = m * b
    if combine == INTERSECT:
        return both
    if combine == SUBTRACT:
        return np.subtract(b, both, out=both)
    if combine == DIFFERENCE:
        both *= np.float32(2.0)
    np.subtract(b, both, out=both)
    return np.add(m, both, out=both)
