"""What a request asks for, checked against the model that is to run it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

SAMPLERS: Final = ("unipc", "euler", "lcm")
PICTURES: Final = ("first", "last")
STEP_CACHES: Final = ("none", "first_block", "magnitude")
_MOST_SIGMAS: Final = 64
_MOST_LORAS: Final = 16
_STRONGEST: Final = 4.0


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
class Lora:
    """A trained change of the weights, of a strength for each expert; 0 leaves one alone."""

    name: str
    strength: float
    strength_2: float

    @staticmethod
    def parse(value: object) -> Lora:
        """Raises SpecError of the field "loras"."""
        if not isinstance(value, dict) or value.keys() != {"name", "strength", "strength_2"}:
            raise SpecError("loras", "must be objects of name, strength and strength_2")
        name, strengths = value["name"], (value["strength"], value["strength_2"])
        # A file's name, which must not lead out of its folder.
        if not isinstance(name, str) or not _LORA_NAME.match(name):
            raise SpecError("loras", "must have names of letters, digits, dots, hyphens and underscores")
        if not all(isinstance(s, (int, float)) and not isinstance(s, bool) and abs(s) <= _STRONGEST for s in strengths):
            raise SpecError("loras", f"must have strengths from -{_STRONGEST} to {_STRONGEST}")
        return Lora(name, float(strengths[0]), float(strengths[1]))


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
    loras: tuple[Lora, ...]
    step_cache: str
    """"none", "first_block" or "magnitude"."""
    preview_every: int
    """Steps from one preview to the next; 0 for none."""
    preview_share: float
    """The part of the steps' time that previews may take, from 0 on; 1 for as many as are asked for."""
    checkpoint_every: int
    """Steps from one checkpoint to the next; 0 for none."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

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
        values["loras"] = tuple(Lora.parse(value) for value in values["loras"])
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
            ("preview_share", self.preview_share, 0, 1),
            ("checkpoint_every", self.checkpoint_every, 0, 200),
        )
        for name, number, low, high in bounds:
            if not low <= number <= high:
                raise SpecError(name, f"must lie between {low} and {high}, not {number}")
        if not 0 < self.flow_shift <= 100:
            raise SpecError("flow_shift", f"must lie above 0 and up to 100, not {self.flow_shift}")
        if self.sampler not in SAMPLERS:
            raise SpecError("sampler", f"must be one of {', '.join(SAMPLERS)}, not {self.sampler}")
        if self.step_cache not in STEP_CACHES:
            raise SpecError("step_cache", f"must be one of {', '.join(STEP_CACHES)}, not {self.step_cache}")
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
        most, wanted, word = _LISTS[name]
        items = value if isinstance(value, list) and len(value) <= most else [None]
        if not all(isinstance(item, wanted) and not isinstance(item, bool) for item in items):
            raise SpecError(name, f"must be a list of at most {most} {word}")
        return tuple(items)
    if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
        raise SpecError(name, f"must be {kind.__name__}")
    return kind(value)


_LORA_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}\Z")
_LISTS: Final[dict[str, tuple[int, tuple[type, ...], str]]] = {
    "sigmas": (_MOST_SIGMAS, (int, float), "numbers"),
    "pictures": (len(PICTURES), (str,), "words"),
    "loras": (_MOST_LORAS, (dict,), "objects"),
}
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
    "loras": tuple,
    "step_cache": str,
    "preview_every": int,
    "preview_share": float,
    "checkpoint_every": int,
}
