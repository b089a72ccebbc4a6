"""Colour spaces by the short words of documents, and the ways there and back from the working space."""

from dataclasses import dataclass
from typing import Final

import PyOpenColorIO as ocio

from libs.frames.deliveries import HLG_WHITE, WHITE

WORKING: Final = "working"
DISPLAY: Final = "Gamma 2.4 Encoded Rec.709"
"""OCIO's name of what video is encoded in when it comes in and goes out (BT.709 primaries, BT.1886's 2.4)."""
REFERENCE: Final = "ACES2065-1"
PQ_WHITE: Final = WHITE / 100.0
"""Reference white in PQ, in OCIO's units of 100 cd/m²: it is 1 in the working space."""

_LIGHT: Final = 1e30
_SIGNAL: Final = 300.0
"""A power's signal of about a million times white."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A space of the configuration, or a built-in transform from the space to ACES2065-1."""

    space: str = ""
    builtin: str = ""
    curve: str = ""
    """With `space`, which then is linear: "2.6", "PQ" or the built-in curve, from the place's signal to light."""
    white: float = 1.0
    """The light of that curve which is 1 in the linear space."""
    highest: float = 2.0
    """The largest number that means light: of logarithms, far beyond 10,000 for each."""
    lowest: float | None = -1e6
    """The least; without it, what the largest is on the other side. Logarithms end in a straight line."""


_PLACES: Final = {
    "display": _Place(DISPLAY, highest=_SIGNAL, lowest=None),
    "srgb": _Place("sRGB Encoded Rec.709 (sRGB)", highest=_SIGNAL, lowest=None),
    "linear_rec709": _Place("Linear Rec.709 (sRGB)", highest=_LIGHT, lowest=None),
    "acescct": _Place("ACEScct"),
    "acescc": _Place("ACEScc"),
    "logc3": _Place(builtin="ARRI_ALEXA-LOGC-EI800-AWG_to_ACES2065-1"),
    "logc4": _Place(builtin="ARRI_LOGC4_to_ACES2065-1"),
    "slog3": _Place(builtin="SONY_SLOG3-SGAMUT3.CINE_to_ACES2065-1"),
    "vlog": _Place(builtin="PANASONIC_VLOG-VGAMUT_to_ACES2065-1"),
    "clog3": _Place(builtin="CANON_CLOG3-CGAMUT_to_ACES2065-1"),
    "log3g10": _Place(builtin="RED_LOG3G10-RWG_to_ACES2065-1"),
    "apple_log": _Place(builtin="APPLE_LOG_to_ACES2065-1"),
    "clog2": _Place(builtin="CANON_CLOG2-CGAMUT_to_ACES2065-1"),
    "acescg": _Place("ACEScg", highest=_LIGHT, lowest=None),
    "aces2065": _Place(REFERENCE, highest=_LIGHT, lowest=None),
    "linear_p3": _Place("Linear P3-D65", highest=_LIGHT, lowest=None),
    "linear_rec2020": _Place("Linear Rec.2020", highest=_LIGHT, lowest=None),
    "display_p3": _Place("sRGB Encoded P3-D65", highest=_SIGNAL, lowest=None),
    "p3": _Place("Linear P3-D65", curve="2.6", highest=_SIGNAL, lowest=None),
    "rec2100_pq": _Place("Linear Rec.2020", curve="PQ", white=PQ_WHITE, highest=1.0, lowest=None),
    "rec2100_hlg": _Place(
        "Linear Rec.2020", curve="CURVE - HLG-OETF-INVERSE", white=HLG_WHITE, highest=3.0, lowest=None
    ),
}
SPACES: Final = (WORKING, *_PLACES)
"""The words: the working space itself, what players show, computers' screens, grading's logarithms, cameras' own, other
linear spaces, cinemas' projectors (SMPTE RP 431-2's 2.6 on P3 with D65) and HDR (BT.2100, white as BT.2408 has it)."""


def into(word: str, working_space: str) -> list[ocio.Transform]:
    """From the working space to the space that `word` means."""
    if word == WORKING:
        return []
    place = _PLACES[word]
    if place.space:
        return [ocio.ColorSpaceTransform(working_space, place.space), *_signal(place, ocio.TRANSFORM_DIR_INVERSE)]
    return [
        ocio.ColorSpaceTransform(working_space, REFERENCE),
        ocio.BuiltinTransform(place.builtin, ocio.TRANSFORM_DIR_INVERSE),
    ]


def out_of(word: str, working_space: str) -> list[ocio.Transform]:
    """From the space that `word` means to the working space."""
    if word == WORKING:
        return []
    place = _PLACES[word]
    if place.space:
        return [*_signal(place, ocio.TRANSFORM_DIR_FORWARD), ocio.ColorSpaceTransform(place.space, working_space)]
    return [ocio.BuiltinTransform(place.builtin), ocio.ColorSpaceTransform(REFERENCE, working_space)]


def limited(word: str) -> ocio.Transform:
    """Cuts what lies so far beyond the space's numbers that it would be infinite light, and NaN in the next matrix."""
    place = _PLACES.get(word, _Place(highest=_LIGHT, lowest=None))
    highest = place.highest
    lowest = -highest if place.lowest is None else place.lowest
    return ocio.RangeTransform(lowest, highest, lowest, highest)


def scaled(factor: float) -> ocio.Transform:
    """Each channel by the factor."""
    return ocio.MatrixTransform([factor, 0, 0, 0, 0, factor, 0, 0, 0, 0, factor, 0, 0, 0, 0, 1])


def _signal(place: _Place, direction: ocio.TransformDirection) -> list[ocio.Transform]:
    """Forward: from a signal to light."""
    if not place.curve:
        return []
    if place.curve == "2.6":
        power = ocio.ExponentTransform([2.6, 2.6, 2.6, 1.0], negativeStyle=ocio.NEGATIVE_MIRROR)
        power.setDirection(direction)
        return [power]
    if place.curve == "PQ":
        back = ocio.CombineTransformDirections(direction, ocio.TRANSFORM_DIR_INVERSE)
        curve = ocio.FixedFunctionTransform(ocio.FIXED_FUNCTION_LIN_TO_PQ, direction=back)
    else:
        curve = ocio.BuiltinTransform(place.curve, direction)
    if direction == ocio.TRANSFORM_DIR_FORWARD:
        return [curve, scaled(1.0 / place.white)]
    return [scaled(place.white), curve]
