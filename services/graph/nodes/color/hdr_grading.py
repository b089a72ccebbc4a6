"""HDRGrading."""

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import PyOpenColorIO as ocio

from artifex.nodes import Color, Colour, Float, MediaSource, Request
from services.graph.nodes.color.change import ColourChange
from services.graph.nodes.color.spaces import scaled
from services.graph.nodes.color.splines import over, rising
from services.graph.nodes.color.styles import in_style

_ZONES: Final = ("blacks", "shadows", "midtones", "highlights", "whites")
_CHANNELS: Final = ("red", "green", "blue")
_NEAREST: Final = 0.25
"""Stops between two zones, at least."""
_OUTSIDE: Final = 1.0
"""Stops beyond the outer zones to the last points of a curve, which holds for ever what they are."""


class HDRGrading(ColourChange):
    """Grades light in five zones, each with its exposure, colour and saturation, over all the range of HDR.

    In scene-linear light, on straight colour. Let x be the stops of a channel from middle grey, log2(c / 0.18), as
    OpenColorIO counts them: straight below -5.5, so that black (at -7) and what is negative have their place.

        x = x + exposure
        x = x + e(x),  e: the exposures of the zones, each at its zone's place, and between two a smooth way
        x = t(x),  t: toe, shoulder and contrast

    e joins the zones by OpenColorIO's quadratic splines, level at each zone and beyond the outer ones; where exposures
    fall faster than their zones rise, it is made as flat as keeps order. t is OpenColorIO's tonal grading: below
    `toe_start` and above `shoulder_start` the slope goes, within `toe_width` and `shoulder_width` stops, from 1 to one
    that is less for a shoulder below 1 (light rolls off) and for a toe above 1 (shadows open), and more otherwise;
    contrast is its S-curve, which leaves grey and the ends of the range where they are. Then, with Y the luminance (the
    weights of Rec.709, as OpenColorIO's hue curves have them) and s the saturations of the zones, joined likewise:

        S = S · s(log2(Y / 0.18)),  S: saturation as OpenColorIO finds it in light (HSY)

    which leaves Y, is c = Y + s · (c − Y) for 0 and 1, and within a twentieth of that up to 2.
    With `mix` the picture is c + mix · (graded − c). Alpha does not change.

    Memory: the frame, changed in place. Cost: one pass, shared with neighbouring colour nodes unless it is mixed;
    saturations of zones cost several times the rest.
    """

    exposure = Float(0.0, minimum=-10, maximum=10, unit="stops", doc="Of the whole picture, before the zones.")
    blacks = Color((0.0, 0.0, 0.0, 1.0), minimum=-6, maximum=6, unit="stops", doc="Exposure of the blacks.")
    shadows = Color((0.0, 0.0, 0.0, 1.0), minimum=-6, maximum=6, unit="stops", doc="Exposure of the shadows.")
    midtones = Color((0.0, 0.0, 0.0, 1.0), minimum=-6, maximum=6, unit="stops", doc="Exposure of the middle.")
    highlights = Color((0.0, 0.0, 0.0, 1.0), minimum=-6, maximum=6, unit="stops", doc="Exposure of the highlights.")
    whites = Color((0.0, 0.0, 0.0, 1.0), minimum=-6, maximum=6, unit="stops", doc="Exposure of the whites.")
    blacks_saturation = Float(1.0, minimum=0, maximum=4, doc="0 is grey, 1 changes nothing.")
    shadows_saturation = Float(1.0, minimum=0, maximum=4, doc="0 is grey, 1 changes nothing.")
    midtones_saturation = Float(1.0, minimum=0, maximum=4, doc="0 is grey, 1 changes nothing.")
    highlights_saturation = Float(1.0, minimum=0, maximum=4, doc="0 is grey, 1 changes nothing.")
    whites_saturation = Float(1.0, minimum=0, maximum=4, doc="0 is grey, 1 changes nothing.")
    blacks_at = Float(-5.0, minimum=-12, maximum=12, unit="stops", doc="The place of the blacks, from middle grey.")
    shadows_at = Float(-2.5, minimum=-12, maximum=12, unit="stops", doc="The place of the shadows.")
    midtones_at = Float(0.0, minimum=-12, maximum=12, unit="stops", doc="The place of the middle.")
    highlights_at = Float(2.5, minimum=-12, maximum=12, unit="stops", doc="The place of the highlights; 2.5 is white.")
    whites_at = Float(5.0, minimum=-12, maximum=12, unit="stops", doc="The place of the whites.")
    contrast = Float(1.0, minimum=0.01, maximum=1.99, doc="Above 1 steeper around grey and flatter at both ends.")
    toe = Float(1.0, minimum=0.1, maximum=1.9, doc="Above 1 opens the darkest, below closes them.")
    toe_start = Float(-2.0, minimum=-12, maximum=12, unit="stops", doc="Below this the toe begins.")
    toe_width = Float(4.0, minimum=0.01, maximum=16, unit="stops", doc="How far until the toe is as steep as it gets.")
    shoulder = Float(1.0, minimum=0.1, maximum=1.9, doc="Below 1 rolls the brightest off, above lifts them.")
    shoulder_start = Float(1.0, minimum=-12, maximum=12, unit="stops", doc="Above this the shoulder begins.")
    shoulder_width = Float(
        4.0, minimum=0.01, maximum=16, unit="stops", doc="How far until the shoulder is as steep as it gets."
    )

    def misfits(self, width: int, height: int) -> Iterable[tuple[str, str]]:
        for below, above in pairwise(_ZONES):
            low, high = self.values[f"{below}_at"], self.values[f"{above}_at"]
            if high < low + _NEAREST:
                yield f"{above}_at", f"it must lie at least {_NEAREST:g} stops above {below}_at ({low:g})"

    def neutral(self) -> bool:
        toned = any(number != 1.0 for number in (self.contrast, self.toe, self.shoulder))
        return not (self.exposure or self._exposed() or toned or self._saturated())

    def cost(self, request: Request) -> float:
        return 10.0 + (82.0 if self._saturated() else 0.0)

    def transforms(self, colour: Colour, source: MediaSource | None) -> list[ocio.Transform]:
        steps: list[ocio.Transform] = []
        if self.exposure:
            steps.append(scaled(math.exp2(self.exposure)))
        if self._exposed():
            steps.append(self._zones())
        if any(number != 1.0 for number in (self.contrast, self.toe, self.shoulder)):
            steps.append(self._tone())
        if self._saturated():
            steps.append(self._saturations())
        return in_style("linear", colour.working_space, steps)

    def _exposed(self) -> bool:
        return any(any(self.values[zone][:3]) for zone in _ZONES)

    def _saturated(self) -> bool:
        return any(self.values[f"{zone}_saturation"] != 1.0 for zone in _ZONES)

    def _places(self) -> list[float]:
        """Of the zones, each above the one before."""
        places: list[float] = []
        for zone in _ZONES:
            at: float = self.values[f"{zone}_at"]
            places.append(max(at, places[-1] + _NEAREST) if places else at)
        return places

    def _zones(self) -> ocio.Transform:
        places = self._places()
        curves = ocio.GradingRGBCurve(ocio.GRADING_LIN)
        for channel, name in enumerate(_CHANNELS):
            points = [(at, at + self.values[zone][channel], 1.0) for at, zone in zip(places, _ZONES, strict=True)]
            (first, low, _), (last, high, _) = points[0], points[-1]
            points = [(first - _OUTSIDE, low - _OUTSIDE, 1.0), *points, (last + _OUTSIDE, high + _OUTSIDE, 1.0)]
            setattr(curves, name, rising(tuple(points)))
        zones = ocio.GradingRGBCurveTransform(ocio.GRADING_LIN)
        zones.setValue(curves)
        return zones

    def _tone(self) -> ocio.Transform:
        tone = ocio.GradingTone(ocio.GRADING_LIN)
        tone.blacks = ocio.GradingRGBMSW(1.0, 1.0, 1.0, self.toe, self.toe_start, self.toe_width)
        tone.whites = ocio.GradingRGBMSW(1.0, 1.0, 1.0, self.shoulder, self.shoulder_start, self.shoulder_width)
        tone.scontrast = self.contrast
        toned = ocio.GradingToneTransform(ocio.GRADING_LIN)
        toned.setValue(tone)
        return toned

    def _saturations(self) -> ocio.Transform:
        zones = zip(self._places(), _ZONES, strict=True)
        points = [(at, float(self.values[f"{zone}_saturation"])) for at, zone in zones]
        (first, low), (last, high) = points[0], points[-1]
        points = [(first - _OUTSIDE, low), *points, (last + _OUTSIDE, high)]
        curves = ocio.GradingHueCurve(ocio.GRADING_LIN)
        curves.lum_sat = over(tuple(points), ocio.LUM_SAT)
        saturations = ocio.GradingHueCurveTransform(ocio.GRADING_LIN)
        saturations.setValue(curves)
        return saturations
