"""Curves."""

from collections.abc import Iterable
from typing import Final

import PyOpenColorIO as ocio

from artifex.nodes import Choice, Colour, Column, MediaSource, Points, Request, Rows
from services.graph.nodes.color.change import ColourChange
from services.graph.nodes.color.splines import disorder, over, over_hue, rising
from services.graph.nodes.color.styles import STYLES, in_style, ocio_style

_CHANNELS: Final[tuple[str, ...]] = ("red", "green", "blue")
_LINE: Final = (Column("x", -30, 30), Column("y", -30, 30), Column("slope", 0, 100, 0.0))
_HUE: Final = Column("hue", 0, 360)
_GAIN: Final = Column("gain", 0, 4)
_FLAT: Final[Rows] = ((0.0, 1.0), (180.0, 1.0))
_LEVEL: Final[Rows] = ((0.0, 1.0), (1.0, 1.0))
_STRAIGHT: Final[Rows] = ((0.0, 0.0, 0.0), (1.0, 1.0, 0.0))
_DIAGONAL: Final[Rows] = ((0.0, 0.0), (1.0, 1.0))
_MOST: Final = 16
"""Points of a curve: OpenColorIO joins three of these."""
_MOST_OVER_HUE: Final = 8


class Curves(ColourChange):
    """Bends the picture by curves: of all channels, of red, green and blue, and of hue, saturation and luminance.

    OpenColorIO's curves, in the style's space, on straight colour: first red, green and blue each by its own, then all
    by the master curve, then those of hue. Through the points goes a quadratic spline that keeps their
    shape (L. L. Schumaker, On Shape Preserving Quadratic Spline Interpolation, 1983), beyond them a straight line as
    steep as its end. A point is [x, y] or [x, y, slope]; where no slope is given, all follow from the points.

    The axes are, in the style "log", the numbers of ACEScct (Academy S-2016-001), where middle grey is 0.41 and a stop
    0.057; in "linear", stops from middle grey (0.18), straight below -5.5; in "video", the numbers that players show.

    The curves of hue work on hue H, saturation S and luminance Y as OpenColorIO finds them in each style (HSY). Hues
    are degrees, with red at 0, green at 120 and blue at 240; these curves are the same again after 360:

        H = H + hue_vs_hue(H)
        S = S · hue_vs_saturation(H) · luminance_vs_saturation(Y)
        Y = Y changed by hue_vs_luminance(H), less where there is little saturation, and by saturation_vs_luminance(S)

    Gains of 1 change nothing. Luminance is multiplied by them in the style "linear"; in the others a tenth of what they
    are beyond 1 is added. In "log", what is negative lies so far down that changes of hue may throw it up to the sky:
    bring such colours into the gamut first, by ColorSpace. With `mix` the picture is c + mix · (graded − c). Alpha does
    not change.

    Memory: the frame, changed in place. Cost: one pass, shared with neighbouring colour nodes unless it is mixed;
    curves of hue cost ten times the others.
    """

    style = Choice("log", choices=STYLES, doc="The space of the curves.")
    master = Points(_STRAIGHT, columns=_LINE, least=2, most=_MOST, doc="Of all channels, after their own.")
    red = Points(_STRAIGHT, columns=_LINE, least=2, most=_MOST, doc="Of red.")
    green = Points(_STRAIGHT, columns=_LINE, least=2, most=_MOST, doc="Of green.")
    blue = Points(_STRAIGHT, columns=_LINE, least=2, most=_MOST, doc="Of blue.")
    hue_vs_hue = Points(
        ((0.0, 0.0), (180.0, 0.0)), columns=(_HUE, Column("shift", -180, 180)), least=2, most=_MOST_OVER_HUE,
        doc="By how many degrees each hue is turned; 0 leaves it.",
    )  # fmt: skip
    hue_vs_saturation = Points(
        _FLAT, columns=(_HUE, _GAIN), least=2, most=_MOST_OVER_HUE, doc="What saturation is multiplied by, by hue."
    )
    hue_vs_luminance = Points(
        _FLAT, columns=(_HUE, _GAIN), least=2, most=_MOST_OVER_HUE, doc="How much brighter it is made, by hue."
    )
    luminance_vs_saturation = Points(
        _LEVEL, columns=(Column("luminance", -30, 30), _GAIN), least=2, most=_MOST_OVER_HUE,
        doc="What saturation is multiplied by, by luminance.",
    )  # fmt: skip
    saturation_vs_saturation = Points(
        _DIAGONAL, columns=(Column("saturation", 0, 10), Column("becomes", 0, 10)), least=2, most=_MOST_OVER_HUE,
        doc="What each saturation becomes, before the others; it may not fall.",
    )  # fmt: skip
    saturation_vs_luminance = Points(
        _LEVEL, columns=(Column("saturation", 0, 10), _GAIN), least=2, most=_MOST_OVER_HUE,
        doc="How much brighter it is made, by saturation.",
    )  # fmt: skip

    def misfits(self, width: int, height: int) -> Iterable[tuple[str, str]]:
        for name, parameter in self.schema.parameters.items():
            if isinstance(parameter, Points):
                rising_only = name in ("master", *_CHANNELS, "saturation_vs_saturation")
                reason = disorder(self.values[name], falls=not rising_only)
                if reason is not None:
                    yield name, reason

    def neutral(self) -> bool:
        return not self._bends() and not self._hue_bends()

    def cost(self, request: Request) -> float:
        return 11.0 + (68.0 if self._hue_bends() else 0.0)

    def transforms(self, colour: Colour, source: MediaSource | None) -> list[ocio.Transform]:
        bends = self._bends()
        # The master is a transform of its own: more points fit, and it comes after the others anyway.
        groups = [[name for name in names if name in bends] for names in (_CHANNELS, ("master",))]
        steps = [self._bend(names) for names in groups if names]
        if self._hue_bends():
            steps.append(self._hue_bend())
        return in_style(self.style, colour.working_space, steps)

    def _bends(self) -> list[str]:
        return [name for name in ("master", *_CHANNELS) if not _is_straight(self.values[name])]

    def _hue_bends(self) -> list[str]:
        neutral = {"hue_vs_hue": 0.0, "hue_vs_saturation": 1.0, "hue_vs_luminance": 1.0,
                   "luminance_vs_saturation": 1.0, "saturation_vs_luminance": 1.0}  # fmt: skip
        bends = [name for name, level in neutral.items() if any(row[1] != level for row in self.values[name])]
        if not _is_straight(self.saturation_vs_saturation):
            bends.append("saturation_vs_saturation")
        return bends

    def _bend(self, names: list[str]) -> ocio.Transform:
        style = ocio_style(self.style)
        curves = ocio.GradingRGBCurve(style)
        for name in ("master", *_CHANNELS):
            setattr(curves, name, rising(self.values[name] if name in names else _STRAIGHT))
        bend = ocio.GradingRGBCurveTransform(style)
        bend.setValue(curves)
        return bend

    def _hue_bend(self) -> ocio.Transform:
        style = ocio_style(self.style)
        curves = ocio.GradingHueCurve(style)
        curves.hue_fx = over_hue(self.hue_vs_hue, ocio.HUE_FX, 1 / 360)
        curves.hue_sat = over_hue(self.hue_vs_saturation, ocio.HUE_SAT)
        curves.hue_lum = over_hue(self.hue_vs_luminance, ocio.HUE_LUM)
        curves.lum_sat = over(self.luminance_vs_saturation, ocio.LUM_SAT)
        curves.sat_sat = over(self.saturation_vs_saturation, ocio.SAT_SAT)
        curves.sat_lum = over(self.saturation_vs_luminance, ocio.SAT_LUM)
        bend = ocio.GradingHueCurveTransform(style)
        bend.setValue(curves)
        return bend


def _is_straight(points: Rows) -> bool:
    return all(x == y and not any(slope) for x, y, *slope in points)
