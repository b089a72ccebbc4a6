"""Scopes drawn, with their graticules, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from services.graph.preview.scopes import LEVELS, Counts, Mark, Scope

_Drawing = NDArray[np.uint8]
"""[height, width, 3], red first."""

_SIDE: Final = 2 * LEVELS
"""Height of a drawing, and its width where there are not more columns to draw one to one."""
_MARGIN: Final = 8
_GRID: Final = (88, 80, 56)
_TEXT: Final = (168, 156, 120)
_GREEN: Final = (96, 255, 128)
_PRIMARIES: Final = ((255, 80, 72), (88, 255, 96), (96, 136, 255))
_GREY: Final = (208, 208, 208)


def draw(scopes: Sequence[Scope]) -> _Drawing:
    """All scopes in one row, on black."""
    drawings = [_draw(scope) for scope in scopes]
    width = sum(drawing.shape[1] for drawing in drawings) + _MARGIN * (len(drawings) + 1)
    sheet = np.zeros((_SIDE + 2 * _MARGIN, width, 3), dtype=np.uint8)
    left = _MARGIN
    for drawing in drawings:
        sheet[_MARGIN : _MARGIN + _SIDE, left : left + drawing.shape[1]] = drawing
        left += drawing.shape[1] + _MARGIN
    return sheet


def _draw(scope: Scope) -> _Drawing:
    match scope.kind:
        case "waveform":
            return _with_marks(_trace(scope.counts[0], _GREEN, _SIDE), scope)
        case "parade":
            parts = [_trace(plane, color, 256) for plane, color in zip(scope.counts, _PRIMARIES, strict=True)]
            return _with_marks(np.concatenate(parts, axis=1), scope)
        case "vectorscope":
            return _with_marks(_trace(scope.counts[0], _GREEN, _SIDE), scope)
        case "histogram":
            return _with_marks(_curves(scope.counts), scope)


def _trace(counts: Counts, color: tuple[int, int, int], width: int) -> _Drawing:
    """Counts [256, columns] as light, level 0 at the bottom: twice as many pixels are seen as one step brighter."""
    brightest = max(1, int(counts.max(initial=1)))
    light = np.log2(counts.astype(np.float32) + 1.0) / np.float32(np.log2(brightest + 1.0))
    # What is there at all is seen.
    light = np.where(counts > 0, 0.25 + 0.75 * light, 0.0).astype(np.float32)[::-1]
    columns = counts.shape[1]
    size = (width if columns <= width else columns, _SIDE)
    grown = cv2.resize(light, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(grown[..., None] * np.array(color, dtype=np.float32), dtype=np.uint8)


def _curves(counts: Counts) -> _Drawing:
    """Red, green and blue as areas that add up where they overlap, luma as a line."""
    drawing = np.zeros((_SIDE, _SIDE, 3), dtype=np.uint16)
    # Black bars and clipped skies, at the ends, must not flatten all that lies between.
    tallest = max(1, int(counts[..., 1:-1].max()))
    heights = np.minimum(counts[:, 0] / tallest, 1.0) * (_SIDE - 1)
    rows = np.arange(_SIDE)[::-1, None]
    across = np.repeat(heights, _SIDE // LEVELS, axis=1)
    for height, color in zip(across, _PRIMARIES, strict=False):
        drawing += ((rows < height)[..., None] * np.array(color) * 0.5).astype(np.uint16)
    result = np.asarray(np.minimum(drawing, 255), dtype=np.uint8)
    line = np.stack([np.arange(_SIDE), _SIDE - 1 - across[3]], axis=1)
    cv2.polylines(result, [np.rint(line).astype(np.int32)], isClosed=False, color=_GREY)
    return result


def _with_marks(drawing: _Drawing, scope: Scope) -> _Drawing:
    """The graticule over a drawing, where the drawing is dark."""
    height, width = drawing.shape[:2]
    _, _, columns = scope.counts.shape
    grid = np.zeros_like(drawing)
    for mark in scope.graticule:
        _mark(grid, mark, width / columns, height / LEVELS)
    return np.maximum(drawing, grid)


def _mark(grid: _Drawing, mark: Mark, across: float, up: float) -> None:
    height, width = grid.shape[:2]
    x = None if mark.column is None else round((mark.column + 0.5) * across)
    y = None if mark.row is None else height - 1 - round((mark.row + 0.5) * up)
    if x is not None and y is not None:
        if mark.label == "skin":
            cv2.line(grid, (width // 2, height // 2), (x, y), _GRID)
        else:
            cv2.rectangle(grid, (x - 7, y - 7), (x + 7, y + 7), _GRID)
        _write(grid, mark.label, min(x + 10, width - 60), y + 4)
    elif y is not None:
        cv2.line(grid, (0, y), (width - 1, y), _GRID)
        _write(grid, mark.label, 4, y - 4 if y > 16 else y + 14)
    elif x is not None:
        cv2.line(grid, (x, 0), (x, height - 1), _GRID)
        _write(grid, mark.label, min(x + 4, width - 48), 14)


def _write(grid: _Drawing, text: str, x: int, y: int) -> None:
    cv2.putText(grid, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, _TEXT, 1, cv2.LINE_AA)
