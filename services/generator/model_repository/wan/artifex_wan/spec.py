"""What a request asks for, checked against the model that is to run it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


class SpecError(Exception):
    """The request does not fit the model; `field` is the offending key."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}")
        self.field = field
        self.description = description


@dataclass(frozen=True)
class Limits:
    """A model's limits, in pixels and frames; from its card."""

    size_multiple: int
    max_width: int
    max_height: int
    frame_multiple: int
    max_frames: int
    text_tokens: int

    @staticmethod
    def from_card(card: dict[str, Any]) -> Limits:
        return Limits(**{name: int(card[name]) for name in Limits.__dataclass_fields__})


@dataclass(frozen=True)
class Spec:
    """One clip. Sizes in pixels; `guidance_scale` steers the high-noise expert, `guidance_scale_2` the other."""

    prompt: str
    negative_prompt: str
    seed: int
    width: int
    height: int
    frame_count: int
    steps: int
    guidance_scale: float
    guidance_scale_2: float
    flow_shift: float

    @staticmethod
    def parse(text: bytes | str, limits: Limits) -> Spec:
        """Raises SpecError for a missing, unknown, mistyped or out-of-range key."""
        try:
            values = json.loads(text)
        except ValueError as error:
            raise SpecError("request", "is not JSON") from error
        if not isinstance(values, dict):
            raise SpecError("request", "is not an object")
        for name in values.keys() - _TYPES.keys():
            raise SpecError(name, "is not a key of a request")
        for name, kind in _TYPES.items():
            if name not in values:
                raise SpecError(name, "is missing")
            value = values[name]
            if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
                raise SpecError(name, f"must be {kind.__name__}")
            values[name] = kind(value)
        spec = Spec(**values)
        spec._check(limits)
        return spec

    def _check(self, limits: Limits) -> None:
        size, frames = limits.size_multiple, limits.frame_multiple
        for name, value, maximum in (
            ("width", self.width, limits.max_width),
            ("height", self.height, limits.max_height),
        ):
            if not size <= value <= maximum or value % size:
                raise SpecError(name, f"must be a multiple of {size} up to {maximum}, not {value}")
        if not 1 <= self.frame_count <= limits.max_frames or (self.frame_count - 1) % frames:
            expected = f"a multiple of {frames} plus 1, up to {limits.max_frames}"
            raise SpecError("frame_count", f"must be {expected}, not {self.frame_count}")
        bounds: tuple[tuple[str, float, float, float], ...] = (
            ("seed", self.seed, 0, 2**63 - 1),
            ("steps", self.steps, 1, 200),
            ("guidance_scale", self.guidance_scale, 1, 30),
            ("guidance_scale_2", self.guidance_scale_2, 1, 30),
        )
        for name, number, low, high in bounds:
            if not low <= number <= high:
                raise SpecError(name, f"must lie between {low} and {high}, not {number}")
        if not 0 < self.flow_shift <= 100:
            raise SpecError("flow_shift", f"must lie above 0 and up to 100, not {self.flow_shift}")


_TYPES: dict[str, type] = {
    "prompt": str,
    "negative_prompt": str,
    "seed": int,
    "width": int,
    "height": int,
    "frame_count": int,
    "steps": int,
    "guidance_scale": float,
    "guidance_scale_2": float,
    "flow_shift": float,
}
