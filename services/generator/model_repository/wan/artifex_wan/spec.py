"""What a request asks for, checked against the model that is to run it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

SAMPLERS: Final = ("unipc", "euler", "lcm")
PICTURES: Final = ("first", "last")
_MOST_SIGMAS: Final = 64


class SpecError(Exception):
    """The request does not fit the model; `field` is the offending key."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}")
        self.field = field
        self.description = description


@dataclass(frozen=True)
class Limits:
    """A model's limits, in pixels and frames; from its card."""

    kind: str
    """What it is given: "text", "image" (always a first picture) or "text_image" (either)."""
    size_multiple: int
    max_width: int
    max_height: int
    frame_multiple: int
    max_frames: int
    text_tokens: int

    @staticmethod
    def from_card(card: dict[str, Any]) -> Limits:
        numbers = {name: int(card[name]) for name in Limits.__dataclass_fields__ if name != "kind"}
        return Limits(kind=str(card["kind"]), **numbers)


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
    sampler: str
    """"unipc", "euler" or "lcm"."""
    sigmas: tuple[float, ...]
    """Noise of each step, from 1 down, of a distilled model; empty where `steps` and `flow_shift` say it."""
    pictures: tuple[str, ...]
    """Which of "first" and "last" come with the request, in this order."""
    preview_every: int
    """Steps from one preview to the next; 0 for none."""
    checkpoint_every: int
    """Steps from one checkpoint to the next; 0 for none."""

    @property
    def guided(self) -> bool:
        """Whether the model is asked twice a step, with the prompt and with the negative one."""
        return self.guidance_scale != 1.0 or self.guidance_scale_2 != 1.0

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
            values[name] = _typed(name, values[name], kind)
        spec = Spec(**values)
        spec._check_size(limits)
        spec._check_numbers()
        spec._check_pictures(limits)
        return spec

    def _check_size(self, limits: Limits) -> None:
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

    def _check_numbers(self) -> None:
        bounds: tuple[tuple[str, float, float, float], ...] = (
            ("seed", self.seed, 0, 2**63 - 1),
            ("steps", self.steps, 1, 200),
            ("guidance_scale", self.guidance_scale, 1, 30),
            ("guidance_scale_2", self.guidance_scale_2, 1, 30),
            ("preview_every", self.preview_every, 0, 200),
            ("checkpoint_every", self.checkpoint_every, 0, 200),
        )
        for name, number, low, high in bounds:
            if not low <= number <= high:
                raise SpecError(name, f"must lie between {low} and {high}, not {number}")
        if not 0 < self.flow_shift <= 100:
            raise SpecError("flow_shift", f"must lie above 0 and up to 100, not {self.flow_shift}")
        if self.sampler not in SAMPLERS:
            raise SpecError("sampler", f"must be one of {', '.join(SAMPLERS)}, not {self.sampler}")
        falling = all(high > low for high, low in zip(self.sigmas, self.sigmas[1:], strict=False))
        if self.sigmas and not (falling and self.sampler != "unipc" and self.sigmas[0] <= 1 and self.sigmas[-1] > 0):
            raise SpecError("sigmas", "must fall from at most 1 to above 0, and are not for unipc")
        if self.sigmas and len(self.sigmas) != self.steps:
            raise SpecError("sigmas", f"must be {self.steps}, one a step, not {len(self.sigmas)}")

    def _check_pictures(self, limits: Limits) -> None:
        if self.pictures not in ((), ("first",), PICTURES):
            raise SpecError("pictures", "must be none, the first, or the first and the last")
        if limits.kind == "text" and self.pictures:
            raise SpecError("pictures", "are nothing to a model of words alone")
        if limits.kind == "image" and not self.pictures:
            raise SpecError("pictures", "lack the first, which this model goes on from")
        if limits.kind == "text_image" and "last" in self.pictures:
            raise SpecError("pictures", "hold a last one, which this model cannot go to")


def _typed(name: str, value: object, kind: type) -> Any:
    if kind is tuple:
        wanted, word = ((str,), "words") if name == "pictures" else ((int, float), "numbers")
        items = value if isinstance(value, list) and len(value) <= _MOST_SIGMAS else [None]
        if not all(isinstance(item, wanted) and not isinstance(item, bool) for item in items):
            raise SpecError(name, f"must be a list of at most {_MOST_SIGMAS} {word}")
        return tuple(items)
    if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
        raise SpecError(name, f"must be {kind.__name__}")
    return kind(value)


_TYPES: Final[dict[str, type]] = {
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
    "sampler": str,
    "sigmas": tuple,
    "pictures": tuple,
    "preview_every": int,
    "checkpoint_every": int,
}
