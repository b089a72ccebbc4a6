"""Crop beside OpenImageIO's crop, OpenCV's area averaging of a finer picture, and SciPy's quadrature."""

from functools import partial
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
from scipy import integrate

from artifex.nodes import Frame, Window
from services.graph.nodes.transform.crop import Crop
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WHOLE, WIDTH, Array, array, buffer, noise
from tests.unit.services.graph.support import node

FINE = 64
"""Steps in a pixel of the finer picture."""


def cropped(frame: Frame, size: tuple[int, int] = (WIDTH, HEIGHT), **params: Any) -> Frame:
    return applied(node(Crop, **{"units": "px", **params}), {"video": frame}, size)


def _whole_pixels() -> float:
    frame = noise(1)
    ours = cropped(frame, top_left=(7.0, 5.0), bottom_right=(40.0, 30.0)).filled(WHOLE)
    part = array(oiio.ImageBufAlgo.crop(buffer(frame.pixels), roi=oiio.ROI(7, 40, 5, 30)))
    expected = np.zeros((HEIGHT, WIDTH, 4))
    expected[5:30, 7:40] = part
    return largest(ours, expected)


def _corner() -> float:
    frame = noise(2)
    ours = cropped(frame, top_left=(7.0, 5.0), bottom_right=(40.0, 30.0), transform="corner")
    assert ours.window == Window(0, 0, 33, 25)
    return largest(ours.pixels, array(oiio.ImageBufAlgo.cut(buffer(frame.pixels), oiio.ROI(7, 40, 5, 30))))


def _parts_of_pixels() -> float:
    left, top, right, bottom = 7.25, 5.5, 40.75, 30.125
    fine = np.zeros((HEIGHT * FINE, WIDTH * FINE), np.float32)
    fine[int(top * FINE) : int(bottom * FINE), int(left * FINE) : int(right * FINE)] = 1.0
    area = cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    frame = noise(3)
    ours = cropped(frame, top_left=(left, top), bottom_right=(right, bottom)).filled(WHOLE)
    return largest(ours, frame.pixels * np.asarray(area)[..., None])


def _soft() -> float:
    box, soft = (7.3, 5.1, 44.9, 33.6), 6.7

    def means(count: int, low: float, high: float) -> Array:
        corners = [low, low + soft, high - soft, high]

        def ramp(x: float) -> float:
            return float(np.clip(min(x - low, high - x) / soft, 0.0, 1.0))

        return np.array([integrate.quad(ramp, i, i + 1, points=[c for c in corners if i < c < i + 1] or None)[0]
                         for i in range(count)])  # fmt: skip

    weights = means(HEIGHT, box[1], box[3])[:, None] * means(WIDTH, box[0], box[2])[None, :]
    frame = noise(4)
    ours = cropped(frame, top_left=box[:2], bottom_right=box[2:], softness=soft).filled(WHOLE)
    return largest(ours, frame.pixels * weights[..., None])


def _filling(ours: str, theirs: str, width: float) -> float:
    """A box made four times as large; away from its edge, beyond which they have nothing."""
    frame = noise(5)
    left, top, wide, high = 12, 9, WIDTH // 4, HEIGHT // 4
    size = (4 * wide, 4 * high)
    box: dict[str, Any] = {"top_left": (left, top), "bottom_right": (left + wide, top + high)}
    result = cropped(frame, size, **box, transform="frame", filter=ours).filled(Window(0, 0, *size))
    part = oiio.ImageBufAlgo.cut(buffer(frame.pixels), oiio.ROI(left, left + wide, top, top + high))
    roi = oiio.ROI(0, 4 * wide, 0, 4 * high, 0, 1, 0, 4)
    expected = array(oiio.ImageBufAlgo.resize(part, filtername=theirs, filterwidth=4 * width, roi=roi))
    expected[..., 3] = np.clip(expected[..., 3], 0, 1)
    inside = np.s_[8:-8, 8:-8]
    return largest(result[inside], expected[inside])


COMPARISONS = [
    *(
        Comparison("Crop", "OpenImageIO resize", f"to the frame, {ours}", 2e-5, partial(_filling, ours, theirs, width))
        for ours, theirs, width in (("bilinear", "triangle", 2.0), ("cubic", "catmull-rom", 4.0))
    ),
    Comparison("Crop", "OpenImageIO crop", "whole pixels", 0.0, _whole_pixels),
    Comparison("Crop", "OpenImageIO cut", "to the corner", 0.0, _corner),
    Comparison("Crop", "OpenCV area averaging", "parts of pixels", 2e-6, _parts_of_pixels),
    Comparison("Crop", "SciPy quadrature", "soft edge of 6.7 px", 2e-6, _soft),
]
