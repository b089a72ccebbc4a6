"""Coverage: how much of each pixel the glyphs cover."""

import math
import threading
from typing import Final

import freetype
import numpy as np
from numpy.typing import NDArray

from artifex.nodes import EMPTY, Window
from services.graph.nodes.typography.layout import Layout, Placed

_FLAGS: Final = freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_NO_BITMAP
_SUBPIXELS: Final = 64
_IDENTITY: Final = freetype.Matrix(0x10000, 0, 0, 0x10000)
_drawing: Final = threading.Lock()
"""Size, place and glyph are states of a face, and frames are made on several threads."""


def coverage(layout: Layout, x: float, y: float, size: float, limit: Window) -> tuple[Window, NDArray[np.float32]]:
    """Exact area coverage, 0 to 1, of a layout whose box begins at (x, y); only inside `limit`.

    Outlines are unhinted and placed to 1/64 pixel, so that text can move smoothly. Where glyphs overlap, what one
    leaves open the next can still cover. Safe to call from several threads, of which one draws at a time.
    """
    with _drawing:
        return _coverage(layout, x, y, size, limit)


def _coverage(layout: Layout, x: float, y: float, size: float, limit: Window) -> tuple[Window, NDArray[np.float32]]:
    window = EMPTY
    for glyph in layout.glyphs:
        face = _load(glyph, x, y, size)
        window = window.union(_bounds(face, x + glyph.x, y + glyph.y))
    window = window.intersect(limit)
    result = np.zeros((window.height, window.width), dtype=np.float32)
    # Drawn one by one into the result: many large glyphs take no more memory than one.
    for glyph in layout.glyphs:
        face = _load(glyph, x, y, size)
        if _bounds(face, x + glyph.x, y + glyph.y).intersect(window).empty:
            continue
        place, covered = _draw(face, x + glyph.x, y + glyph.y)
        part = place.intersect(window)
        if not part.empty:
            area = result[part.inside(window)]
            area += covered[part.inside(place)] * (1.0 - area)
    return window, result


def _load(glyph: Placed, x: float, y: float, size: float) -> freetype.Face:
    """The glyph's outline in its face's slot, moved right by the fraction of a pixel that its origin lies at."""
    face = glyph.font.outlines
    face.set_char_size(max(1, round(size * 64)))
    left, top = x + glyph.x, y + glyph.y
    # FreeType's y grows upwards.
    shift = freetype.Vector(round((left - math.floor(left)) * _SUBPIXELS), -round((top - math.floor(top)) * _SUBPIXELS))
    face.set_transform(_IDENTITY, shift)
    face.load_glyph(glyph.index, _FLAGS)
    return face


def _bounds(face: freetype.Face, x: float, y: float) -> Window:
    """The pixels that the loaded glyph can touch, with its origin at (x, y); empty for one without ink."""
    outline = face.glyph.outline
    if not outline.n_points:
        return EMPTY
    box = outline.get_cbox()
    left, right = math.floor(box.xMin / 64), math.ceil(box.xMax / 64)
    top, bottom = math.floor(-box.yMax / 64), math.ceil(-box.yMin / 64)
    return Window(math.floor(x) + left, math.floor(y) + top, right - left, bottom - top)


def _draw(face: freetype.Face, x: float, y: float) -> tuple[Window, NDArray[np.float32]]:
    """Coverage of the loaded glyph with its origin at (x, y)."""
    face.glyph.render(freetype.FT_RENDER_MODE_NORMAL)
    bitmap = face.glyph.bitmap
    place = Window(
        math.floor(x) + face.glyph.bitmap_left, math.floor(y) - face.glyph.bitmap_top, bitmap.width, bitmap.rows
    )
    if place.empty:
        return EMPTY, np.zeros((0, 0), dtype=np.float32)
    buffer = np.array(bitmap.buffer, dtype=np.uint8).reshape(bitmap.rows, bitmap.pitch)[:, : bitmap.width]
    return place, buffer.astype(np.float32) / np.float32(255.0)
