"""What the judges of colour nodes share: nodes as applied, spaces by OpenColorIO alone, how far colours are apart."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import PyOpenColorIO as ocio

from artifex.nodes import Frame, Node
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.pictures import Array, chart, noise, straight
from tests.unit.services.graph.support import node

CONFIG = "ocio://studio-config-v4.0.0_aces-v2.0_ocio-v2.5"
LUMA = np.array([0.2126, 0.7152, 0.0722])
"""Rec.709's weights, by which the ASC and OpenColorIO's grading find luminance."""


def changed(kind: type[Node], frame: Frame, **params: Any) -> Frame:
    size = (max(1, frame.window.right), max(1, frame.window.bottom))
    return applied(node(kind, **params), {"video": frame}, size)


@cache
def config() -> Any:
    """OpenColorIO's other built-in configuration: the product uses the one for computer graphics."""
    found = ocio.Config.CreateFromFile(CONFIG)
    found.setProcessorCacheFlags(ocio.PROCESSOR_CACHE_OFF)
    return found


def by_ocio(transform: Any, rgb: Array) -> Array:
    """A transform on [..., 3], without the approximations that can be left out."""
    pixels = np.ascontiguousarray(rgb, dtype=np.float32).reshape(1, -1, 3).copy()
    processor = config().getProcessor(transform)
    processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS).applyRGB(pixels)
    return pixels.reshape(rgb.shape).astype(np.float64)


def between(start: str, end: str, rgb: Array) -> Array:
    return by_ocio(ocio.ColorSpaceTransform(start, end), rgb)


def within(space: str, grade: Callable[[Array], Array], rgb: Array) -> Array:
    """A change of colour in a space: there, changed in float64, and back."""
    if space == "ACEScct":
        return from_acescct(grade(to_acescct(rgb)))
    if space == "ACEScg":
        return grade(rgb)
    return between(space, "ACEScg", grade(between("ACEScg", space, rgb)))


def to_acescct(light: Array) -> Array:
    """Academy S-2016-001, in float64; of light in AP1, as ACEScg is."""
    code = (np.log2(np.maximum(light, 0.0078125)) + 9.72) / 17.52
    result: Array = np.where(light <= 0.0078125, 10.5402377416545 * light + 0.0729055341958355, code)
    return result


def from_acescct(code: Array) -> Array:
    light = np.exp2(np.minimum(code, 4.0) * 17.52 - 9.72)
    border = 0.155251141552511
    result: Array = np.where(code > border, light, (code - 0.0729055341958355) / 10.5402377416545)
    return result


def with_saturation(rgb: Array, saturation: float) -> Array:
    luma = (rgb * LUMA).sum(-1, keepdims=True)
    result: Array = luma + saturation * (rgb - luma)
    return result


def mirrored_power(base: Array, exponent: Array | float) -> Array:
    result: Array = np.sign(base) * np.abs(base) ** exponent
    return result


def error(kind: type[Node], expected: Callable[[Array], Array], frame: Frame, **params: Any) -> float:
    """The largest difference of straight colour, where there is any, as parts of the brightest channel beyond 1.

    A channel's own error is carried to the others by matrices and saturation.
    """
    seen = frame.pixels[..., 3] > 0.01
    wanted = expected(straight(frame.pixels)[seen][:, :3])
    ours = straight(changed(kind, frame, **params).pixels)[seen][:, :3]
    if not np.isfinite(ours).all():
        return float("inf")
    size = np.maximum(1.0, np.abs(wanted).max(axis=-1, keepdims=True))
    return float((np.abs(ours - wanted) / size).max())


def pictures() -> dict[str, Frame]:
    """Noise from -0.5 to 4 with alpha, and ramps from -0.2 to 16."""
    return {"noise": noise(11), "ramps to 16": chart()}


def light() -> dict[str, Frame]:
    """The same without what is negative: logarithms have it so far down that a change of hue throws it to the sky."""
    return {name: Frame(np.abs(frame.pixels)) for name, frame in pictures().items()}


# ITU-R BT.2100 and BT.2124, by which a difference of 1 can just be seen by those who know where to look.
_TO_LMS = np.array([[1688, 2146, 262], [683, 2951, 462], [99, 309, 3688]]) / 4096
_TO_ITP = np.array([[2048, 2048, 0], [6610, -13613, 7003], [17933, -17390, -543]]) / 4096


def delta_e_itp(ours: Array, theirs: Array) -> Array:
    """How far apart colours of a display are: cd/m², [..., 3], in Rec.2020's primaries."""
    difference = _itp(ours) - _itp(theirs)
    result: Array = 720.0 * np.sqrt((difference**2).sum(-1))
    return result


def _itp(nits: Array) -> Array:
    lms = np.maximum(nits @ _TO_LMS.T, 0.0) / 10000.0
    power = lms**0.1593017578125
    coded = ((0.8359375 + 18.8515625 * power) / (1.0 + 18.6875 * power)) ** 78.84375
    itp: Array = coded @ _TO_ITP.T
    itp[..., 1] *= 0.5
    return itp
