"""What a video's colour tags say of its light: a curve for each channel, and the primaries that the result is in.

The tags are H.273's, by libavutil's names. Rec.709's own transfer and everything unknown is taken as display-encoded by
the gamma of 2.4 (ITU-R BT.1886), as cameras' and players' video is meant to be seen.
"""

from dataclasses import dataclass
from typing import Any, Final

import PyOpenColorIO as ocio

from libs.frames.deliveries import HLG_WHITE, WHITE
from libs.kernels import Matrix, Transfer

_GAMMA: Final = 2.4
_GAMMAS: Final = {"linear": 1.0, "bt470m": 2.2}
_PQ_WHITE: Final = 100 / WHITE  # the built-in curve is linear in units of 100 cd/m²
_LINEAR: Final = {"bt2020": "Linear Rec.2020", "smpte432": "Linear P3-D65"}


@dataclass(frozen=True, slots=True, eq=False)
class VideoLight:
    """How R'G'B' of 0..1 becomes light in a working space: `transfer` on each channel, then the 3x3 `to_working`.

    Below 0 there is no light; signals beyond 1, the whiter than white of limited range, are brighter than 1.
    """

    transfer: Transfer
    to_working: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class VideoSignal:
    """How light in a working space becomes R'G'B': the 3x3 `from_working`, then `transfer` on each channel."""

    transfer: Transfer
    from_working: Matrix


def exponent(transfer: str) -> float | None:
    """The power that a transfer is; None for one that is no power."""
    return None if transfer in ("smpte2084", "arib-std-b67", "iec61966-2-1") else _GAMMAS.get(transfer, _GAMMA)


def curve(transfer: str) -> list[Any]:
    """The transfer from signal to light, as OCIO transforms.

    sRGB is IEC 61966-2-1. PQ (SMPTE ST 2084) is absolute: its 203 cd/m², BT.2408's reference white, becomes 1. HLG
    (BT.2100) is relative to the scene through the inverse of its OETF; its reference white, signal 0.75, becomes 1.
    """
    if transfer == "smpte2084":
        return [ocio.BuiltinTransform("CURVE - ST-2084_to_LINEAR"), _scale(_PQ_WHITE)]
    if transfer == "arib-std-b67":
        return [ocio.BuiltinTransform("CURVE - HLG-OETF-INVERSE"), _scale(1 / HLG_WHITE)]
    if transfer == "iec61966-2-1":
        return [ocio.ExponentWithLinearTransform(gamma=[2.4, 2.4, 2.4, 1.0], offset=[0.055, 0.055, 0.055, 0.0])]
    power = exponent(transfer)
    return [ocio.ExponentTransform(value=[power, power, power, 1.0])]


def linear_space(transfer: str, primaries: str) -> str:
    """The configuration's space of the light that `curve` gives: by the primaries, Rec.709's where they are unknown.

    PQ and HLG without primaries are taken as BT.2100's.
    """
    if not primaries and transfer in ("smpte2084", "arib-std-b67"):
        return _LINEAR["bt2020"]
    return _LINEAR.get(primaries, "Linear Rec.709 (sRGB)")


def _scale(factor: float) -> Any:
    return ocio.MatrixTransform([factor, 0, 0, 0, 0, factor, 0, 0, 0, 0, factor, 0, 0, 0, 0, 1])
