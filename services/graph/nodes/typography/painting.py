"""Text with all that goes with it, as a picture: box, shadow, outline, letters, each over the one before."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import PyOpenColorIO as ocio
from numpy.typing import NDArray

from artifex.nodes import EMPTY, Colour, Frame, Window
from libs.kernels import gaussian, gaussian_reach, morphology, morphology_reach, over
from services.graph.nodes.color.spaces import DISPLAY
from services.graph.nodes.typography.layout import Layout
from services.graph.nodes.typography.raster import FILL, Pen, coverage, pictures, rounded_box

Paint = tuple[float, float, float, float]
"""A display-encoded colour and its alpha."""
_NOTHING: Final[Paint] = (0.0, 0.0, 0.0, 0.0)
Mask = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Look:
    """How text is painted; lengths in pixels of the picture."""

    fill: Paint
    outline: float = 0.0
    outline_paint: Paint = _NOTHING
    outline_over: bool = False
    """Along the letters' edge and over them, instead of around and behind."""
    shadow: float = 0.0
    """How dense it is, 0 for none."""
    shadow_paint: Paint = _NOTHING
    shadow_offset: tuple[float, float] = (0.0, 0.0)
    shadow_softness: float = 0.0
    """The standard deviation of its blur."""
    box: float = 0.0
    """How dense it is, 0 for none."""
    box_paint: Paint = _NOTHING
    box_padding: tuple[float, float] = (0.0, 0.0)
    box_radius: float = 0.0

    @property
    def plain(self) -> bool:
        return not (self.outline or self.shadow or self.box)

    @property
    def around(self) -> Pen:
        """What the letters cover together with their outline."""
        if not self.outline:
            return FILL
        return Pen(grown=self.outline / 2 if self.outline_over else self.outline)


@dataclass(frozen=True, slots=True)
class Spot:
    """A layout, where its box begins, and how large an em is, in pixels of the picture."""

    layout: Layout
    x: float
    y: float
    size: float

    def cover(self, limit: Window, pen: Pen = FILL, by: tuple[float, float] = (0.0, 0.0)) -> tuple[Window, Mask]:
        return coverage(self.layout, self.x + by[0], self.y + by[1], self.size, limit, pen)

    @property
    def has_pictures(self) -> bool:
        return any(glyph.font.colour for glyph in self.layout.glyphs)


def painted(spot: Spot, look: Look, opacity: float, limit: Window, colour: Colour) -> Frame:
    """The text and all that goes with it inside `limit`, premultiplied in the working space."""
    if look.plain and not spot.has_pictures:
        return _flat(*spot.cover(limit), look.fill, opacity, colour)
    result = stacked(_layers(spot, look, limit, colour))
    pixels = result.pixels
    pixels *= np.float32(opacity)
    return result


def stacked(layers: Iterable[Frame]) -> Frame:
    """Frames over each other, the lowest first, premultiplied; masks as if they were one colour.

    One is held at a time.
    """
    result = Frame.empty()
    for layer in layers:
        if layer.window.empty:
            continue
        if result.window.empty:
            result = Frame.empty(layer.channels)
        window = result.window.union(layer.window)
        result = Frame(result.filled(window), window.x, window.y)
        under = result.pixels[layer.window.inside(window)]
        if layer.channels == 4:
            over(layer.pixels, under, out=under)
        else:
            under += layer.pixels * (1.0 - under)
        # The next is made before the name is given to it.
        del layer
    return result


def covered(spot: Spot, look: Look, opacity: float, limit: Window) -> Frame:
    """How much of each pixel letters and their outline cover, whatever their colours, times the opacity."""
    window, mask = _inked(spot, limit, look.around)
    return Frame((mask * np.float32(opacity))[..., None], window.x, window.y)


def _layers(spot: Spot, look: Look, limit: Window, colour: Colour) -> Iterator[Frame]:
    """From the lowest to the topmost."""
    if look.box:
        yield _box(spot, look, limit, colour)
    if look.shadow:
        yield _shadow(spot, look, limit, colour)
    if look.outline and not look.outline_over:
        yield _flat(*_inked(spot, limit, look.around), look.outline_paint, 1.0, colour)
    yield _flat(*spot.cover(limit), look.fill, 1.0, colour)
    yield from _pictures(spot, look, limit, colour)
    if look.outline and look.outline_over:
        yield _flat(*_inked(spot, limit, Pen(ring=look.outline / 2)), look.outline_paint, 1.0, colour)


