"""What every node that moves a picture must hold, whatever it does."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Frame, Node, Pixels, Window
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.support import Context, picture

SIZE = (64, 36)
WHOLE = Window(0, 0, *SIZE)
TILES = (Window(0, 0, 29, 11), Window(29, 0, 35, 11), Window(0, 11, 29, 25), Window(29, 11, 35, 25))

Make = Callable[[Node, Frame], Frame]


def blob(width: int, height: int, x: float = 0.6, y: float = 0.4, sharp: float = 60.0) -> Frame:
    """A soft opaque spot at parts of the frame: what proxies of a picture agree on."""
    across, down = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    spot = np.exp(-((across / width - x) ** 2 + (down / height - y) ** 2) * sharp)[..., None]
    return Frame(np.repeat(spot, 4, -1).astype(np.float32))


def asked(node: Node, frame: Frame, region: Window = WHOLE, size: tuple[int, int] = SIZE) -> Pixels:
    """The node's result in the region, from no more of the frame than it says it needs."""
    output = next(iter(node.schema.outputs.values()))
    request = Context({}, output, size, region).request
    (port,) = (name for name in node.schema.inputs if name == "video")
    given = frame.crop(node.region_needed(port, request))
    return applied(node, {"video": given}, size, region=region).crop(region).filled(region)


def check_tiles(node: Node, tolerance: float = 1e-5) -> None:
    """Any tile is that part of the whole, made of no more than the node asks for."""
    frame = Frame(picture(7, 64, 36))
    whole = asked(node, frame)
    for tile in TILES:
        np.testing.assert_allclose(asked(node, frame, tile), whole[tile.inside(WHOLE)], atol=tolerance)


def check_edges(node: Node) -> None:
    """Empty, one pixel, odd sizes, negative and very bright values, and a pixel that is no number."""
    assert applied(node, {"video": Frame.empty()}).window.empty
    for width, height in ((1, 1), (1, 9), (7, 1), (33, 21)):
        frame = Frame(np.full((height, width, 4), 16.0, np.float32), 20, 10)
        frame.pixels[..., 3] = 1.0
        frame.pixels[..., 1] = -0.5
        result = applied(node, {"video": frame}).pixels
        assert np.isfinite(result).all()
        assert result[..., 3].min(initial=0.0) >= 0.0
        assert result[..., 3].max(initial=0.0) <= 1.0 + 1e-6
    spoilt = picture(5, 64, 36)
    spoilt[18, 30, 1] = np.nan
    result = applied(node, {"video": Frame(spoilt)}).pixels
    assert not np.isnan(result[..., [0, 2, 3]]).any()
    assert np.isnan(result[..., 1]).sum() < 0.2 * WHOLE.width * WHOLE.height


def check_proxies(make: Callable[[int], Node], tolerance: float) -> None:
    """At half and a quarter of the size it shows the full picture made small: the mean difference is that of edges.

    `make` gives the node for a document of so many times 64 by 36 pixels.
    """
    node, size = make(4), (256, 144)
    full = applied(node, {"video": blob(*size)}, size).filled(Window(0, 0, *size))
    for step in (2, 4):
        small = (size[0] // step, size[1] // step)
        proxy = applied(node, {"video": blob(*small)}, small, scale=Fraction(1, step)).filled(Window(0, 0, *small))
        averaged: NDArray[np.float32] = full.reshape(small[1], step, small[0], step, 4).mean(axis=(1, 3))
        assert np.abs(proxy - averaged).max() < tolerance
