"""How a model lies in memory for one clip, all told, and what of that the clip's pixels depend on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from services.generator.domain.models import ModelCard

_PLAIN: Final[Mapping[str, str]] = {
    "precision": "auto",
    "experts": "resident",
    "text_encoder": "resident",
    "vae": "whole",
    "vae_layout": "plain",
    "attention": "native",
    "compile": "none",
}
"""As model_repository/wan/artifex_wan/options.py has it."""
_PLACES: Final = ("experts",)
"""Choices that say where weights wait, and nothing of how they are computed with."""


def laid(card: ModelCard, wanted: Mapping[str, str]) -> dict[str, str]:
    """Every choice for a model: what is wanted, and else what its server has for it."""
    found = {**_PLAIN, **card.load, **wanted}
    if found["precision"] == "auto" and card.architecture is not None and not card.architecture.whole:
        found["precision"] = "gguf"
    return found


def computed(load: Mapping[str, str], kind: str) -> str:
    """What pixels depend on, of all the choices on a kind of device ("cpu", "cuda"); the same words for equal ones.

    A choice that is not known here counts as one that changes them.
    """
    found = {choice: value for choice, value in load.items() if choice not in _PLACES}
    if found["precision"] == "auto":
        found["precision"] = "float32" if kind == "cpu" else "bfloat16"
    # Swapped, it computes where it does when resident; and on a processor there is no other place.
    apart = kind != "cpu" and found["text_encoder"] == "cpu"
    found["text_encoder"] = "cpu" if apart else kind
    return json.dumps({**found, "device": kind}, sort_keys=True)