def _flat(window: Window, mask: Mask, paint: Paint, density: float, colour: Colour) -> Frame:
    alpha = mask * np.float32(density * paint[3])
    pixels = np.empty((*mask.shape, 4), np.float32)
    # Channel by channel: NumPy takes three times as long for a vector of four.
    for channel, light in enumerate(colour.from_display(paint[:3])):
        np.multiply(alpha, np.float32(light), out=pixels[..., channel])
    pixels[..., 3] = alpha
    return Frame(pixels, window.x, window.y)


def _box(spot: Spot, look: Look, limit: Window, colour: Colour) -> Frame:
    across, down = look.box_padding
    left, top = spot.x - across, spot.y - down
    right, bottom = spot.x + spot.layout.width + across, spot.y + spot.layout.height + down
    place = _around(left, top, right, bottom).intersect(limit)
    mask = rounded_box(left, top, right, bottom, look.box_radius, place)
    return _flat(place, mask, look.box_paint, look.box, colour)


def _around(left: float, top: float, right: float, bottom: float) -> Window:
    x, y = int(np.floor(left)), int(np.floor(top))
    return Window(x, y, int(np.ceil(right)) - x, int(np.ceil(bottom)) - y)


def _shadow(spot: Spot, look: Look, limit: Window, colour: Colour) -> Frame:
    """What the letters and their outline cover, moved and blurred."""
    sigma = look.shadow_softness
    reach = gaussian_reach(sigma)
    window, mask = _inked(spot, limit.grown(reach), look.around, look.shadow_offset)
    if window.empty or not reach:
        return _flat(window, mask, look.shadow_paint, look.shadow, colour)
    canvas = window.grown(reach)
    wide = np.zeros((canvas.height, canvas.width, 1), np.float32)
    wide[window.inside(canvas)] = mask[..., None]
    # The place in the document goes along, so that tiles are parts of the whole.
    soft = gaussian(wide, sigma, sigma, wide, origin=(canvas.x, canvas.y))
    part = canvas.intersect(limit)
    return _flat(part, soft[part.inside(canvas)][..., 0], look.shadow_paint, look.shadow, colour)


def _inked(spot: Spot, limit: Window, pen: Pen, by: tuple[float, float] = (0.0, 0.0)) -> tuple[Window, Mask]:
    """What letters and glyphs in colour cover together, drawn by a pen, moved."""
    window, mask = spot.cover(limit, pen, by)
    if not spot.has_pictures:
        return window, mask
    parts = [(window, mask), *_silhouettes(spot, limit, pen, by)]
    whole = EMPTY
    for place, _ in parts:
        whole = whole.union(place)
    result = np.zeros((whole.height, whole.width), np.float32)
    for place, area in parts:
        if not place.empty:
            under = result[place.inside(whole)]
            under += area * (1.0 - under)
    return whole, result


def _silhouettes(spot: Spot, limit: Window, pen: Pen, by: tuple[float, float]) -> Iterator[tuple[Window, Mask]]:
    """The glyphs in colour by their alpha, which is made larger, and smaller, by a disc."""
    radius = max(pen.grown, pen.ring)
    reach = morphology_reach(radius)
    for place, pixels in pictures(spot.layout, spot.x + by[0], spot.y + by[1], spot.size, limit.grown(reach)):
        target = place.grown(reach).intersect(limit)
        around = target.grown(reach)
        seen = place.intersect(around)
        alpha = np.zeros((around.height, around.width, 1), np.float32)
        alpha[seen.inside(around)] = pixels[seen.inside(place)][..., 3:]
        mask = morphology(alpha, radius)[..., 0]
        if pen.ring:
            mask = mask - morphology(alpha, radius, smallest=True)[..., 0]
        yield target, mask


def _pictures(spot: Spot, look: Look, limit: Window, colour: Colour) -> Iterator[Frame]:
    for place, pixels in pictures(spot.layout, spot.x, spot.y, spot.size, limit):
        alpha = pixels[..., 3:].copy()
        pixels[..., :3] /= np.where(alpha > 0, alpha, np.float32(1.0))
        straight = np.ascontiguousarray(np.minimum(pixels, np.float32(1.0)))
        colour.apply("glyphs in colour", lambda: ocio.ColorSpaceTransform(DISPLAY, colour.working_space), straight)
        straight[..., 3] = 1.0
        yield Frame(straight * (alpha * np.float32(look.fill[3])), place.x, place.y)
