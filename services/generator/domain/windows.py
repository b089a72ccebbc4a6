"""Clips that are longer than a model makes at once."""

from __future__ import annotations

from collections.abc import Mapping

from artifex.generator.v1.messages_pb2 import GenerationSpec
from services.generator.domain.models import COLLECTION, ModelCard


def windows(frame_count: int, card: ModelCard) -> tuple[int, ...]:
    """Frames of each run of the model for a clip of so many, as `spec.filled` left them.

    Each run after the first is given the last frame of the one before as its first, so it adds one less than it makes.
    They are as equal as the model's frame counts allow, the longer ones first.
    """
    each, most = card.frame_multiple, (card.max_frames - 1) // card.frame_multiple
    parts = (frame_count - 1) // each
    runs = max(-(-parts // most), 1)
    return tuple(each * (parts // runs + (run < parts % runs)) + 1 for run in range(runs))


def needed(spec: GenerationSpec, cards: Mapping[str, ModelCard]) -> tuple[str, ...]:
    """The ids of the models that make the clip of a filled spec: its own first."""
    model = spec.model.removeprefix(f"{COLLECTION}/")
    card = cards.get(model)
    if card is None or len(windows(spec.frame_count, card)) == 1:
        return (model,)
    return tuple(dict.fromkeys((model, card.image_form)))
