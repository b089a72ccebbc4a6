"""TextInput's coverage beside OpenCV's fill of the same outline, drawn 64 times as large."""

import cv2
import freetype
import numpy as np

from artifex.nodes import Window
from services.graph.nodes.typography.fonts import font
from services.graph.nodes.typography.layout import Style, set_text
from services.graph.nodes.typography.raster import coverage
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


COMPARISONS = [Comparison("TextInput", "OpenCV fillPoly", "coverage of an outline", 0.06, _coverage_error)]
