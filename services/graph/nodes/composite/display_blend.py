"""Blends of display-encoded colour, as browsers and paint programs have them, between scene-linear pictures."""

from typing import Final

import numpy as np
import PyOpenColorIO as ocio

from artifex.nodes import Colour, Pixels
from libs.kernels import merge, premultiply, unpremultiply
from libs.kernels.composite import W3C_LUMA
from services.graph.nodes.color.spaces import into, out_of

_SPACE: Final = "srgb"
_MOST: Final = 65504.0
"""Of straight colour: beyond, it is the remainder of a division by next to nothing."""


def blended_on_display(operation: str, a: Pixels, b: Pixels, colour: Colour) -> Pixels:
    """αβ · D(f(E(s), E(b))) + A(1 − β) + B(1 − α), with E to sRGB and D back; alpha α + β − αβ.

    `a` and `b` are premultiplied [height, width, 4]. What covers a pixel in part mixes as light all the same.
    """
    mixed = merge(operation, _encoded(a, colour), _encoded(b, colour), luma=W3C_LUMA)
    space = colour.working_space
    colour.apply(("blend", "decode", space), lambda: ocio.GroupTransform(out_of(_SPACE, space)), mixed)
    premultiply(mixed, np.ascontiguousarray(a[..., 3:] * b[..., 3:]), out=mixed)
    return merge("plus", mixed, merge("xor", a, b), out=mixed)


def _encoded(pixels: Pixels, colour: Colour) -> Pixels:
    """Straight, opaque and encoded, as a new array."""
    straight = unpremultiply(pixels, out=np.empty(pixels.shape, np.float32))
    np.clip(straight, -_MOST, _MOST, out=straight)
    straight[..., 3] = 1.0
    space = colour.working_space
    colour.apply(("blend", "encode", space), lambda: ocio.GroupTransform(into(_SPACE, space)), straight)
    return straight
