"""Models and what each of them can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

COLLECTION = "models"


@dataclass(frozen=True)
class ModelCard:
    """A model in the repository. Sizes in pixels."""

    model: str
    """The id, without `models/`."""
    display_name: str
    kind: str
    """What it is given: "text", "image" (always a first picture) or "text_image" (with or without one)."""
    weights_digest: str
    """SHA-256 over the weights and their configuration."""
    random_weights: bool
    """True for weights that were never trained."""
    size_multiple: int
    max_width: int
    max_height: int
    frame_multiple: int
    """A clip has a multiple of so many frames, plus one."""
    max_frames: int
    frame_rate: Fraction
    """Frames a second that the model was made for."""
    text_tokens: int
    """As much of a prompt as it reads, in tokens of its text encoder."""

    @property
    def name(self) -> str:
        return f"{COLLECTION}/{self.model}"

    @classmethod
    def parse(cls, model: str, values: Mapping[str, Any]) -> Self:
        """A card as the model server tells it; raises KeyError or ValueError for one that is none."""
        return cls(
            model=model,
            display_name=str(values["display_name"]),
            kind=str(values["kind"]),
            weights_digest=str(values["weights_digest"]),
            random_weights=bool(values["random_weights"]),
            size_multiple=int(values["size_multiple"]),
            max_width=int(values["max_width"]),
            max_height=int(values["max_height"]),
            frame_multiple=int(values["frame_multiple"]),
            max_frames=int(values["max_frames"]),
            frame_rate=Fraction(str(values["frame_rate"])),
            text_tokens=int(values["text_tokens"]),
        )
