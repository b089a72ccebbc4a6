"""PerspectiveWarp beside SciPy's splines, which say where the mesh lays what it shows, and OpenImageIO's warp."""

from functools import partial
from typing import Any

import numpy as np
import OpenImageIO as oiio
from scipy.interpolate import CubicHermiteSpline, RegularGridInterpolator

from artifex.nodes import Frame, Window
from services.graph.nodes.transform.perspective_warp import PerspectiveWarp
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import Array, array, buffer
from tests.unit.services.graph.support import node, picture

SIZE = (64, 36)
WHOLE = Window(0, 0, *SIZE)


def wavy(rows: int, columns: int, size: float = 0.06, larger: float = 1.4) -> tuple[tuple[float, float], ...]:
    """A grid that is larger than the frame, whose points are off by parts of it."""
    generator = np.random.default_rng(rows * 100 + columns)
    x, y = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    points = (np.stack([x, y], axis=-1) - 0.5) * larger + 0.5 + generator.uniform(-size, size, (rows, columns, 2))
    return tuple((float(x), float(y)) for x, y in points.reshape(-1, 2))


def bent(frame: Frame, size: tuple[int, int] = SIZE, **params: Any) -> Frame:
    return applied(node(PerspectiveWarp, **params), {"video": frame}, size)


def ramp() -> Frame:
    """Red is x, green is y of each pixel's centre: a filter that keeps lines straight reads out where it read."""
    x, y = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    return Frame(np.stack([x, y, np.zeros_like(x), np.ones_like(x)], axis=-1).astype(np.float32))


def laid(points: Any, rows: int, columns: int, at: Array, *, smooth: bool) -> Array:
    """Where SciPy lays places of the frame, [n, 2], in parts of the frame."""
    grid = np.array(points).reshape(rows, columns, 2)
    if not smooth:
        lay = RegularGridInterpolator((np.linspace(0, 1, rows), np.linspace(0, 1, columns)), grid)
        return np.asarray(lay(at[:, ::-1]))

    def spline(values: Array, where: float) -> Array:
        """Tangents are half the way from the one before to the one behind; at the ends, the way itself."""
        knots = np.arange(len(values), dtype=np.float64)
        return np.asarray(CubicHermiteSpline(knots, values, np.gradient(values, axis=0))(where * (len(values) - 1)))

    return np.array([
        spline(np.array([spline(line, x) for line in grid]), y) for x, y in at
    ])  # fmt: skip


def _places_error(rows: int, columns: int, patches: str) -> float:
    """In pixels: how far from a pixel's centre lies what is read there."""
    points = wavy(rows, columns)
    found = bent(ramp(), points=points, rows=rows, columns=columns, patches=patches, filter="bilinear").filled(WHOLE)
    pixels = [(y, x) for y in range(1, 36, 5) for x in range(2, 64, 6) if found[y, x, 3] == 1.0]
    assert len(pixels) > 40
    at = np.array([found[pixel][:2] for pixel in pixels], np.float64) / SIZE
    centres = np.array([(x + 0.5, y + 0.5) for y, x in pixels])
    return largest(laid(points, rows, columns, at, smooth=patches == "smooth") * SIZE, centres)


def _affine_error(ours: str, theirs: str, width: float) -> float:
    """Four points of a parallelogram that covers all: a mesh of one patch is then a matrix."""
    frame = Frame(picture(3, *SIZE))
    corners = np.array([[-0.2, -0.3], [1.2, -0.1], [-0.1, 1.2], [1.3, 1.4]])
    result = bent(frame, points=tuple(map(tuple, corners.tolist())), rows=2, columns=2, patches="straight", filter=ours)
    origin, across, down = corners[0] * SIZE, (corners[1] - corners[0]) * SIZE, (corners[2] - corners[0]) * SIZE
    matrix = np.array([[across[0] / 64, down[0] / 36, origin[0]], [across[1] / 64, down[1] / 36, origin[1]], [0, 0, 1]])
    warped = oiio.ImageBufAlgo.warp(
        buffer(frame.pixels), tuple(matrix.T.ravel().tolist()), theirs, width, wrap="black",
        roi=oiio.ROI(0, SIZE[0], 0, SIZE[1]),
    )  # fmt: skip
    expected = array(warped)
    expected[..., 3] = np.clip(expected[..., 3], 0, 1)
    return largest(result.filled(WHOLE), expected)


COMPARISONS = [
    *(Comparison("PerspectiveWarp", "SciPy CubicHermiteSpline", f"smooth, {columns} x {rows}, pixels", 1e-4,
                 partial(_places_error, rows, columns, "smooth"))
      for rows, columns in ((4, 4), (3, 6), (2, 5))),
    *(Comparison("PerspectiveWarp", "SciPy RegularGridInterpolator", f"straight, {columns} x {rows}, pixels", 1e-4,
                 partial(_places_error, rows, columns, "straight"))
      for rows, columns in ((4, 4), (2, 2))),
    *(Comparison("PerspectiveWarp", "OpenImageIO warp", f"{ours}, a parallelogram", 5e-5,
                 partial(_affine_error, ours, theirs, width))
      for ours, theirs, width in (("bilinear", "triangle", 2.0), ("cubic", "catmull-rom", 4.0))),
]  # fmt: skip
