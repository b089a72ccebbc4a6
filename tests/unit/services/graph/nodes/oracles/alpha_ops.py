"""AlphaOps beside OpenImageIO's functions of the same names, OpenCV's morphology and SciPy's distances."""

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
from scipy import ndimage, special

from artifex.nodes import Frame, Output, Window
from services.graph.nodes.composite.alpha_ops import AlphaOps
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest, largest_relative
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WHOLE, WIDTH, Array, array, buffer, chart, noise
from tests.unit.services.graph.support import node

SIZE = (WIDTH, HEIGHT)


def worked(
    frame: Frame | None,
    operation: str,
    size_: tuple[int, int] = SIZE,
    *,
    matte: Frame | None = None,
    output: Output | None = None,
    region: Window | None = None,
    scale: Fraction = Fraction(1),
    **params: Any,
) -> Frame:
    """What AlphaOps makes of a picture; `size_` is the document's."""
    ops = node(AlphaOps, operation=operation, **params)
    frames = {name: given for name, given in (("video", frame), ("matte", matte)) if given is not None}
    return applied(ops, frames, size_, output=output, region=region, scale=scale)


def alpha_of(frame: Frame, operation: str, **params: Any) -> Array:
    mask = worked(frame, operation, output=AlphaOps.mask, **params)
    return mask.filled(WHOLE).astype(np.float64)


def by_openimageio(frame: Frame, operation: str, size: int = 0) -> Array:
    """The alpha, [height, width, 1]."""
    plane = buffer(np.ascontiguousarray(frame.pixels[..., 3:]))
    side = 2 * size + 1
    if operation == "dilate":
        return array(oiio.ImageBufAlgo.dilate(plane, side, side))
    if operation == "erode":
        return array(oiio.ImageBufAlgo.erode(plane, side, side))
    if operation == "invert":
        return array(oiio.ImageBufAlgo.invert(plane))
    if operation == "clamp":
        return array(oiio.ImageBufAlgo.clamp(plane, 0.2, 0.7))
    return array(oiio.ImageBufAlgo.contrast_remap(plane, 0.2, 0.7, 0.0, 1.0))


def _multiplied_error(operation: str) -> float:
    frame = chart()
    image = buffer(frame.pixels)
    change = oiio.ImageBufAlgo.unpremult if operation == "unpremultiply" else oiio.ImageBufAlgo.premult
    return largest_relative(worked(frame, operation).pixels, array(change(image)))


def _opencv_error(operation: str, size: int) -> float:
    frame = noise(5)
    shape = np.ones((2 * size + 1, 2 * size + 1), np.uint8)
    change = cv2.dilate if operation == "dilate" else cv2.erode
    expected = np.asarray(change(frame.pixels[..., 3], shape, borderType=cv2.BORDER_REPLICATE))
    return largest(alpha_of(frame, operation, size=float(size), shape="square")[..., 0], expected)


def _disc_error(operation: str, size: float) -> float:
    """A disc of coverage, beside a disc of another radius: an edge moves by its size."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    away = np.hypot(x - 30.0, y - 23.0)

    def drawn(radius: float) -> Array:
        # Soft, without a kink, as what is read linearly between pixels must be to be near the truth.
        return np.asarray(special.expit((radius - away) / 1.5))

    frame = Frame(np.repeat(drawn(14.0)[..., None], 4, -1).astype(np.float32))
    moved = 14.0 + (size if operation == "dilate" else -size)
    return largest(alpha_of(frame, operation, size=size)[..., 0], drawn(moved))


def _distance_error(size: int) -> float:
    """Of points, what lies within the size: whole pixels, by SciPy's Euclidean distances."""
    points = np.zeros((HEIGHT, WIDTH), np.float32)
    points[[5, 20, 30], [9, 40, 12]] = 1.0
    near = ndimage.distance_transform_edt(points == 0) <= size
    ours = alpha_of(Frame(np.repeat(points[..., None], 4, -1)), "dilate", size=float(size))[..., 0]
    return largest(ours[near], 1.0 * near[near])


COMPARISONS = [
    Comparison("AlphaOps", "OpenImageIO unpremult", "unpremultiply, ramps to 16", 1e-6,
               lambda: _multiplied_error("unpremultiply")),
    Comparison("AlphaOps", "OpenImageIO premult", "premultiply, ramps to 16", 1e-6,
               lambda: _multiplied_error("premultiply")),
    Comparison("AlphaOps", "OpenImageIO invert", "invert", 1e-7,
               lambda: largest(alpha_of(noise(1), "invert"), by_openimageio(noise(1), "invert"))),
    Comparison("AlphaOps", "OpenImageIO clamp", "clamp, 0.2 to 0.7", 0.0,
               lambda: largest(alpha_of(noise(2), "clamp", black=0.2, white=0.7), by_openimageio(noise(2), "clamp"))),
    Comparison("AlphaOps", "OpenImageIO contrast_remap", "levels, 0.2 to 0.7", 1e-6, lambda: largest(
        alpha_of(noise(3), "levels", black=0.2, white=0.7), np.clip(by_openimageio(noise(3), "levels"), 0, 1))),
    Comparison("AlphaOps", "OpenImageIO dilate", "square of 2", 0.0, lambda: largest(
        alpha_of(noise(4), "dilate", size=2.0, shape="square"), by_openimageio(noise(4), "dilate", 2))),
    Comparison("AlphaOps", "OpenImageIO erode", "square of 3, inside", 0.0, lambda: largest(
        alpha_of(noise(4), "erode", size=3.0, shape="square"), by_openimageio(noise(4), "erode", 3))),
    Comparison("AlphaOps", "OpenCV dilate", "square of 4, repeated edges", 0.0, lambda: _opencv_error("dilate", 4)),
    Comparison("AlphaOps", "OpenCV erode", "square of 5, repeated edges", 0.0, lambda: _opencv_error("erode", 5)),
    Comparison("AlphaOps", "SciPy distances", "points dilated by 6", 0.0, lambda: _distance_error(6)),
    Comparison("AlphaOps", "a disc of another radius", "dilated by 3.4", 0.01, lambda: _disc_error("dilate", 3.4)),
    Comparison("AlphaOps", "a disc of another radius", "eroded by 2.7", 0.01, lambda: _disc_error("erode", 2.7)),
    Comparison("AlphaOps", "a disc of another radius", "eroded by 0.35", 0.01, lambda: _disc_error("erode", 0.35)),
]  # fmt: skip
