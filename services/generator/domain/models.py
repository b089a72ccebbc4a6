"""Models and what each of them can do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, Self

from services.generator.domain.architecture import Architecture
from services.generator.domain.known import KNOWN
from services.generator.domain.plan.options import require_choices
from services.generator.domain.presets import MOST_STEPS
from services.generator.domain.step_caches import CacheMeasure

COLLECTION = "models"
MAX_FRAME_RATE: Final = 240
SAMPLERS: Final = ("unipc", "euler", "lcm")
_RECIPE_NAME: Final = re.compile(r"[a-z0-9-]{1,64}")


@dataclass(frozen=True)
class Recipe:
    """How a distilled model, or a LoRA that distils one, is run. It lies beside the weights and leaves nothing open."""

    name: str
    steps: int
    sampler: str
    """"unipc", "euler" or "lcm"."""
    sigmas: tuple[float, ...] = ()
    """Noise of each step; empty where `flow_shift` says it."""
    guidance_scale: float = 1.0
    guidance_scale_2: float = 1.0
    flow_shift: float = 5.0
    loras: tuple[tuple[str, float, float], ...] = ()
    """What it was distilled into, where that is not the weights: a LoRA's name, and its strength for each expert."""

    @classmethod
    def parse(cls, name: str, values: Mapping[str, Any]) -> Self:
        """As a file tells it; raises KeyError, TypeError, ValueError or AttributeError for what is no recipe."""
        sigmas = tuple(float(sigma) for sigma in values.get("sigmas", ()))
        numbers = {
            field: float(values[field])
            for field in ("guidance_scale", "guidance_scale_2", "flow_shift")
            if field in values
        }
        loras = tuple(
            (str(lora["name"]), float(lora.get("strength", 0)), float(lora.get("strength_2", 0)))
            for lora in values.get("loras", ())
        )
        steps, sampler = int(values.get("steps", len(sigmas))), str(values["sampler"])
        found = cls(name=name, steps=steps, sampler=sampler, sigmas=sigmas, loras=loras, **numbers)
        found._require()
        return found

    def _require(self) -> None:
        """Raises ValueError for what no model could be asked for."""
        if not _RECIPE_NAME.fullmatch(self.name) or self.sampler not in SAMPLERS:
            raise ValueError(f"a recipe has a name in lower case, and a sampler of {', '.join(SAMPLERS)}")
        if not 1 <= self.steps <= MOST_STEPS or (self.sigmas and len(self.sigmas) != self.steps):
            raise ValueError(f"a recipe has sigmas, or steps: from 1 to {MOST_STEPS}")
        falling = all(high > low for high, low in pairwise(self.sigmas))
        if self.sigmas and not (falling and self.sigmas[0] <= 1 and self.sigmas[-1] > 0 and self.sampler != "unipc"):
            raise ValueError("sigmas fall from at most 1 to above 0, and are not for unipc")
        if not all(1 <= scale <= 30 for scale in (self.guidance_scale, self.guidance_scale_2)):
            raise ValueError("guidance is from 1, which is none, to 30")
        if not 0 < self.flow_shift <= 100:
            raise ValueError("flow_shift lies above 0, and up to 100")
        if not all(-4 <= strength <= 4 for _, *strengths in self.loras for strength in strengths):
            raise ValueError("strengths are from -4 to 4")


@dataclass(frozen=True)
class Defaults:
    """What a model is best asked for where neither spec nor preset says it; 0 leaves that to the preset."""

    width: int = 0
    height: int = 0
    frame_count: int = 0
    steps: int = 0
    guidance_scale: float = 0.0
    guidance_scale_2: float = 0.0
    flow_shift: float = 0.0

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """As a card tells them; raises TypeError, ValueError or AttributeError for what are none."""
        found = cls(**values)
        # A comparison that fails tells of what is no number, and of NaN.
        if not all(0 <= getattr(found, each.name) <= 4096 for each in fields(cls)) or found.steps > MOST_STEPS:
            raise ValueError(f"defaults are from 0 on, and steps up to {MOST_STEPS}")
        return found


