"""How much an expert's work changes from step to step: what a step cache that skips whole steps goes by."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Final

MAGNITUDES_FILE: Final = "magnitudes.json"
"""Beside the weights: {"transformer": [...], "transformer_2": [...]}, of each expert the length of what its blocks add
to the clip, relative to the step before; one number a step of a long run."""


def read_magnitudes(weights: Path) -> dict[str, list[float]]:
    """By expert; empty where nothing is known, or the file is of another form: its model is as good without it, and
    what prepared the repository has named it in its log."""
    file = weights / MAGNITUDES_FILE
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        known = {str(name): [float(ratio) for ratio in ratios] for name, ratios in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    usable = all(ratios and all(0 < ratio < inf for ratio in ratios) for ratios in known.values())
    return known if usable else {}
