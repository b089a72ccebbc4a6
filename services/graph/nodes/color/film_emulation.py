"""FilmEmulation."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import PyOpenColorIO as ocio

from artifex.nodes import Choice, Color, Colour, Float, MediaSource, Request
from services.graph.nodes.color.change import ColourChange
from services.graph.nodes.color.styles import GREY

_Three = tuple[float, float, float]

_NEGATIVE_RANGE: Final = 2.046
"""Densities that 10 bits of Cineon hold: 0.002 a code, 0 to 1023."""
_NEGATIVE_GREY: Final = 0.70
"""Density of middle grey above the base: Cineon's code 445, of which 95 are the base."""
_LIGHT: Final = 0.025
"""What a printer light is in the logarithm of exposure."""
_DECADES: Final = 4.0
"""Exposures to either side of grey that film is taken to see; beyond they are as at the last."""
_POINTS: Final = 4096


@dataclass(frozen=True, slots=True)
class _Stock:
    """A negative and a print. Three numbers are of red, green and blue."""

    negative: _Three = (0.6, 0.6, 0.6)
    """Steepest slope of the negative's density over the logarithm of exposure."""
    print: _Three = (3.2, 3.2, 3.2)
    range: _Three = (3.5, 3.5, 3.5)
    """From the print's clear base to its black, in density."""
    couplers: float = 0.12
    silver: float = 0.0
    lights: _Three = (0.0, 0.0, 0.0)


_STOCKS: Final = {
    "neutral": _Stock(),
    "soft": _Stock(negative=(0.55, 0.55, 0.55), print=(2.6, 2.6, 2.6), couplers=0.08),
    "punchy": _Stock(print=(3.9, 3.9, 3.9), range=(3.8, 3.8, 3.8), couplers=0.2),
    "warm": _Stock(print=(3.1, 3.2, 3.35), couplers=0.14, lights=(-1.5, 0.0, 2.0)),
    "cool": _Stock(print=(3.35, 3.2, 3.1), couplers=0.1, lights=(1.5, 0.0, -1.5)),
    "faded": _Stock(print=(2.4, 2.6, 2.9), range=(1.5, 1.8, 1.9), couplers=0.02, lights=(-1.0, 0.0, 1.0)),
    "bleach_bypass": _Stock(print=(2.6, 2.6, 2.6), couplers=0.12, silver=0.8),
}


