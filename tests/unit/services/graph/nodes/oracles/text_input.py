"""TextInput's coverage beside OpenCV's fill of the same outline, drawn 64 times as large."""

import cv2
import freetype
import numpy as np
from scipy import ndimage

from artifex.nodes import Window
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.nodes.typography.fonts import font
from services.graph.nodes.typography.layout import Style, set_text
from services.graph.nodes.typography.painting import Look, Spot, painted
from services.graph.nodes.typography.raster import Pen, coverage
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest

FINE = 64
WHOLE = Window(0, 0, 64, 64)


def _coverage_error() -> float:
    size = 40.0
    text = set_text("L", Style("Noto Sans", "regular", size, "left", 0.0, 1.0))
    window, covered = coverage(text, 10.0, 10.0, size, WHOLE)
    face = font("Noto Sans", "regular").outlines
    face.set_transform(freetype.Matrix(0x10000, 0, 0, 0x10000), freetype.Vector(0, 0))
    face.set_char_size(round(size * 64 * FINE))
    glyph = text.glyphs[0]
    face.load_glyph(glyph.index, freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_NO_BITMAP)
    points = np.array(face.glyph.outline.points, np.float64) / 64
    x, y = points[:, 0] + (10.0 + glyph.x) * FINE, -points[:, 1] + (10.0 + glyph.y) * FINE
    large = np.zeros((WHOLE.height * FINE, WHOLE.width * FINE), np.uint8)
    cv2.fillPoly(large, [np.stack([x, y], -1).astype(np.int32)], 1)
    area = cv2.resize(large.astype(np.float32), (WHOLE.width, WHOLE.height), interpolation=cv2.INTER_AREA)
    return largest(covered, np.asarray(area)[window.inside(WHOLE)])


def _outline_error() -> float:
    """An L is made of straight lines, so all that is round around it is the joins."""
    size, fine, radius = 40.0, 16, 3.0
    text = set_text("L", Style("Noto Sans", "regular", size, "left", 0.0, 1.0))
    window, covered = coverage(text, 10.0, 10.0, size, WHOLE, Pen(grown=radius))
    wide = Window(0, 0, 64 * fine, 64 * fine)
    place, letter = coverage(text.scaled(fine), 10.0 * fine, 10.0 * fine, size * fine, wide)
    large = np.zeros((WHOLE.height * fine, WHOLE.width * fine), np.uint8)
    large[place.y : place.bottom, place.x : place.right] = letter > 0.5
    near = (cv2.distanceTransform(1 - large, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= radius * fine + 0.5).astype(
        np.float32
    )
    area = cv2.resize(near, (WHOLE.width, WHOLE.height), interpolation=cv2.INTER_AREA)
    return largest(covered, np.asarray(area)[window.inside(WHOLE)])


def _shadow_error() -> float:
    look = Look(
        fill=(1.0, 1.0, 1.0, 0.0),
        shadow=1.0,
        shadow_paint=(1.0, 1.0, 1.0, 1.0),
        shadow_offset=(3.25, -2.5),
        shadow_softness=2.5,
    )
    text = set_text("Ag", Style("Noto Sans", "regular", 30.0, "left", 0.0, 1.0))
    frame = painted(Spot(text, 12.0, 12.0, 30.0), look, 1.0, WHOLE, WorkingColour("ACEScg"))
    window, covered = coverage(text, 15.25, 9.5, 30.0, WHOLE)
    letters = np.zeros((WHOLE.height, WHOLE.width))
    letters[window.inside(WHOLE)] = covered
    expected = ndimage.gaussian_filter(letters, 2.5, mode="constant", truncate=8)
    return largest(frame.filled(WHOLE)[..., 3], expected)


COMPARISONS = [
    Comparison("TextInput", "OpenCV fillPoly", "coverage of an outline", 0.06, _coverage_error),
    Comparison("TextInput", "OpenCV distanceTransform", "an outline of 3 px, round", 0.07, _outline_error),
    Comparison("TextInput", "SciPy gaussian_filter", "a soft shadow", 1e-5, _shadow_error),
]
