"""Outlines filled by others: FreeType's smooth rasteriser and OpenCV, and distances by SciPy."""

import ctypes
from collections.abc import Sequence
from typing import Any

import cv2
import freetype
import numpy as np
from freetype import raw
from numpy.typing import NDArray
from scipy import ndimage

from artifex.nodes import Frame, Node, Window
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WHOLE, WIDTH, Array
from tests.unit.services.graph.support import Context

FINE = 16
"""Steps in a pixel of a finer picture."""
_ON, _CUBIC, _EVEN_ODD, _GRAY = 1, 2, 2, 2


def made(node: Node, frames: dict[str, Frame] | None = None, region: Window = WHOLE, scale: Any = 1) -> Frame:
    """What a node makes that may have no inputs at all; `region` is in pixels at `scale`."""
    size = (round(WIDTH * scale), round(HEIGHT * scale))
    context = Context(frames or {}, next(iter(node.schema.outputs.values())), size, region)
    context.request = context.request._replace(scale=scale)
    return node.render(context)


def by_freetype(
    outlines: Sequence[Sequence[tuple[float, float, bool]]], *, even_odd: bool = False, fine: int = 4 * FINE
) -> Array:
    """Coverage of closed outlines, each of points x, y on the curve or (False) of a cubic's handles.

    Filled in a finer picture, where places are rounded to 1/64 of its pixels and areas to 1/255, as FreeType has them:
    in its pixels it cuts curves to straight edges that are some tenths off.
    """
    width, height = WIDTH * fine, HEIGHT * fine
    points = [(x * fine, height - y * fine, on) for outline in outlines for x, y, on in outline]
    vectors = (raw.FT_Vector * len(points))(*[raw.FT_Vector(round(x * 64), round(y * 64)) for x, y, _ in points])
    tags = (ctypes.c_ubyte * len(points))(*[_ON if on else _CUBIC for _, _, on in points])
    ends = np.cumsum([len(outline) for outline in outlines]) - 1
    contours = (ctypes.c_short * len(outlines))(*map(int, ends))
    outline = raw.FT_Outline()
    outline.n_contours, outline.n_points = len(outlines), len(points)
    outline.points, outline.flags = vectors, _EVEN_ODD if even_odd else 0
    outline.tags = ctypes.cast(tags, type(outline.tags))
    outline.contours = ctypes.cast(contours, type(outline.contours))
    buffer = (ctypes.c_ubyte * (width * height))()
    bitmap = raw.FT_Bitmap()
    bitmap.rows, bitmap.width, bitmap.pitch = height, width, width
    bitmap.num_grays, bitmap.pixel_mode = 256, _GRAY
    bitmap.buffer = ctypes.cast(buffer, type(bitmap.buffer))
    failed = raw.FT_Outline_Get_Bitmap(freetype.get_handle(), ctypes.byref(outline), ctypes.byref(bitmap))
    if failed:
        raise RuntimeError(f"FreeType: error {failed}")
    areas = np.frombuffer(bytes(buffer), np.uint8).reshape(HEIGHT, fine, WIDTH, fine)
    return np.asarray(areas.mean((1, 3), dtype=np.float64) / 255.0)


def by_opencv(outlines: Sequence[NDArray[np.float64]], fine: int = FINE) -> Array:
    """Coverage by filling a finer picture by the even-odd rule; OpenCV draws the border too, half a step beyond."""
    area = cv2.resize(_filled(outlines, fine), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(area, np.float64)


def by_scipy(outlines: Sequence[NDArray[np.float64]], fine: int = FINE) -> Array:
    """Distances of pixels' centres to the outline, below 0 inside, from a finer picture's; half its step exact."""
    inside = _filled(outlines, fine) > 0.5
    signed = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
    # A pixel's centre lies on a corner of four of the finer picture's.
    at = slice(fine // 2, None, fine)
    return np.asarray((signed[at, at] + signed[fine // 2 - 1 :: fine, fine // 2 - 1 :: fine]) / 2.0 / fine)


def bezier(points: Sequence[Sequence[float]], steps: int = 400) -> NDArray[np.float64]:
    """A closed path of [x, y, in_x, in_y, out_x, out_y] as many points of the curves, by their definition."""
    t = np.arange(steps)[:, None] / steps
    parts = []
    for first, last in zip(points, [*points[1:], points[0]], strict=True):
        p, q = np.array(first[:2]), np.array(last[:2])
        o, i = p + np.array(first[4:6]), q + np.array(last[2:4])
        parts.append((1 - t) ** 3 * p + 3 * (1 - t) ** 2 * t * o + 3 * (1 - t) * t**2 * i + t**3 * q)
    return np.concatenate(parts)


def _filled(outlines: Sequence[NDArray[np.float64]], fine: int) -> NDArray[np.float32]:
    picture = np.zeros((HEIGHT * fine, WIDTH * fine), np.float32)
    # OpenCV's whole numbers are pixels' centres; eight bits of a pixel go behind the point.
    corners = [np.round((outline * fine - 0.5) * 256).astype(np.int32) for outline in outlines]
    cv2.fillPoly(picture, corners, (1.0,), lineType=cv2.LINE_8, shift=8)
    return picture
