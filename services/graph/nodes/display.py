"""What models see of pictures: sRGB from 0 to 1, in place of light; and the light that they do not see."""

from collections.abc import Callable
from typing import Final

import numpy as np
import PyOpenColorIO as ocio

from artifex.nodes import Colour, Pixels

_SRGB: Final = "sRGB Encoded Rec.709 (sRGB)"


Make = Callable[[list[Pixels]], Pixels]


def through_display(pictures: list[Pixels], colour: Colour, model: Make, rest: Make) -> Pixels:
    """What `model` makes of premultiplied RGBA [height, width, 4], as premultiplied RGBA again.

    The model takes sRGB pictures [height, width, 3] of 0 to 1 and gives one; where a picture is not opaque it is asked
    again, for the alpha as a grey. What it cannot be shown, light beyond white or outside of the gamut, goes through
    `rest`, which does the same by plain means, and is added.
    """
    shown = [_coded(picture, colour) for picture in pictures]
    left = [picture.copy() for picture in pictures]
    for remainder, coded in zip(left, shown, strict=True):
        remainder[..., :3] -= _light(coded, colour)[..., :3]
    result = rest(left)
    made = np.ascontiguousarray(np.clip(model([coded[..., :3] for coded in shown]), 0.0, 1.0), np.float32)
    result[..., :3] += _light(np.concatenate([made, np.ones_like(made[..., :1])], -1), colour)[..., :3]
    if any((picture[..., 3] != 1.0).any() for picture in pictures):
        greys = [np.repeat(picture[..., 3:], 3, axis=-1) for picture in pictures]
        result[..., 3] = model(greys).mean(-1)
    np.clip(result[..., 3], 0.0, 1.0, out=result[..., 3])
    return result


def _coded(picture: Pixels, colour: Colour) -> Pixels:
    coded = np.nan_to_num(picture, nan=0.0, posinf=1.0, neginf=0.0).astype(np.float32)
    colour.apply("to a model", lambda: ocio.ColorSpaceTransform(colour.working_space, _SRGB), coded)
    np.clip(coded, 0.0, 1.0, out=coded)
    return coded


def _light(coded: Pixels, colour: Colour) -> Pixels:
    light = coded.copy()
    colour.apply("from a model", lambda: ocio.ColorSpaceTransform(_SRGB, colour.working_space), light)
    return light
