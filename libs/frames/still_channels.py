"""Which of a still's channels make a picture: layers, by the names that renderers and OpenEXR give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_KINDS: Final = (
    ("r", "g", "b", "a"),
    ("red", "green", "blue", "alpha"),
    # Positions and normals.
    ("x", "y", "z", "a"),
)
_LUMINANCE: Final = ("y", "z", "l", "i")


def layer_of(channel: str) -> str:
    """What is before the last dot: "diffuse.R" is of "diffuse", and "R" of the main layer, ""."""
    return channel.rpartition(".")[0]


def layers_of(channels: Sequence[str]) -> list[str]:
    """The layers that make a picture, in their order; the main one is ""."""
    return [layer for layer in dict.fromkeys(map(layer_of, channels)) if picture_channels(channels, layer)]


def picture_channels(channels: Sequence[str], layer: str) -> tuple[str, ...] | None:
    """The channels of a layer that are its picture: four (RGBA), three (RGB), two (grey and alpha) or one.

    None where there is no such layer, or nothing in it that is a picture.
    """
    found = {name.rpartition(".")[2].lower(): name for name in channels if layer_of(name) == layer}
    for red, green, blue, alpha in _KINDS:
        if red in found and green in found and blue in found:
            return tuple(found[name] for name in (red, green, blue, alpha) if name in found)
    for luminance in _LUMINANCE:
        if luminance in found:
            return tuple(found[name] for name in (luminance, "a") if name in found)
    # A layer of one channel whatever its name: an occlusion, a matte.
    return (next(iter(found.values())),) if len(found) == 1 and layer else None


def alpha_channel(channels: Sequence[str], layer: str) -> str | None:
    """The coverage of a layer: the last of a picture of four or of two channels, if it is called so."""
    picture = picture_channels(channels, layer) or ()
    last = picture[-1].rpartition(".")[2].lower() if picture else ""
    return picture[-1] if last in ("a", "alpha") and len(picture) in (2, 4) else None
