"""PerspectiveWarp."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from artifex.nodes import VIDEO, Choice, Column, Frame, Input, Integer, Node, Output, Points, RenderContext, Request
from artifex.nodes import Window as DataWindow
from libs.kernels import Places, mesh_places
from services.graph.nodes.transform.mesh import patches_of, seen_window, source_needed, steps_of
from services.graph.nodes.transform.warping import FILTERS, filter_choice, warped

_SMOOTH: Final = "smooth"
_BEYOND: Final = 0.25
"""Of a patch: as far its border is carried on, where it reads what is transparent, so that the edge is a soft one."""


def _grid(rows: int, columns: int) -> tuple[tuple[float, ...], ...]:
    return tuple(
        (column / (columns - 1), row / (rows - 1)) for row in range(rows) for column in range(columns)
    )  # fmt: skip


class PerspectiveWarp(Node):
    """Bends a picture by a mesh: a grid of points over it, each of which is moved.

    The document's frame is divided evenly into patches, rows − 1 by columns − 1; the points say where their corners
    go, from the top left one on, row by row. Within a patch, (s, t) of the picture goes to the tensor product of
    Catmull's and Rom's splines through the points around it (E. Catmull and R. Rom, A Class of Local Interpolating
    Splines, 1974), which is smooth from patch to patch and goes through every point, or to
    (1 − s)(1 − t) p₀₀ + s (1 − t) p₁₀ + (1 − s) t p₀₁ + s t p₁₁. For every pixel that is solved for s and t by
    Newton's method, within 1e-10 pixels, beginning where small pieces of the patch lie; the picture is read there as
    Transform2D reads it, averaged where the mesh shrinks. Where the mesh folds, the later patch lies above. What lies
    outside of the frame is cut off, and what no patch covers is transparent.

    Memory: the part of the frame that is wanted and the output's, and the places of 130 rows. Cost: about 3 times that
    of one resampling.
    """

    category = "Transform"

    video = Input(VIDEO, "The picture to bend.")
    bent = Output(VIDEO, "The bent picture.", name="video")

    columns = Integer(4, minimum=2, maximum=32, animatable=False, doc="Points in a row.")
    rows = Integer(4, minimum=2, maximum=32, animatable=False, doc="Rows of points.")
    points = Points(
        _grid(4, 4),
        columns=[Column("x", -100.0, 100.0), Column("y", -100.0, 100.0)],
        least=4,
        doc="Where the grid's points go, in parts of the document's width and height, row by row.",
    )
    patches = Choice(
        _SMOOTH, choices=(_SMOOTH, "straight"), doc="Whether patches join smoothly or have straight sides."
    )
    filter = filter_choice()

    def misfits(self, width: int, height: int) -> Iterable[tuple[str, str]]:
        if len(self.points) != self.rows * self.columns:
            wanted = f"{self.rows} rows of {self.columns} are {self.rows * self.columns} points"
            yield "points", f"{wanted}; it has {len(self.points)}"

    def identity(self, request: Request) -> str | None:
        # Beyond the frame, what there is is cut off.
        still = self.points == _grid(self.rows, self.columns)
        return "video" if still and request.format.contains(request.region) else None

    def region_needed(self, name: str, request: Request) -> DataWindow:
        if request.region.empty:
            return request.region
        shown = request.region.grown(1)
        return source_needed(self._patches(request), shown, self._source(request), FILTERS[self.filter]).intersect(
            request.format
        )

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        frame = context.read(self.video).crop(request.format)
        patches, source = self._patches(request), self._source(request)
        steps = steps_of(patches)

        def places(window: DataWindow) -> Places:
            size = (window.height, window.width)
            return mesh_places(patches, steps, source, _BEYOND, (window.x, window.y), size, context.threads)

        window = seen_window(patches, _BEYOND).intersect(request.region)
        return warped(frame, places, window, FILTERS[self.filter], context.threads)

    def cost(self, request: Request) -> float:
        return 100.0

    def _patches(self, request: Request) -> Places:
        points = np.array(self.points).reshape(self.rows, self.columns, 2) * (request.width, request.height)
        return patches_of(points, smooth=self.patches == _SMOOTH)

    def _source(self, request: Request) -> tuple[float, float, float, float]:
        return 0.0, 0.0, request.width / (self.columns - 1), request.height / (self.rows - 1)
