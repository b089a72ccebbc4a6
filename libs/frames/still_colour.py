"""What the numbers of a still mean: by its tags, or else by what files of its kind mostly hold.

linear    scene-linear light: OpenEXR, and DPX that says so
cineon    the logarithm of printing density: DPX that says so (Kodak, "Conversion of 10-bit Log Film Data", 1995)
display   as players show it, Rec.709 with the gamma of 2.4: all others
srgb      IEC 61966-2-1: PNG that says so
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

REC709: Final = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""CIE x and y of red, green, blue and white (ITU-R BT.709): what OpenEXR means where it does not say."""
AP0: Final = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
"""ACES2065-1's (SMPTE ST 2065-1)."""
AP1: Final = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
"""ACEScg's (AMPAS S-2014-004)."""
P3_D65: Final = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329)
REC2020: Final = (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329)
_NAMED: Final = {
    "lin_ap0_scene": AP0,
    "lin_ap1_scene": AP1,
    "lin_rec709_scene": REC709,
    "lin_p3d65_scene": P3_D65,
    "lin_rec2020_scene": REC2020,
}
"""By the name of a linear space in OpenEXR's colorInteropID (ASWF Color Interop Forum)."""
_BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_LOGARITHMS: Final = ("printing density", "logarithmic")
CINEON_WHITE: Final = 685 / 1023
CINEON_BLACK: Final = 95 / 1023
CINEON_SLOPE: Final = 300 / 1023
"""Codes of reference white and black, and how far ten times the light reaches: 0.002 of density a code, gamma 0.6."""


def encoding_of(kind: str, tags: dict[str, Any]) -> str:
    """One of the words above, for a file that OpenImageIO calls `kind`."""
    if kind == "openexr":
        return "linear"
    if kind == "dpx":
        transfer = str(tags.get("dpx:Transfer", "")).lower()
        if transfer in _LOGARITHMS:
            return "cineon"
        return "linear" if transfer == "linear" else "display"
    return "display"


def chromaticities_of(tags: dict[str, Any]) -> tuple[float, ...]:
    """CIE x and y of red, green, blue and white where a file tells; empty where it does not, or tells nonsense."""
    if tags.get("acesImageContainerFlag") == 1:
        return AP0
    told = tags.get("chromaticities", _NAMED.get(str(tags.get("colorInteropID"))))
    # An attribute of that name may be of any type.
    if not isinstance(told, tuple) or len(told) != 8 or not all(isinstance(value, int | float) for value in told):
        return ()
    found = tuple(float(value) for value in told)
    return found if primaries_to_xyz(found) is not None else ()


def primaries_to_xyz(chromaticities: Sequence[float]) -> Matrix | None:
    """From linear RGB to CIE XYZ, white at Y = 1 (SMPTE RP 177); None where these are no primaries."""
    x, y = np.asarray(chromaticities, np.float64).reshape(4, 2).T
    if not np.isfinite([x, y]).all() or abs(y[3]) < 1e-6:
        return None
    # Columns; the y of a primary may be 0 or less, as that of AP0's blue.
    columns = np.stack([x, y, 1.0 - x - y])
    if abs(np.linalg.det(columns[:, :3])) < 1e-6:
        return None
    scale = np.linalg.solve(columns[:, :3], columns[:, 3] / y[3])
    return np.asarray(columns[:, :3] * scale, np.float64)


def convert(source: Sequence[float], target: Sequence[float]) -> Matrix:
    """From linear RGB of one set of primaries to another, white to white by Bradford's adaptation (ICC.1, annex E)."""
    given, wanted = primaries_to_xyz(source), primaries_to_xyz(target)
    if given is None or wanted is None:
        raise ValueError("these are no primaries")
    whites = [matrix.sum(axis=1) for matrix in (given, wanted)]
    cones = [_BRADFORD @ white for white in whites]
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(cones[1] / cones[0]) @ _BRADFORD
    return np.asarray(np.linalg.inv(wanted) @ adapted @ given, np.float64)


def to_light(values: npt.NDArray[np.float32], encoding: str) -> npt.NDArray[np.float32]:
    """Codes of 0..1 as light, for pictures that only show what a file holds; films go by OpenColorIO."""
    if encoding == "linear":
        return values
    if encoding == "srgb":
        return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0.0) + 0.055) / 1.055) ** 2.4)
    if encoding == "cineon":
        black = 10.0 ** ((CINEON_BLACK - CINEON_WHITE) / CINEON_SLOPE)
        return np.asarray((10.0 ** ((values - CINEON_WHITE) / CINEON_SLOPE) - black) / (1.0 - black), np.float32)
    return np.maximum(values, np.float32(0.0)) ** np.float32(2.4)
