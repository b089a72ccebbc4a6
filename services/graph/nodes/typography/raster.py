"""Coverage: how much of each pixel glyphs and their outlines cover; and the pictures of glyphs in colour."""

import ctypes
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import freetype
import numpy as np
import uharfbuzz as hb
from freetype import raw
from numpy.typing import NDArray

from artifex.nodes import EMPTY, Window
from services.graph.nodes.typography.layout import Bar, Layout, Placed

_FLAGS: Final = freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_NO_BITMAP
_SUBPIXELS: Final = 64
_OVERFLOW: Final = 0x62
"""FreeType's Raster_Overflow."""
_drawing: Final = threading.Lock()
"""Size, place and glyph are states of a face, and frames are made on several threads."""


@dataclass(frozen=True, slots=True)
class Pen:
    """What is drawn of each outline, in pixels of the picture."""

    grown: float = 0.0
    """The shape itself, larger by so much on all sides, its corners round."""
    ring: float = 0.0
    """Or not the shape but a line along its edge, so thick to either side."""


FILL: Final = Pen()


def coverage(
    layout: Layout, x: float, y: float, size: float, limit: Window, pen: Pen = FILL
) -> tuple[Window, NDArray[np.float32]]:
    """Exact area coverage, 0 to 1, of a layout whose box begins at (x, y); only inside `limit`. Glyphs in colour are
    left out.

    Outlines are unhinted and placed to 1/64 pixel, so that text can move smoothly. Where glyphs overlap, what one
    leaves open the next can still cover. Safe to call from several threads, of which one draws at a time.
    """
    with _drawing:
        return _coverage(layout, x, y, size, limit, pen)


def _coverage(
    layout: Layout, x: float, y: float, size: float, limit: Window, pen: Pen
) -> tuple[Window, NDArray[np.float32]]:
    reach = math.ceil(max(pen.grown, pen.ring))
    drawn = [glyph for glyph in layout.glyphs if not glyph.font.colour]
    window = EMPTY
    for glyph in drawn:
        face = _load(glyph, x, y, size)
        box = _bounds(face, x + glyph.x, y + glyph.y)
        window = window.union(box if box.empty else box.grown(reach))
    for bar in layout.bars:
        window = window.union(_bar_window(bar, x, y, reach))
    window = window.intersect(limit)
    result = np.zeros((window.height, window.width), dtype=np.float32)
    # Drawn one by one into the result: many large glyphs take no more memory than one.
    for glyph in drawn:
        face = _load(glyph, x, y, size)
        box = _bounds(face, x + glyph.x, y + glyph.y)
        if box.empty or box.grown(reach).intersect(window).empty:
            continue
        _add(result, window, *_draw(face, x + glyph.x, y + glyph.y, pen))
    for bar in layout.bars:
        place = _bar_window(bar, x, y, reach).intersect(window)
        if not place.empty:
            _add(result, window, place, _bar(bar, x, y, pen, place))
    return window, result


def _add(
    result: NDArray[np.float32], window: Window, place: Window, covered: NDArray[np.uint8] | NDArray[np.float32]
) -> None:
    part = place.intersect(window)
    if not part.empty:
        area, more = result[part.inside(window)], covered[part.inside(place)]
        if more.dtype == np.uint8:
            more = more.astype(np.float32) / np.float32(255.0)
        area += more * (1.0 - area)


def _load(glyph: Placed, x: float, y: float, size: float) -> freetype.Face:
    """The glyph's outline in its face's slot, moved right by the fraction of a pixel that its origin lies at."""
    face = glyph.font.outlines
    face.set_char_size(max(1, round(size * 64)))
    left, top = x + glyph.x, y + glyph.y
    # FreeType's y grows upwards.
    shift = freetype.Vector(round((left - math.floor(left)) * _SUBPIXELS), -round((top - math.floor(top)) * _SUBPIXELS))
    face.set_transform(freetype.Matrix(0x10000, round(glyph.font.slant * 0x10000), 0, 0x10000), shift)
    face.load_glyph(glyph.index, _FLAGS)
    return face


def _bounds(face: freetype.Face, x: float, y: float) -> Window:
    """The pixels that the loaded glyph can touch, with its origin at (x, y); empty for one without ink."""
    return _pixels(face.glyph.outline._FT_Outline, x, y)


