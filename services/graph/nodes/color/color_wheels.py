"""ColorWheels."""

import math
from collections.abc import Iterable
from typing import Final

import PyOpenColorIO as ocio

from artifex.nodes import Choice, Color, Colour, Float, MediaSource, Request, Rgba
from services.graph.nodes.color.change import ColourChange
from services.graph.nodes.color.styles import GREY, STYLES, acescct, in_style, ocio_style

_NONE: Final = (0.0, 0.0, 0.0)
_WHOLE: Final = (1.0, 1.0, 1.0)
_NARROWEST: Final = 0.01
"""Between the pivots of black and white, as OpenColorIO asks."""
_WHEELS: Final = {
    "log": ("brightness", "contrast", "gamma"),
    "linear": ("offset", "exposure", "contrast"),
    "video": ("lift", "gamma", "gain", "offset"),
}


class ColorWheels(ColourChange):
    """Primary grading by wheels: lift, gamma and gain, or brightness, contrast and gamma, or exposure and offset.

    OpenColorIO's primary grading in its three styles, each in the space that it is made for, on straight colour. One
    number turns a wheel's ring, three the wheel. B and W are the pivots of black and white, p that of contrast.

    "log", in ACEScct (Academy S-2016-001), for all that has light beyond white:

        c = c + brightness · 6.25 / 1023
        c = (c − p) · contrast + p,  p = ACEScct(pivot)
        c = B + (W − B) · ((c − B) / (W − B)) ^ (1 / gamma)

    "linear", in light:

        c = (c + offset) · 2^exposure
        c = pivot · (c / pivot) ^ contrast

    "video", in the numbers that players show (Rec.709, 2.4):

        c = (c − B + offset + lift) · (W − B) / (W / gain + lift − B) + B
        c = B + (W − B) · ((c − B) / (W − B)) ^ (1 / gamma)

    Powers mirror what is negative. Then, in all styles:

        c = Y + saturation · (c − Y),  Y = 0.2126 r + 0.7152 g + 0.0722 b

    Lift goes no further down than where the video's slope is 20 times that without it. A style leaves the wheels of the
    others alone. With `mix` the picture is c + mix · (graded − c). Alpha does not change.

    Memory: the frame, changed in place. Cost: one pass, shared with neighbouring colour nodes unless it is mixed.
    """

    style = Choice("log", choices=STYLES, doc="Which wheels turn, and in which space.")
    lift = Color((*_NONE, 1.0), minimum=-1, maximum=1, doc="Video: moves black, and leaves the white pivot.")
    gamma = Color(
        (*_WHOLE, 1.0), minimum=0.2, maximum=5, doc="Log, video: above 1 brightens the middle, below darkens."
    )
    gain = Color((*_WHOLE, 1.0), minimum=0.01, maximum=10, doc="Video: moves white, and leaves the black pivot.")
    offset = Color((*_NONE, 1.0), minimum=-10, maximum=10, doc="Linear, video: added to each channel.")
    brightness = Color((*_NONE, 1.0), minimum=-100, maximum=100, doc="Log: added; 9.35 are a stop.")
    contrast = Color((*_WHOLE, 1.0), minimum=0, maximum=4, doc="Log, linear: slope around the pivot; at least 0.01.")
    exposure = Color((*_NONE, 1.0), minimum=-10, maximum=10, unit="stops", doc="Linear: every stop doubles the light.")
    saturation = Float(1.0, minimum=0, maximum=10, doc="0 is grey, 1 changes nothing.")
    pivot = Float(GREY, minimum=0.001, maximum=100, doc="Log, linear: the light that contrast leaves alone.")
    pivot_black = Float(0.0, minimum=-1, maximum=1, doc="Log, video: the number that gamma and gain leave alone.")
    pivot_white = Float(1.0, minimum=0, maximum=2, doc="Log, video: the number that gamma and lift leave alone.")

    def misfits(self, width: int, height: int) -> Iterable[tuple[str, str]]:
        if self.pivot_white < self.pivot_black + _NARROWEST:
            yield "pivot_white", f"it must lie at least {_NARROWEST:g} above pivot_black ({self.pivot_black:g})"

    def neutral(self) -> bool:
        defaults = {wheel: getattr(type(self), wheel).default for wheel in _WHEELS[self.style]}
        still = all(self.values[wheel][:3] == default[:3] for wheel, default in defaults.items())
        return self.saturation == 1.0 and still

    def cost(self, request: Request) -> float:
        return 11.5 if self.style == "video" else 8.0

    def transforms(self, colour: Colour, source: MediaSource | None) -> list[ocio.Transform]:
        style = ocio_style(self.style)
        primary = ocio.GradingPrimary(style)
        black, white = self.pivot_black, max(self.pivot_white, self.pivot_black + _NARROWEST)
        lowest = [black + 0.05 * (white - black) - white / gain for gain in self.gain[:3]]
        primary.lift = ocio.GradingRGBM(*map(max, self.lift[:3], lowest), 0.0)
        primary.gamma, primary.gain = _ratio(self.gamma), _ratio(self.gain)
        primary.offset, primary.brightness = _wheel(self.offset), _wheel(self.brightness)
        primary.contrast, primary.exposure = _ratio(self.contrast), _wheel(self.exposure)
        primary.saturation = self.saturation
        # OpenColorIO counts the pivot in stops from middle grey in light, and from -1 to 1 in a logarithm.
        linear = self.style == "linear"
        primary.pivot = math.log2(self.pivot / GREY) if linear else 2.0 * acescct(self.pivot) - 1.0
        primary.pivotBlack, primary.pivotWhite = black, white
        grading = ocio.GradingPrimaryTransform(style)
        grading.setValue(primary)
        return in_style(self.style, colour.working_space, [grading])


def _wheel(value: Rgba) -> ocio.GradingRGBM:
    return ocio.GradingRGBM(*value[:3], 0.0)


def _ratio(value: Rgba) -> ocio.GradingRGBM:
    """Of what multiplies: OpenColorIO takes nothing below 0.01."""
    return ocio.GradingRGBM(*[max(number, 0.01) for number in value[:3]], 1.0)