class FilmEmulation(ColourChange):
    """Takes a picture on a negative, prints it, and shows the print: film's contrast, its roll-off and its colours.

    A model of the two films in densities; the stocks are examples of it, chosen by eye, and measure no product. On
    straight colour c of the working space, whose channels the three layers see:

        x = log10(c · 2^exposure / 0.18), within -4 and 4
        n = 2.046 / (1 + exp(-4 g (x - x₀) / 2.046)),  x₀ so that grey has the density 0.70
        y = (1 + couplers) · (0.70 - n) - couplers · mean of (0.70 - n) + 0.025 · printer_lights
        p = r / (1 + exp(-4 h (y - y₀) / r))
        d = p + silver · mean of p
        c = white · 10^(-d),  y₀ so that grey stays grey

    Each curve is a logistic one over the logarithm of exposure, the simplest that has a toe, a straight part as steep
    as its gamma and a shoulder, as film's characteristic curves have (F. Hurter, V. C. Driffield, 1890). g is the
    negative's gamma, h and r the print's gamma, times `contrast`, and its range of densities. The negative's range,
    and its grey, are those of the Cineon system: 0.002 of printing density a code, the base at 95, grey at 445
    (G. Kennel, Conversion of 10-bit Log Film Data to 8-bit Linear or Video Data, Kodak 1995).

    Couplers in each layer hold the others back, which cleans colours: subtractively, so that what becomes more
    saturated becomes darker (R. W. G. Hunt, The Reproduction of Colour). A printer light is 0.025 in the logarithm of
    the print's exposure; more light prints darker, and of red more cyan. Silver that is not bleached out of the print
    adds its own grey, as in bleach bypass.

    The print's clear base is `white`: light rolls off towards it, and never passes it. Grain and halation are no
    changes of colour alone, and are not part of it. With `mix` the picture is c + mix · (film - c). Alpha does not
    change.

    Memory: the frame, changed in place. Cost: one pass, shared with neighbouring colour nodes unless it is mixed.
    """

    stock = Choice("neutral", choices=tuple(_STOCKS), doc="The negative and the print.")
    exposure = Float(0.0, minimum=-10, maximum=10, unit="stops", doc="Of the negative.")
    printer_lights = Color(
        (0.0, 0.0, 0.0, 1.0), minimum=-50, maximum=50, doc="Added to the stock's; of each channel, more is darker."
    )
    contrast = Float(1.0, minimum=0.1, maximum=4, doc="What the print's gamma is multiplied by.")
    couplers = Float(0.0, minimum=-1, maximum=2, doc="Added to the stock's: above 0 more colour, below less.")
    silver = Float(0.0, minimum=0, maximum=2, doc="Added to the stock's: silver left in the print.")
    white = Float(1.25, minimum=0.25, maximum=100, doc="Light of the print's clear base.")

    def cost(self, request: Request) -> float:
        return 11.0

    def transforms(self, colour: Colour, source: MediaSource | None) -> list[ocio.Transform]:
        stock = _STOCKS[self.stock]
        silver, couplers = stock.silver + self.silver, stock.couplers + self.couplers
        lights = [own + given for own, given in zip(stock.lights, self.printer_lights, strict=False)]
        # The density of grey in each layer of the print, so that with its silver the sum is right; and in thin prints
        # as dark as they get.
        grey = [min(math.log10(self.white / GREY) / (1.0 + silver), 0.9 * full) for full in stock.range]
        return [
            _spread([math.exp2(self.exposure) / GREY] * 3, 0.0, [0.0] * 3),
            _logarithm(ocio.TRANSFORM_DIR_FORWARD),
            *_curve([_NEGATIVE_RANGE] * 3, list(stock.negative), [_NEGATIVE_GREY] * 3),
            _spread(
                [-(1.0 + couplers)] * 3, couplers / 3.0, [_NEGATIVE_GREY + _LIGHT * light for light in lights]
            ),
            *_curve(list(stock.range), [gamma * self.contrast for gamma in stock.print], grey),
            _spread([-1.0] * 3, -silver / 3.0, [math.log10(self.white)] * 3),
            _logarithm(ocio.TRANSFORM_DIR_INVERSE),
        ]  # fmt: skip


def _spread(factors: list[float], shared: float, added: list[float]) -> ocio.Transform:
    """Each channel by its factor, and of all of them together `shared`."""
    rows = [[shared + (factor if row == column else 0.0) for column in range(3)] for row, factor in enumerate(factors)]
    red, green, blue = rows
    return ocio.MatrixTransform([*red, 0, *green, 0, *blue, 0, 0, 0, 0, 1], [*added, 0.0])


def _logarithm(direction: ocio.TransformDirection) -> ocio.Transform:
    """To base 10."""
    logarithm = ocio.LogAffineTransform()
    logarithm.setBase(10.0)
    logarithm.setDirection(direction)
    return logarithm


def _curve(ranges: list[float], gammas: list[float], at_grey: list[float]) -> list[ocio.Transform]:
    """The logistic curves from 0 to each range, of these steepest slopes, that have at 0 the values of grey."""
    x = np.linspace(-_DECADES, _DECADES, _POINTS)
    curves = []
    for full, gamma, grey in zip(ranges, gammas, at_grey, strict=True):
        steepness = 4.0 * gamma / full
        centre = math.log(full / grey - 1.0) / steepness
        curves.append(full / (1.0 + np.exp(-steepness * (x - centre))))
    table = ocio.Lut1DTransform(_POINTS, False)
    table.setData(np.stack(curves, -1).astype(np.float32).ravel())
    return [_spread([0.5 / _DECADES] * 3, 0.0, [0.5] * 3), table]
