"""Flip beside OpenImageIO's flop, flip and turn by 180 degrees: bit by bit."""

from functools import partial

import OpenImageIO as oiio

from artifex.nodes import Frame, Window
from services.graph.nodes.transform.flip import Flip
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import array, buffer
from tests.unit.services.graph.support import node, picture

THEIRS = {
    "horizontal": oiio.ImageBufAlgo.flop,
    "vertical": oiio.ImageBufAlgo.flip,
    "both": oiio.ImageBufAlgo.rotate180,
}


def _error(axis: str) -> float:
    frame = Frame(picture(1, 64, 36))
    ours = applied(node(Flip, axis=axis), {"video": frame}).filled(Window(0, 0, 64, 36))
    return largest(ours, array(THEIRS[axis](buffer(frame.pixels))))


COMPARISONS = [Comparison("Flip", "OpenImageIO", axis, 0.0, partial(_error, axis)) for axis in THEIRS]