@dataclass(frozen=True)
class ModelCard:
    """A model in the repository, or one that could be. Sizes in pixels."""

    model: str
    """The id, without `models/`."""
    display_name: str
    kind: str
    """What it is given: "text", "image" (always a first picture) or "text_image" (with or without one)."""
    weights_digest: str
    """SHA-256 over the weights and their configuration; empty where they are not there."""
    random_weights: bool
    """True for weights that were never trained."""
    size_multiple: int
    max_width: int
    max_height: int
    frame_multiple: int
    """A clip has a multiple of so many frames, plus one."""
    max_frames: int
    """Of one run; see `services.generator.domain.windows`."""
    frame_rate: Fraction
    """Frames a second that the model was made for."""
    text_tokens: int
    """As much of a prompt as it reads, in tokens of its text encoder."""
    available: bool = True
    """Whether its weights are there."""
    remedy: str = ""
    """What to put where, so that they are."""
    architecture: Architecture | None = None
    """None where the files beside its weights do not tell it; then nothing can be reckoned."""
    image_form: str = ""
    """The id of the model that goes on from a picture where this one cannot; its own where it can."""
    apart: bool = False
    """Whether the image form lies on no server that has this one: then nothing goes on from a clip's last frame."""
    defaults: Defaults = Defaults()
    recipes: tuple[Recipe, ...] = ()
    loras: tuple[str, ...] = ()
    """Names of what lies beside the weights."""
    magnitudes: bool = False
    """Whether what the step cache "magnitude" goes by was measured."""
    measures: tuple[CacheMeasure, ...] = ()
    """What step caches do with its weights, as far as that was measured."""
    load: Mapping[str, str] = field(default_factory=dict)
    """How the operator has it lie in memory, whatever is planned: choices of `services.generator.domain.plan.options`,
    and "auto" for a precision that is left open."""

    @property
    def name(self) -> str:
        return f"{COLLECTION}/{self.model}"

    @property
    def pictures(self) -> tuple[str, ...]:
        """Which it can be given, of "first" and "last"."""
        return {"text": (), "image": ("first", "last"), "text_image": ("first",)}[self.kind]

    def measure(self, cache: str) -> CacheMeasure | None:
        """What a step cache does with its weights; None where nobody measured it."""
        return next((measure for measure in self.measures if measure.cache == cache), None)

    @classmethod
    def parse(cls, model: str, values: Mapping[str, Any]) -> Self:
        """A card as the model server tells it; raises KeyError, TypeError or ValueError for one that is none."""
        kind = str(values["kind"])
        if kind not in ("text", "image", "text_image"):
            raise ValueError(f"the card of {model} tells of no kind {kind}")
        form = model.replace("t2v", "i2v") if kind == "text" else model
        architecture = values.get("architecture")
        recipes = values.get("recipes", {})
        found = cls(
            model=model,
            display_name=str(values["display_name"]),
            kind=kind,
            weights_digest=str(values["weights_digest"]),
            random_weights=bool(values["random_weights"]),
            size_multiple=int(values["size_multiple"]),
            max_width=int(values["max_width"]),
            max_height=int(values["max_height"]),
            frame_multiple=int(values["frame_multiple"]),
            max_frames=int(values["max_frames"]),
            frame_rate=_rate(str(values["frame_rate"])),
            text_tokens=int(values["text_tokens"]),
            available=bool(values.get("available", True)),
            remedy=str(values.get("remedy", "")),
            architecture=None if architecture is None else Architecture.parse(architecture),
            image_form=str(values.get("image_form", form)),
            defaults=Defaults.parse(values.get("defaults", {})),
            recipes=tuple(Recipe.parse(name, recipe) for name, recipe in sorted(recipes.items())),
            loras=tuple(sorted(str(name) for name in values.get("loras", ()))),
            magnitudes=bool(values.get("magnitudes", False)),
            measures=tuple(CacheMeasure.parse(*item) for item in sorted(values.get("step_caches", {}).items())),
            load={str(name): str(choice) for name, choice in values.get("load", {}).items()},
        )
        found._require()
        return found

    def _require(self) -> None:
        """Raises ValueError for limits that no clip could keep, for ways to lie in memory that are none, and for a name
        that is no text."""
        self.display_name.encode()
        require_choices(self.load)
        if not 1 <= self.size_multiple <= min(self.max_width, self.max_height):
            raise ValueError(f"sizes are multiples of {self.size_multiple}, to {self.max_width}x{self.max_height}")
        if self.frame_multiple < 1 or self.max_frames < 1 or self.text_tokens < 1:
            raise ValueError("frame_multiple, max_frames and text_tokens are 1 at least")


def _rate(text: str) -> Fraction:
    """Frames a second; raises ValueError."""
    try:
        rate = Fraction(text)
    except ZeroDivisionError:
        rate = Fraction(0)
    if not 0 < rate <= MAX_FRAME_RATE or rate.denominator > 10**6:
        raise ValueError(f"{text[:40]} is no frame rate above 0 and up to {MAX_FRAME_RATE}")
    return rate


def with_absent(cards: Mapping[str, ModelCard]) -> dict[str, ModelCard]:
    """All of them, and those that are known and whose weights are not there."""
    absent = {model: ModelCard.parse(model, values) for model, values in KNOWN.items() if model not in cards}
    return {**absent, **cards}