def _pixels(outline: raw.FT_Outline, x: float, y: float) -> Window:
    """The pixels that an outline can touch."""
    if not outline.n_points:
        return EMPTY
    box = raw.FT_BBox()
    raw.FT_Outline_Get_CBox(ctypes.byref(outline), ctypes.byref(box))
    left, right = math.floor(box.xMin / 64), math.ceil(box.xMax / 64)
    top, bottom = math.floor(-box.yMax / 64), math.ceil(-box.yMin / 64)
    return Window(math.floor(x) + left, math.floor(y) + top, right - left, bottom - top)


def _draw(face: freetype.Face, x: float, y: float, pen: Pen) -> tuple[Window, NDArray[np.uint8]]:
    """Coverage of the loaded glyph with its origin at (x, y), up to 255."""
    if pen == FILL:
        return _areas(face.glyph.outline._FT_Outline, x, y)
    stroker = freetype.Stroker()
    radius = max(1, round(max(pen.grown, pen.ring) * 64))
    stroker.set(radius, freetype.FT_STROKER_LINECAP_ROUND, freetype.FT_STROKER_LINEJOIN_ROUND, 0)
    glyph = face.glyph.get_glyph()
    if pen.ring > 0:
        glyph.stroke(stroker, True)
    else:
        # freetype-py does not wrap this one: the outer border, with all that is inside it.
        failed = raw.FT_Glyph_StrokeBorder(ctypes.byref(glyph._FT_Glyph), stroker._FT_Stroker, False, True)
        if failed:
            raise RuntimeError(f"FreeType cannot draw around a glyph (error {failed})")
    drawn = ctypes.cast(glyph._FT_Glyph, ctypes.POINTER(_OutlineGlyph)).contents
    return _areas(drawn.outline, x, y)


