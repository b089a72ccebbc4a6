"""Transform2D beside SciPy's bilinear sampling, OpenImageIO's warp and its filters, and Lanczos' sum in float64."""

import math
from functools import partial
from typing import Any

import numpy as np
import OpenImageIO as oiio
from scipy import ndimage

from artifex.nodes import Frame, Window
from services.graph.nodes.transform.transform2d import Transform2D
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import Array, array, buffer
from tests.unit.services.graph.support import node, picture

SIZE = (64, 36)
WHOLE = Window(0, 0, *SIZE)

MOVES: dict[str, dict[str, Any]] = {
    "moved": {"translate": (3.25, -1.5)},
    "turned": {"rotate": 30.0},
    "larger, lower": {"scale": (1.7, 1.3)},
    "all at once": {"rotate": -12.5, "scale": (1.2, 1.2), "translate": (5.1, 2.2)},
    "quarter turn": {"rotate": 90.0},
    "mirrored": {"scale": (-1.0, 1.0)},
    "about a corner": {"rotate": 20.0, "pivot": (0.0, 0.0), "pivot_of": "frame"},
}


def small(seed: int = 1) -> Frame:
    """A noisy picture well inside the document."""
    return Frame(picture(seed, 21, 17), 19, 9)


def moved(frame: Frame, size: tuple[int, int] = SIZE, region: Window | None = None, **params: Any) -> Frame:
    return applied(node(Transform2D, **params), {"video": frame}, size, region=region)


def forward(window: Window, size: tuple[int, int], **p: Any) -> Array:
    """The docstring's map, as a matrix on points (x, y, 1)."""
    base = window if p.get("pivot_of", "input") == "input" else Window(0, 0, *size)
    pivot = p.get("pivot", (0.5, 0.5))
    px, py = base.x + pivot[0] * base.width, base.y + pivot[1] * base.height
    tx, ty = p.get("translate", (0.0, 0.0))
    sx, sy = p.get("scale", (1.0, 1.0))
    angle = math.radians(p.get("rotate", 0.0))
    c, s = math.cos(angle), math.sin(angle)
    linear = np.array([[c * sx, -s * sy], [s * sx, c * sy]])
    offset = np.array([px + tx, py + ty]) - linear @ np.array([px, py])
    return np.block([[linear, offset[:, None]], [np.zeros((1, 2)), np.ones((1, 1))]])


def by_scipy(frame: Frame, size: tuple[int, int], order: int, **params: Any) -> Array:
    """SciPy's resampling of the padded picture, on pixel centres."""
    width, height = size
    inverse = np.linalg.inv(forward(frame.window, size, **params))
    # Centres: document (x + ½, y + ½) in, frame index out; SciPy's axes are rows first.
    linear = inverse[:2, :2][::-1, ::-1]
    shift = inverse @ np.array([0.5, 0.5, 1.0])
    offset = np.array([shift[1] - 0.5 - frame.y, shift[0] - 0.5 - frame.x])
    channels = [
        ndimage.affine_transform(
            frame.pixels[..., channel].astype(np.float64), linear, offset, (height, width), order=order,
            mode="grid-constant", cval=0.0,
        )
        for channel in range(4)
    ]  # fmt: skip
    return np.stack(channels, -1)


def by_openimageio(frame: Frame, filter_name: str, width: float, **params: Any) -> Array:
    """OpenImageIO's warp, whose matrix acts on row vectors."""
    source = buffer(frame.filled(WHOLE))
    matrix = forward(frame.window, SIZE, **params).T.ravel().tolist()
    result = oiio.ImageBufAlgo.warp(source, tuple(matrix), filter_name, width, wrap="black", roi=source.roi)
    return array(result)


def by_sum(frame: Frame, dx: float) -> Array:
    """Lanczos' sum over 8 columns of a picture moved right by a part of a pixel, its weights scaled to the sum of 1."""
    pixels = np.pad(frame.filled(WHOLE).astype(np.float64), ((0, 0), (8, 8), (0, 0)))
    result = np.zeros((SIZE[1], SIZE[0], 4))
    total = 0.0
    for tap in range(-4, 5):
        distance = tap + dx
        weight = float(np.sinc(distance) * np.sinc(distance / 4)) if abs(distance) < 4 else 0.0
        result += weight * pixels[:, 8 + tap : 8 + tap + SIZE[0]]
        total += weight
    return result / total


