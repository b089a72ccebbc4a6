"""How much an expert's work changes from step to step: what a step cache that skips whole steps goes by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

MAGNITUDES_FILE: Final = "magnitudes.json"
"""Beside the weights: {"transformer": [...], "transformer_2": [...]}, of each expert the length of what its blocks add
to the clip, relative to the step before; one number a step of a long run."""


def read_magnitudes(weights: Path) -> dict[str, list[float]]:
    """By expert; empty where nothing is known. Raises ValueError, which names the file, for one of another form."""
    file = weights / MAGNITUDES_FILE
    if not file.exists():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        known = {str(name): [float(ratio) for ratio in ratios] for name, ratios in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} is not of the form {{'transformer': [1.0, ...], ...}}: {error}") from error
    if not all(known.values()):
        raise ValueError(f"{file} has an expert without a number")
    return known
