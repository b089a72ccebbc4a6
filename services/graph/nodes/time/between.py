"""The picture between two pictures: blended, or moved along the optical flow."""

from artifex.nodes import Colour, Frame, Window
from libs.kernels import flow_between, merge
from services.graph.nodes.time.optical_flow import flows, grey

FOUND_AGAIN = 0.2
"""How much of a picture must be found again in the other (`FlowPair.found`); with less there is a cut between them."""


def blended(first: Frame, second: Frame, share: float, region: Window) -> Frame:
    """first + share · (second − first), as far as it falls into `region`."""
    first, second = first.crop(region), second.crop(region)
    window = first.window.union(second.window)
    if window.empty:
        return Frame.empty(first.channels)
    pixels = merge("copy", second.filled(window), first.filled(window), share)
    return Frame(pixels, window.x, window.y, _both_opaque(first, second, window))


def moved_between(
    first: Frame, second: Frame, share: float, region: Window, colour: Colour, quality: str, threads: int
) -> Frame:
    """What is seen at `share` of the way from `first` to `second`, by the optical flow inside `region`.

    Across a cut it is the nearer of the two, and the first where either is empty: there is nothing to go between.
    """
    first, second = first.crop(region), second.crop(region)
    if first.window.empty or second.window.empty:
        return first
    window = first.window.union(second.window)
    a, b = first.filled(window), second.filled(window)
    before, after = grey(a, colour.luma), grey(b, colour.luma)
    opaque = _both_opaque(first, second, window)
    pair = flows(before, after, quality, threads)
    if pair.found < FOUND_AGAIN:
        return first if share < 0.5 else second
    pixels = flow_between(
        a, b, pair.there, pair.back, share, agreements=(pair.there_agrees, pair.back_agrees), threads=threads
    )
    if opaque:
        pixels[..., 3] = 1.0  # the weights' sum is 1 up to rounding
    return Frame(pixels, window.x, window.y, opaque)


def _both_opaque(first: Frame, second: Frame, window: Window) -> bool:
    return first.opaque and second.opaque and first.window == second.window == window
