"""The pictures that all nodes are compared on."""

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from artifex.nodes import Frame, Window
from tests.unit.services.graph.support import picture

Array = NDArray[np.float64]
WIDTH, HEIGHT = 61, 47
WHOLE = Window(0, 0, WIDTH, HEIGHT)


def noise(seed: int, width: int = WIDTH, height: int = HEIGHT, *, alpha: bool = True) -> Frame:
    """Random premultiplied colour from −0.5 to 4, with random alpha; the hardest picture for a filter."""
    return Frame(picture(seed, width, height, alpha=alpha), opaque=not alpha)


def chart(width: int = WIDTH, height: int = HEIGHT) -> Frame:
    """Ramps from −0.2 to 16, a hard disc, an alpha that goes from nothing to all; premultiplied."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    disc = (np.hypot(x - 0.5, y - 0.5) < 0.3).astype(np.float64)
    alpha = np.clip(1.25 * x - 0.1, 0, 1)
    straight = np.stack([-0.2 + 16.2 * x**3, y * (1 - disc) + 4 * disc, 0.5 + 0.5 * np.sin(40 * x * y)], -1)
    return Frame(np.concatenate([straight * alpha[..., None], alpha[..., None]], -1).astype(np.float32))


def straight(pixels: NDArray[np.float32]) -> Array:
    """Colour over alpha in float64; black where nothing is."""
    values = pixels.astype(np.float64)
    alpha = values[..., 3:]
    values[..., :3] /= np.where(alpha > 0, alpha, 1.0)
    return values


def buffer(pixels: NDArray[np.float32]) -> oiio.ImageBuf:
    """An image of OpenImageIO's with RGBA in float."""
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, oiio.FLOAT)
    if channels == 4:
        spec.alpha_channel = 3
    image = oiio.ImageBuf(spec)
    image.set_pixels(image.roi, np.ascontiguousarray(pixels, dtype=np.float32))
    return image


def array(image: oiio.ImageBuf) -> Array:
    """The pixels of an image; its error as an exception."""
    if image.has_error:
        raise RuntimeError(image.geterror())
    return np.asarray(image.get_pixels(oiio.FLOAT), dtype=np.float64)
