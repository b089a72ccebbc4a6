"""The curves of all stages' losses as one picture, SVG."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_WIDTH: Final = 220
_HEIGHT: Final = 120
_GAP: Final = 46
_COLUMNS: Final = 5
_TOGETHER: Final = 4
"""So many of the file's means make one point."""


def curves(files: Sequence[Path]) -> str:
    """One panel for each file of `loop.trained`, titled as the file; the loss on a logarithmic scale."""
    rows = -(-len(files) // _COLUMNS)
    width, height = _COLUMNS * (_WIDTH + _GAP) + _GAP, rows * (_HEIGHT + _GAP) + _GAP // 2
    panels = [
        _panel(file, _GAP + (number % _COLUMNS) * (_WIDTH + _GAP), _GAP // 2 + (number // _COLUMNS) * (_HEIGHT + _GAP))
        for number, file in enumerate(files)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n{"".join(panels)}</svg>\n'
    )


def _panel(file: Path, left: int, top: int) -> str:
    points = _points(file)
    steps, losses = [step for step, _ in points], [loss for _, loss in points]
    low, high = math.log(min(losses)), math.log(max(losses))
    spread = max(high - low, 1e-9)
    path = " ".join(
        f"{left + step / max(steps) * _WIDTH:.1f},{top + (high - math.log(loss)) / spread * _HEIGHT:.1f}"
        for step, loss in points
    )
    right, bottom = left + _WIDTH, top + _HEIGHT
    return (
        f'<rect x="{left}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#bbb"/>\n'
        f'<text x="{left + _WIDTH // 2}" y="{top - 5}" text-anchor="middle" font-weight="bold">{file.stem}</text>\n'
        f'<text x="{left - 4}" y="{top + 10}" text-anchor="end">{max(losses):.2g}</text>\n'
        f'<text x="{left - 4}" y="{bottom}" text-anchor="end">{min(losses):.2g}</text>\n'
        f'<text x="{right}" y="{bottom + 14}" text-anchor="end">{max(steps) + 1} steps</text>\n'
        f'<polyline points="{path}" fill="none" stroke="#1f5fbf" stroke-width="1.2"/>\n'
    )


def _points(file: Path) -> list[tuple[int, float]]:
    with file.open(newline="") as stream:
        rows = [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(stream)]
    parts = [rows[start : start + _TOGETHER] for start in range(0, len(rows), _TOGETHER)]
    return [(part[-1][0], sum(loss for _, loss in part) / len(part)) for part in parts]
