"""Roto."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from typing import Final

import numpy as np

from artifex.nodes import (
    EMPTY,
    MASK,
    Boolean,
    Choice,
    Float,
    Frame,
    Input,
    Node,
    Output,
    Pixels,
    Points,
    RenderContext,
    Request,
    Rows,
)
from artifex.nodes import Window as DataWindow
from libs.kernels import Rule
from services.graph.nodes.shapes.combining import COMBINATIONS, UNION, finished
from services.graph.nodes.shapes.painting import path_mask
from services.graph.nodes.shapes.paths import COLUMNS, box_of, lines_of
from services.graph.nodes.transform.shutter import (
    at_moments,
    open_moments,
    shutter_angle,
    shutter_phase,
    shutter_samples,
)

_STRAIGHT: Final = "linear"
_SMOOTH: Final = "smooth"
_RULES: Final[dict[str, Rule]] = {"nonzero": "nonzero", "evenodd": "evenodd"}


class Roto(Node):
    """Makes a mask of paths drawn by hand: cubic Bézier curves, animated by keys of their points.

    From a point p with the handle o behind it to the next, q with the handle i before it, a path goes along
    (1 − t)³ p + 3(1 − t)² t (p + o) + 3(1 − t) t² (q + i) + t³ q, t from 0 to 1; handles are relative to their points,
    and without any the way is straight. Points with the same last number are one path. The mask is the part of each
    pixel that lies inside: by "nonzero" of what a path winds around, where paths of opposite directions that overlap
    leave a hole, by "evenodd" of what paths wind around an odd number of times.

    Its feather adds a soft edge around a path, whose width w changes from point to point with t. A pixel at r gets
    e, the largest of 1 − |r − s| / w(s) of all points s of the path, where the path covers c of it: u = c + e (1 − c).
    An edge of less than a pixel's softness is that of one pixel, so much lower. The straight edge that an open path is
    closed by is not soft.

    With a shutter u is the mean over as many moments, the middles of equal parts of the time that it is open: angle /
    360 of a frame's duration, whose middle lies phase / 360 of it after the frame's time.

    The mask m = opacity · u, or opacity · (1 − u) inverted, goes together with the input b: union m + b − mb, subtract
    b(1 − m), intersect mb, difference m + b − 2mb. Without an input it is m.

    Sources: coverage by D. Turner's smooth rasteriser (FreeType) and R. Levien's font-rs, 2016, of curves cut to
    straight edges that are at most 1/4096 pixel off, or a millionth of how far a curve bends (G. Wang, 1984); T.
    Porter, T. Duff, Compositing Digital Images, 1984, of combining.

    Memory: two masks where the paths are, three with a shutter or a feather, and for each of the at most 1,024 edges of
    a curve some 100 bytes, or 400 with a feather. Cost: for each time one pass over the paths' box; a feather takes the
    edges near each pixel.
    """

    category = "Composite"
    main = "mask"

    mask = Input(MASK, "Another mask to combine this one with.", required=False)
    made = Output(MASK, "The mask.", name="mask")

    points = Points(
        (),
        columns=COLUMNS,
        least=0,
        unit="px",
        doc="The paths' points: place, handles before and behind it (relative), feather, and the path's number.",
    )
    closed = Boolean(True, doc="Whether the last point leads to the first by a curve, or by a straight, hard edge.")
    fill = Choice("nonzero", choices=tuple(_RULES), doc="What is inside of paths that cross or lie in one another.")
    feather = Float(0.0, minimum=0, maximum=1000, unit="px", doc="Added to every point's own feather.")
    falloff = Choice(
        _STRAIGHT, choices=(_STRAIGHT, _SMOOTH), doc="How soft edges fall: by e, or by 3e² − 2e³ (smoothstep)."
    )
    opacity = Float(1.0, minimum=0, maximum=1, doc="What the mask is multiplied by.")
    invert = Boolean(False, doc="Whether what is outside is meant.")
    combine = Choice(UNION, choices=COMBINATIONS, doc="How the mask and its input go together.")
    shutter = shutter_angle()
    shutter_phase = shutter_phase()
    shutter_samples = shutter_samples()

    def moments(self, request: Request) -> Sequence[Fraction]:
        return open_moments(self.shutter, self.shutter_phase, self.shutter_samples, request)

    def cost(self, request: Request) -> float:
        soft = self.feather > 0.0 or any(row[6] > 0.0 for row in self.points)
        return (12.0 if soft else 3.5) * (self.shutter_samples if self.shutter > 0.0 else 1)

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        limit = request.region.intersect(request.surroundings)
        if limit.empty:
            return Frame.empty(1)
        own = self._blurred(request, limit, context.threads)
        below = context.read(self.mask) if context.connected(self.mask) else None
        return finished(own, below, self.combine, limit, opacity=self.opacity, invert=self.invert)

    def _blurred(self, request: Request, limit: DataWindow, threads: int) -> Frame:
        """The mean of the paths at all times of the shutter; without one, those of the node's own time."""
        scale = float(request.scale)
        ways = Counter((node.points, node.feather, node.closed) for node in at_moments(self) or [self])
        boxes = {way: box_of(way[0], scale, way[1]).intersect(limit) for way in ways}
        window = reduce(DataWindow.union, boxes.values(), EMPTY)
        if window.empty:
            return Frame.empty(1)
        if len(ways) == 1:
            return Frame(self._drawn(*next(iter(ways)), scale, window, threads), window.x, window.y)
        total = np.zeros((window.height, window.width, 1), np.float32)
        for way, count in ways.items():
            box = boxes[way]
            if not box.empty:
                part = total[box.inside(window)]
                part += self._drawn(*way, scale, box, threads) * np.float32(count / ways.total())
        # Sums of parts may be a little more than the whole.
        return Frame(np.minimum(total, 1.0, out=total), window.x, window.y)

    def _drawn(
        self, points: Rows, feather: float, closed: bool, scale: float, window: DataWindow, threads: int
    ) -> Pixels:
        lines = lines_of(points, closed=closed, scale=scale, feather=feather)
        return path_mask(lines, _RULES[self.fill], window, smooth=self.falloff == _SMOOTH, threads=threads)
