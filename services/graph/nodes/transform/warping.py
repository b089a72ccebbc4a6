"""Pictures read where a map says."""

import math
from collections.abc import Callable
from typing import Final, get_args

import numpy as np

from artifex.nodes import Choice, Filter, Frame, Request, Window
from libs import kernels
from libs.kernels import Places
from libs.kernels.room import ROOMS
from libs.kernels.weights import REACH

FILTERS: Final[dict[str, Filter]] = {name: name for name in get_args(Filter)}
_STRIP: Final = 128
"""Rows whose places are known at once: a few megabytes of a wide picture."""


def filter_choice() -> Choice:
    return Choice("cubic", choices=tuple(FILTERS), doc="How pixels between pixels are found.")


def warped(frame: Frame, places: Callable[[Window], Places], window: Window, filter: Filter, threads: int) -> Frame:
    """`frame` as it is seen in `window`; `places` tells for any window where each pixel of it is read.

    Averaged where the map shrinks (`libs.kernels.warp`). Coverage stays between 0 and 1. Memory: the
    result, the places of 130 rows, and the frame's halves where the map shrinks below a quarter.
    """
    if window.empty or frame.window.empty:
        return Frame.empty(frame.channels)
    pixels = ROOMS.take((window.height, window.width, frame.channels))
    halves = kernels.Halves()
    for top in range(window.y, window.bottom, _STRIP):
        strip = Window(window.x, top, window.width, min(_STRIP, window.bottom - top))
        to = pixels[strip.inside(window)]
        kernels.warp(frame.pixels, places(strip.grown(1)), (frame.x, frame.y), filter, to, threads, halves)
    if filter != "nearest":
        coverage = pixels[..., -1]
        np.clip(coverage, 0.0, 1.0, out=coverage)
    return Frame(pixels, window.x, window.y)


def around(filter: Filter, distance: float, request: Request) -> Window:
    """What is read where every place lies within `distance` pixels of its own pixel, across and down."""
    if not distance < 1e6:
        return request.surroundings
    # Neighbours' places are at most so far apart, which is how wide a filter is made; of halves it reads whole pixels.
    reach = math.ceil(distance) + math.ceil((REACH[filter] + 1) * 1.25 * math.sqrt(2) * (1 + distance)) + 2
    grown = request.region.grown(reach)
    return grown if request.surroundings.contains(grown) else request.surroundings


def centres(window: Window) -> tuple[Places, Places]:
    """x and y of the window's pixels' centres, as a row and as a column."""
    across, down = (
        np.arange(first, last, dtype=np.float64) + 0.5
        for first, last in ((window.x, window.right), (window.y, window.bottom))
    )
    return across[None, :], down[:, None]
