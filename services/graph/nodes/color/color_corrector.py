"""ColorCorrector."""

from collections.abc import Sequence

import PyOpenColorIO as ocio

from artifex.nodes import (
    VIDEO,
    Color,
    Colour,
    Float,
    Input,
    MediaSource,
    Node,
    Output,
    Request,
)
from services.graph.nodes.color.spaces import WORKING, limited


class ColorCorrector(Node):
    """Grades a picture: exposure, lift, gamma, gain, offset, contrast and saturation.

    In scene-linear light of the working space, on straight colour, in this order, for each channel c:

        c = c · 2^exposure
        c = (c · gain · (1 − lift) + gain · lift + offset) ^ (1 / gamma)
        c = pivot · (c / pivot) ^ contrast
        c = Y + saturation · (c − Y),  Y = the luminance of the colour

    Lift moves black and leaves 1 where it is, gain scales, offset shifts all, gamma bends between black and 1: the
    usual lift-gamma-gain, written as the slope, offset and power of the ASC CDL (ASC CDL 1.2, without clamping).
    Powers leave negative numbers as they are, so nothing is clipped and values beyond 1 are kept, up to 1e30. Luminance
    weights are those of the working space's primaries. Everything runs as one pass. Alpha does not change.

    Memory: the frame, changed in place. Cost: one pass, shared with neighbouring colour nodes.
    """

    category = "Color"

    video = Input(VIDEO, "The picture to grade.")
    graded = Output(VIDEO, "The graded picture.", name="video")

    exposure = Float(0.0, minimum=-20, maximum=20, unit="stops", doc="Every stop doubles the light.")
    lift = Color((0.0, 0.0, 0.0, 1.0), minimum=-1, maximum=0.99, doc="What black becomes, for each channel.")
    gamma = Color((1.0, 1.0, 1.0, 1.0), minimum=0.05, maximum=20, doc="Above 1 brightens the middle, below darkens.")
    gain = Color((1.0, 1.0, 1.0, 1.0), minimum=0, maximum=100, doc="Multiplies each channel: white balance, tint.")
    offset = Color((0.0, 0.0, 0.0, 1.0), minimum=-10, maximum=10, doc="Added to each channel.")
    contrast = Float(1.0, minimum=0, maximum=10, doc="Slope in the logarithm around the pivot; at least 0.01.")
    pivot = Float(0.18, minimum=0.001, maximum=10, doc="The value that contrast leaves alone; 0.18 is middle grey.")
    saturation = Float(1.0, minimum=0, maximum=10, doc="0 is grey, 1 changes nothing.")

    def identity(self, request: Request) -> str | None:
        # No transform appears or goes with the weights of luminance.
        return None if self.transforms((1.0, 0.0, 0.0)) else "video"

    def pointwise(self, request: Request) -> bool:
        return True

    def grade(self, colour: Colour, source: MediaSource | None) -> Sequence[ocio.Transform]:
        return self.transforms(colour.luma)

    def transforms(self, luma: tuple[float, float, float]) -> list[ocio.Transform]:
        """The OCIO transforms of the formula above; those that change nothing are left out."""
        transforms: list[ocio.Transform] = []
        lift, gamma, gain, offset = self.lift[:3], self.gamma[:3], self.gain[:3], self.offset[:3]
        slope = [2.0**self.exposure * g * (1.0 - low) for g, low in zip(gain, lift, strict=True)]
        shift = [g * low + o for g, low, o in zip(gain, lift, offset, strict=True)]
        if slope != [1.0] * 3 or shift != [0.0] * 3:
            transforms.append(_linear(slope, shift))
        if gamma != (1.0, 1.0, 1.0):
            transforms.append(_power([1.0 / g for g in gamma]))
        if self.contrast != 1.0:
            transforms.append(_linear([1.0 / self.pivot] * 3))
            transforms.append(_power([max(self.contrast, 0.01)] * 3))
            transforms.append(_linear([self.pivot] * 3))
        if gamma != (1.0, 1.0, 1.0) or self.contrast != 1.0:
            transforms.append(limited(WORKING))
        if self.saturation != 1.0:
            transforms.append(ocio.MatrixTransform.Sat(self.saturation, list(luma)))
        return transforms


def _linear(slope: Sequence[float], offset: Sequence[float] = (0.0, 0.0, 0.0)) -> ocio.Transform:
    """c · slope + offset. OCIO makes one matrix of several in a row."""
    red, green, blue = slope
    return ocio.MatrixTransform([red, 0, 0, 0, 0, green, 0, 0, 0, 0, blue, 0, 0, 0, 0, 1], [*offset, 0.0])


def _power(exponents: Sequence[float]) -> ocio.Transform:
    """c ^ exponent where c is positive, c elsewhere."""
    return ocio.ExponentTransform(value=[*exponents, 1.0], negativeStyle=ocio.NEGATIVE_PASS_THRU)
