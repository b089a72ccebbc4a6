"""Coverage: how much of each pixel the glyphs cover."""

import math
from typing import Final

import freetype
import numpy as np
from numpy.typing import NDArray

from artifex.nodes import EMPTY, Window
from services.graph.nodes.typography.layout import Layout

_FLAGS: Final = freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_NO_BITMAP
_SUBPIXELS: Final = 64
_IDENTITY: Final = freetype.Matrix(0x10000, 0, 0, 0x10000)


def coverage(layout: Layout, x: float, y: float, size: float, limit: Window) -> tuple[Window, NDArray[np.float32]]:
    """Exact area coverage, 0 to 1, of a layout whose box begins at (x, y); only inside `limit`.

    Outlines are unhinted and placed to 1/64 pixel, so that text can move smoothly. Where glyphs overlap, what one
    leaves open the next can still cover.
    """
    bitmaps: list[tuple[Window, NDArray[np.float32]]] = []
    window = EMPTY
    for glyph in layout.glyphs:
        bitmap = _rasterise(glyph.font.outlines, glyph.index, x + glyph.x, y + glyph.y, size)
        if bitmap is not None and not bitmap[0].intersect(limit).empty:
            bitmaps.append(bitmap)
            window = window.union(bitmap[0].intersect(limit))
    result = np.zeros((window.height, window.width), dtype=np.float32)
    for place, covered in bitmaps:
        part = place.intersect(window)
        area = result[part.inside(window)]
        area += covered[part.inside(place)] * (1.0 - area)
    return window, result


def _rasterise(
    face: freetype.Face, index: int, x: float, y: float, size: float
) -> tuple[Window, NDArray[np.float32]] | None:
    """One glyph with its origin at (x, y) of the document; None for one without ink."""
    face.set_char_size(round(size * 64))
    whole_x, whole_y = math.floor(x), math.floor(y)
    # FreeType's y grows upwards.
    shift = freetype.Vector(round((x - whole_x) * _SUBPIXELS), -round((y - whole_y) * _SUBPIXELS))
    face.set_transform(_IDENTITY, shift)
    face.load_glyph(index, _FLAGS)
    face.glyph.render(freetype.FT_RENDER_MODE_NORMAL)
    bitmap = face.glyph.bitmap
    if bitmap.width == 0 or bitmap.rows == 0:
        return None
    buffer = np.array(bitmap.buffer, dtype=np.uint8).reshape(bitmap.rows, bitmap.pitch)[:, : bitmap.width]
    place = Window(whole_x + face.glyph.bitmap_left, whole_y - face.glyph.bitmap_top, bitmap.width, bitmap.rows)
    return place, buffer.astype(np.float32) / np.float32(255.0)