def _areas(outline: raw.FT_Outline, x: float, y: float) -> tuple[Window, NDArray[np.uint8]]:
    """Coverage of an outline, which is moved.

    Of all of it, whatever is wanted: FreeType rounds a part that begins in another column differently.
    """
    place = _pixels(outline, x, y)
    codes = np.zeros((place.height, place.width), np.uint8)
    if place.empty:
        return EMPTY, codes
    # The bitmap's lower left corner is FreeType's origin.
    raw.FT_Outline_Translate(ctypes.byref(outline), (math.floor(x) - place.x) * 64, (place.bottom - math.floor(y)) * 64)
    columns, moved = [(0, place.width)], 0
    while columns:
        first, count = columns.pop()
        raw.FT_Outline_Translate(ctypes.byref(outline), (moved - first) * 64, 0)
        moved = first
        failed = raw.FT_Outline_Get_Bitmap(
            freetype.get_handle(), ctypes.byref(outline), ctypes.byref(_bitmap(codes[:, first : first + count]))
        )
        if failed == _OVERFLOW and count > 1:
            # Too intricate for FreeType to be done at once.
            codes[:, first : first + count] = 0
            columns += [(first, count // 2), (first + count // 2, count - count // 2)]
        elif failed:
            raise RuntimeError(f"FreeType cannot draw a glyph (error {failed})")
    return place, codes


def _bitmap(codes: NDArray[np.uint8]) -> raw.FT_Bitmap:
    """An array as FreeType's picture of grey, the upper row first."""
    bitmap = raw.FT_Bitmap()
    bitmap.rows, bitmap.width = codes.shape
    bitmap.pitch, bitmap.num_grays, bitmap.pixel_mode = codes.strides[0], 256, freetype.FT_PIXEL_MODE_GRAY
    bitmap.buffer = ctypes.cast(codes.ctypes.data, type(bitmap.buffer))
    return bitmap


class _OutlineGlyph(ctypes.Structure):
    """FreeType's FT_OutlineGlyphRec, which freetype-py does not wrap."""

    _fields_ = (("root", raw.FT_GlyphRec), ("outline", raw.FT_Outline))


def _bar_window(bar: Bar, x: float, y: float, reach: int) -> Window:
    left, top = math.floor(x + bar.left), math.floor(y + bar.top)
    right, bottom = math.ceil(x + bar.right), math.ceil(y + bar.bottom)
    return Window(left, top, right - left, bottom - top).grown(reach)


def _bar(bar: Bar, x: float, y: float, pen: Pen, place: Window) -> NDArray[np.float32]:
    out, hollow = max(pen.grown, pen.ring), pen.ring
    outer = rounded_box(x + bar.left - out, y + bar.top - out, x + bar.right + out, y + bar.bottom + out, out, place)
    if hollow <= 0:
        return outer
    inner = rounded_box(
        x + bar.left + hollow, y + bar.top + hollow, x + bar.right - hollow, y + bar.bottom - hollow, 0.0, place
    )
    return outer - inner


def rounded_box(
    left: float, top: float, right: float, bottom: float, radius: float, place: Window
) -> NDArray[np.float32]:
    """Coverage of a rectangle with round corners over `place`: exact along straight edges, in the corners by the
    distance from the arc."""
    if right <= left or bottom <= top:
        return np.zeros((place.height, place.width), np.float32)
    across = _covered(left, right, place.x, place.width)
    down = _covered(top, bottom, place.y, place.height)
    result = down[:, None] * across[None, :]
    radius = min(radius, (right - left) / 2, (bottom - top) / 2)
    if radius > 0:
        centres_x = np.arange(place.width) + place.x + 0.5
        centres_y = np.arange(place.height) + place.y + 0.5
        beyond_x = np.maximum(np.maximum(left + radius - centres_x, centres_x - (right - radius)), 0.0)
        beyond_y = np.maximum(np.maximum(top + radius - centres_y, centres_y - (bottom - radius)), 0.0)
        corner = (beyond_x[None, :] > 0) & (beyond_y[:, None] > 0)
        distance = np.hypot(beyond_x[None, :], beyond_y[:, None])
        result = np.where(corner, np.clip(radius + 0.5 - distance, 0.0, 1.0), result)
    return np.ascontiguousarray(result, np.float32)


def _covered(begin: float, end: float, first: int, count: int) -> NDArray[np.float64]:
    """How much of each of `count` pixels from `first` on lies between two borders."""
    edges = np.arange(count) + first
    result: NDArray[np.float64] = np.clip(np.minimum(edges + 1, end) - np.maximum(edges, begin), 0.0, 1.0)
    return result


def pictures(
    layout: Layout, x: float, y: float, size: float, limit: Window
) -> Iterator[tuple[Window, NDArray[np.float32]]]:
    """The glyphs in colour that fall into `limit`: premultiplied, display-encoded RGBA of their windows.

    HarfBuzz draws what the font's COLR table says, in 8 bits.
    """
    for glyph in layout.glyphs:
        if not glyph.font.colour:
            continue
        scale = size / glyph.font.units
        left, top = x + glyph.x, y + glyph.y
        column, row = math.floor(left), math.floor(top)
        extents = glyph.font.shaper.get_glyph_extents(glyph.index)
        if extents is None or not extents.width:
            continue
        right_part, up_part = left - column, row - top
        # In HarfBuzz's picture y grows upwards from the base line.
        x0 = math.floor(extents.x_bearing * scale + right_part)
        x1 = math.ceil((extents.x_bearing + extents.width) * scale + right_part)
        y0 = math.floor((extents.y_bearing + extents.height) * scale + up_part)
        y1 = math.ceil(extents.y_bearing * scale + up_part)
        window = Window(column + x0, row - y1, x1 - x0, y1 - y0)
        part = window.intersect(limit)
        if part.empty:
            continue
        # The whole glyph: HarfBuzz rounds a part of it differently.
        paint = hb.RasterPaint()
        paint.transform = (scale, 0.0, 0.0, scale, right_part, up_part)
        paint.extents = hb.RasterExtents(
            x_origin=x0, y_origin=y0, width=window.width, height=window.height, stride=window.width * 4
        )
        paint.paint_glyph(glyph.font.shaper, glyph.index)
        image = paint.render()
        if image is None:
            continue
        codes = np.frombuffer(image.buffer, np.uint8).reshape(window.height, -1, 4)[::-1, : window.width]
        wanted = codes[part.inside(window)]
        yield part, wanted[..., [2, 1, 0, 3]].astype(np.float32) / np.float32(255.0)
