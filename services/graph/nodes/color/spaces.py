"""Colour spaces by the short words of documents, and the ways there and back from the working space."""

from dataclasses import dataclass
from typing import Final

import PyOpenColorIO as ocio

WORKING: Final = "working"
DISPLAY: Final = "Gamma 2.4 Encoded Rec.709"
"""OCIO's name of what video is encoded in when it comes in and goes out (BT.709 primaries, BT.1886's 2.4)."""
_REFERENCE: Final = "ACES2065-1"


@dataclass(frozen=True, slots=True)
class _Place:
    """One of both: a space of the configuration, or a built-in transform from the space to ACES2065-1."""

    space: str = ""
    builtin: str = ""


_PLACES: Final = {
    "display": _Place(DISPLAY),
    "srgb": _Place("sRGB Encoded Rec.709 (sRGB)"),
    "linear_rec709": _Place("Linear Rec.709 (sRGB)"),
    "acescct": _Place("ACEScct"),
    "acescc": _Place("ACEScc"),
    "logc3": _Place(builtin="ARRI_ALEXA-LOGC-EI800-AWG_to_ACES2065-1"),
    "logc4": _Place(builtin="ARRI_LOGC4_to_ACES2065-1"),
    "slog3": _Place(builtin="SONY_SLOG3-SGAMUT3.CINE_to_ACES2065-1"),
    "vlog": _Place(builtin="PANASONIC_VLOG-VGAMUT_to_ACES2065-1"),
    "clog3": _Place(builtin="CANON_CLOG3-CGAMUT_to_ACES2065-1"),
    "log3g10": _Place(builtin="RED_LOG3G10-RWG_to_ACES2065-1"),
    "apple_log": _Place(builtin="APPLE_LOG_to_ACES2065-1"),
}
SPACES: Final = (WORKING, *_PLACES)
"""The words: the working space itself, what players show, computers' screens, grading's logarithms, cameras' own."""


def into(word: str, working_space: str) -> list[ocio.Transform]:
    """From the working space to the space that `word` means."""
    return _ways(word, working_space, ocio.TRANSFORM_DIR_FORWARD)


def out_of(word: str, working_space: str) -> list[ocio.Transform]:
    """From the space that `word` means to the working space."""
    return _ways(word, working_space, ocio.TRANSFORM_DIR_INVERSE)


def _ways(word: str, working_space: str, direction: ocio.TransformDirection) -> list[ocio.Transform]:
    if word == WORKING:
        return []
    place = _PLACES[word]
    if place.space:
        return [ocio.ColorSpaceTransform(working_space, place.space, direction)]
    if direction == ocio.TRANSFORM_DIR_FORWARD:
        return [
            ocio.ColorSpaceTransform(working_space, _REFERENCE),
            ocio.BuiltinTransform(place.builtin, ocio.TRANSFORM_DIR_INVERSE),
        ]
    return [ocio.BuiltinTransform(place.builtin), ocio.ColorSpaceTransform(_REFERENCE, working_space)]
