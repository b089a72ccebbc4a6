"""Clips that are longer than a model makes at once."""

from __future__ import annotations

from services.generator.domain.models import ModelCard


def windows(frame_count: int, card: ModelCard) -> tuple[int, ...]:
    """Frames of each run of the model for a clip of so many, as `spec.filled` left them.

    Each run after the first is given the last frame of the one before as its first, so it adds one less than it makes.
    They are as equal as the model's frame counts allow, the longer ones first.
    """
    each, most = card.frame_multiple, (card.max_frames - 1) // card.frame_multiple
    parts = (frame_count - 1) // each
    runs = max(-(-parts // most), 1)
    return tuple(each * (parts // runs + (run < parts % runs)) + 1 for run in range(runs))