def _clipped(pixels: Array) -> Array:
    """Filters that ring leave coverage between 0 and 1."""
    pixels[..., 3] = np.clip(pixels[..., 3], 0, 1)
    return pixels


def _scipy_error(order: int, **params: Any) -> float:
    name = ("nearest", "bilinear")[order]
    return largest(moved(small(), filter=name, **params).filled(WHOLE), by_scipy(small(), SIZE, order, **params))


def _oiio_error(ours: str, theirs: str, width: float, **params: Any) -> float:
    result = moved(small(2), filter=ours, **params).filled(WHOLE)
    return largest(result, _clipped(by_openimageio(small(2), theirs, width, **params)))


def _lanczos_error() -> float:
    result = moved(small(3), filter="lanczos4", translate=(0.3, 0.0)).filled(WHOLE)
    return largest(result, _clipped(by_sum(small(3), 0.3)))


def _shrunk_error(ours: str, theirs: str, width: float) -> float:
    """To a quarter across and a third down; inside, since to resize has no outside."""
    frame = Frame(picture(5, 128, 96))
    params: dict[str, Any] = {"scale": (0.25, 1 / 3), "pivot": (0.0, 0.0), "filter": ours}
    result = moved(frame, (128, 96), **params).filled(Window(0, 0, 32, 32))
    roi = oiio.ROI(0, 32, 0, 32, 0, 1, 0, 4)
    expected = array(oiio.ImageBufAlgo.resize(buffer(frame.pixels), filtername=theirs, filterwidth=width, roi=roi))
    return largest(result[4:-4, 4:-4], _clipped(expected)[4:-4, 4:-4])


def _blurred_error() -> float:
    """The mean of SciPy's pictures at the four moments of a shutter of 180 degrees, while it turns."""
    angles = [10.0 + 25 * second for second in (-3 / 16 / 25, -1 / 16 / 25, 1 / 16 / 25, 3 / 16 / 25)]
    blurred = node(Transform2D, rotate=10.0, scale=(1.2, 1.2), filter="bilinear", shutter=180.0, shutter_samples=4)
    blurred.then = tuple(node(Transform2D, rotate=angle, scale=(1.2, 1.2), filter="bilinear") for angle in angles)
    result = applied(blurred, {"video": small()}, SIZE).filled(WHOLE)
    each = [by_scipy(small(), SIZE, 1, rotate=angle, scale=(1.2, 1.2)) for angle in angles]
    return largest(result, np.mean(each, axis=0))


COMPARISONS = [
    *(
        Comparison("Transform2D", "SciPy affine_transform", f"bilinear, {name}", 4e-6,
                   partial(_scipy_error, 1, **params))
        for name, params in MOVES.items()
    ),
    Comparison("Transform2D", "SciPy affine_transform", "nearest, turned", 0.0, partial(_scipy_error, 0, rotate=31.0)),
    *(
        Comparison("Transform2D", "OpenImageIO warp", f"{ours}, {name}", 2e-5,
                   partial(_oiio_error, ours, theirs, width, **MOVES[name]))
        for ours, theirs, width in (("bilinear", "triangle", 2.0), ("cubic", "catmull-rom", 4.0),
                                    ("mitchell", "mitchell", 4.0))
        for name in ("moved", "turned", "larger, lower")
    ),
    *(
        Comparison("Transform2D", "OpenImageIO resize", f"{ours}, shrunk", 2e-5,
                   partial(_shrunk_error, ours, theirs, width))
        for ours, theirs, width in (("box", "box", 1.0), ("bilinear", "triangle", 2.0),
                                    ("cubic", "catmull-rom", 4.0), ("mitchell", "mitchell", 4.0))
    ),
    Comparison("Transform2D", "SciPy affine_transform", "bilinear, blurred by a shutter", 4e-6, _blurred_error),
    Comparison("Transform2D", "sinc sum float64", "lanczos4, moved", 4e-6, _lanczos_error),
]  # fmt: skip
