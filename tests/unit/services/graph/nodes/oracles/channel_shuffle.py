"""ChannelShuffle beside OpenImageIO's channels, channel_append, channel_sum, unpremult and premult."""

from typing import Any

import OpenImageIO as oiio

from artifex.nodes import Frame
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.nodes.composite.channel_shuffle import ChannelShuffle
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest_relative
from tests.unit.services.graph.nodes.oracles.key_mixer import key
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WIDTH, Array, array, buffer, chart, noise
from tests.unit.services.graph.support import node

SIZE = (WIDTH, HEIGHT)
LUMA = WorkingColour("ACEScg").luma
NAMES = [f"{picture}.{name}" for picture in "ab" for name in ("red", "green", "blue", "alpha", "luminance")] + ["mask"]
"""The channels of `stacked`, in order; 0 and 1 are constants."""


def shuffled(
    a: Frame, b: Frame | None = None, mask: Frame | None = None, size: tuple[int, int] = SIZE, **params: Any
) -> Frame:
    others = {"b": b, "mask": mask}
    frames = {"a": a, **{name: frame for name, frame in others.items() if frame is not None}}
    return applied(node(ChannelShuffle, **params), frames, size)


def stacked(a: Frame, b: Frame, mask: Frame, *, straight: bool = False) -> oiio.ImageBuf:
    """All channels that there are, in one image."""
    result = None
    for frame in (a, b):
        image = buffer(frame.pixels)
        if straight:
            image = oiio.ImageBufAlgo.unpremult(image)
        light = oiio.ImageBufAlgo.channel_sum(image, (*LUMA, 0.0))
        image = oiio.ImageBufAlgo.channel_append(image, light)
        result = image if result is None else oiio.ImageBufAlgo.channel_append(result, image)
    assert result is not None
    return oiio.ImageBufAlgo.channel_append(result, buffer(mask.pixels))


def by_openimageio(sources: list[str], a: Frame, b: Frame, mask: Frame, *, straight: bool = False) -> Array:
    """The four channels by name."""
    order = tuple(float(source) if source in ("0", "1") else NAMES.index(source) for source in sources)
    image = oiio.ImageBufAlgo.channels(stacked(a, b, mask, straight=straight), order, ("R", "G", "B", "A"))
    if straight:
        image.specmod().alpha_channel = 3
        image = oiio.ImageBufAlgo.premult(image)
    return array(image)


def _error(sources: list[str], *, straight: bool = False) -> float:
    a, b, mask = chart(), noise(3), key(4)
    params: dict[str, Any] = dict(zip(("red", "green", "blue", "alpha"), sources, strict=True))
    ours = shuffled(a, b, mask, straight=straight, **params).pixels
    return largest_relative(ours, by_openimageio(sources, a, b, mask, straight=straight))


COMPARISONS = [
    Comparison("ChannelShuffle", "OpenImageIO channels", "turned round, alpha of b", 0.0,
               lambda: _error(["a.blue", "a.red", "a.green", "b.alpha"])),
    Comparison("ChannelShuffle", "OpenImageIO channels", "mask, 0, 1", 0.0,
               lambda: _error(["mask", "0", "b.red", "1"])),
    Comparison("ChannelShuffle", "OpenImageIO channel_sum", "luminance of both", 1e-6,
               lambda: _error(["a.luminance", "b.luminance", "a.red", "a.alpha"])),
    Comparison("ChannelShuffle", "OpenImageIO unpremult, premult", "straight, with another alpha", 2e-6,
               lambda: _error(["a.red", "a.green", "b.luminance", "mask"], straight=True)),
]  # fmt: skip
