"""Alpha: between premultiplied and straight colour."""

from collections.abc import Iterator
from contextlib import contextmanager

from artifex.nodes import Frame, Pixels
from libs.kernels import premultiply, unpremultiply


@contextmanager
def straight(frame: Frame) -> Iterator[Pixels]:
    """The frame's own pixels, made straight for the time of the block and premultiplied again after it.

    Where alpha is 0 (up to 10⁻²⁰), colour has no straight form and is left as it is; the block's change of it is undone
    by the multiplication, so what is transparent stays so.
    """
    pixels = frame.pixels
    if frame.opaque:
        yield pixels
        return
    alpha = pixels[..., 3:].copy()
    unpremultiply(pixels, out=pixels)
    yield pixels
    premultiply(pixels, alpha, out=pixels)
