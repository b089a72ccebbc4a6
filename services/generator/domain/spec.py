"""Specs: what is left open filled in, what cannot be made taken as the nearest that can, and the key of the result."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, log, sqrt

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import FailedPrecondition, InvalidArgument, Violation
from services.generator.domain.models import COLLECTION, MAX_FRAME_RATE, ModelCard, Recipe, with_absent
from services.generator.domain.presets import MOST_STEPS, PRESETS, QUALITY_STEPS, name_of
from services.generator.domain.windows import windows

MOST_FRAMES = 1000
_SEEDS = 2**63
_ALIKE = log(1.05)
"""Shapes that differ by less, of which a twentieth is cut off, are taken for the same."""
_RESEED = 2**31
_UNMEASURED = "MAGNITUDE goes by magnitudes.json, which does not lie beside"


@dataclass(frozen=True)
class Filled:
    """A spec with nothing left open that its model can make, and what was changed on the way."""

    spec: GenerationSpec
    adjustments: tuple[pb.Adjustment, ...]


def resolve(
    spec: GenerationSpec, cards: Mapping[str, ModelCard], default_model: str, pictures: Collection[str] = ()
) -> tuple[GenerationSpec, ModelCard]:
    """The filled spec and the card of its model, whose weights are there. A resolved spec resolves to itself.

    `cards` are by id, as is `default_model`; `pictures` tells which of "first" and "last" are given beside those that
    the spec names. Raises as `chosen`, `require_available` and `filled` do.
    """
    card = chosen(spec, cards, default_model, pictures)
    require_available(card)
    return filled(spec, card, cards, pictures).spec, card


def chosen(
    spec: GenerationSpec, cards: Mapping[str, ModelCard], default_model: str, pictures: Collection[str] = ()
) -> ModelCard:
    """The card of the spec's model, there or not. A spec that names none and goes on from a picture has the default
    model's image form. Raises InvalidArgument for an unknown model."""
    every = with_absent(cards)
    model = spec.model.removeprefix(f"{COLLECTION}/")
    if not model:
        model = default_model
        if _given(spec, pictures) and model in every and every[model].image_form in every:
            model = every[model].image_form
    card = every.get(model)
    if card is None:
        known = ", ".join(sorted(cards)) or "none"
        raise _invalid([Violation("spec.model", f"there is no model {model}; there are: {known}")])
    return card


def require_available(card: ModelCard) -> None:
    """Raises FailedPrecondition with ERROR_REASON_MODEL_ABSENT, which tells what to put where, for an absent model."""
    if not card.available:
        raise FailedPrecondition(
            f"the weights of {card.model} are not there: {card.remedy}",
            reason="ERROR_REASON_MODEL_ABSENT",
            metadata={"model": card.model},
        )


def require_as_planned(spec: GenerationSpec, planned: GenerationSpec) -> None:
    """Raises FailedPrecondition where what a model server makes of a planned spec is another clip than was planned."""
    changed = [
        field.name
        for field in GenerationSpec.DESCRIPTOR.fields
        if getattr(spec, field.name) != getattr(planned, field.name)
    ]
    if changed:
        what = ", ".join(changed)
        raise FailedPrecondition(
            f"{planned.model} makes other clips than when this one was planned ({what}): ask for it again",
            metadata={"resource": planned.model, "state": "STATE_CHANGED"},
        )


def require_possible(spec: GenerationSpec, card: ModelCard, pictures: Collection[str] = ()) -> None:
    """Raises InvalidArgument that names each wrong field: pictures, LoRAs or recipes that the model has no use for, a
    frame rate that is none. What the prompt says is another's matter: `told`."""
    problems = [*_picture_problems(spec, card, pictures), *_rate_problems(spec), *_addition_problems(spec, card)]
    if problems:
        raise _invalid(problems)


def filled(
    spec: GenerationSpec,
    card: ModelCard,
    cards: Mapping[str, ModelCard],
    pictures: Collection[str] = (),
    shape: Fraction | None = None,
) -> Filled:
    """What is 0 or empty comes from a recipe, then the preset, then the model; sizes and counts are the nearest made.

    A spec without a preset has the model's own defaults before those of PREVIEW. `shape`: the width of the picture that
    the clip begins with, for a height of 1; where a side is left open, the clip has that shape, and about as many
    pixels as it would have had. Raises as `require_possible` does.
    """
    require_possible(spec, card, pictures)
    found = _Filling(spec, card, cards, shape).done()
    follower = cards.get(card.image_form)
    if follower is not None and follower != card and len(windows(found.spec.frame_count, card)) > 1:
        problems = _following_problems(found.spec, card, follower)
        if problems:
            raise _invalid(problems)
    return found


def sampling(spec: GenerationSpec, card: ModelCard) -> tuple[str, tuple[float, ...]]:
    """The sampler of a filled spec, and each step's noise where a recipe says it."""
    recipe = next((recipe for recipe in card.recipes if recipe.name == spec.recipe), None)
    return ("unipc", ()) if recipe is None else (recipe.sampler, recipe.sigmas)


def content_key(
    tenant: str,
    spec: GenerationSpec,
    weights_digest: str,
    pictures: Sequence[str] = (),
    told: tuple[str, str] | None = None,
    computed: Sequence[str] = (),
) -> str:
    """The same for two resolved specs of a tenant exactly when their clips are the same.

    `pictures`: the SHA-256 of each given one, first and last, as two assets may be of one file; `told`: the prompt and
    the negative prompt that the model is told, where they are not the spec's own; `computed`: what their pixels depend
    on of the way that each model lies in memory.
    """
    keyed = GenerationSpec()
    keyed.CopyFrom(spec)
    # All that a preset says is in the spec by now, and an asset is known by its bytes.
    keyed.ClearField("preset")
    keyed.ClearField("preview_every")
    # So is what a profile says, or it is in `computed`; but for this one's second look at the clip.
    if spec.profile != pb.GENERATION_PROFILE_QUALITY:
        keyed.ClearField("profile")
    if told is not None:
        keyed.prompt, keyed.negative_prompt = told
        for field in ("style", "style_strength", "extend_prompt"):
            keyed.ClearField(field)
    keyed.ClearField("image")
    keyed.ClearField("last_image")
    digest = hashlib.sha256()
    parts = (tenant.encode(), weights_digest.encode(), keyed.SerializeToString(deterministic=True))
    for part in (*parts, *(way.encode() for way in computed), *(picture.encode() for picture in pictures)):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def reseeded(spec: GenerationSpec) -> GenerationSpec:
    """The same clip of other noise: always the same other one, so that a generation that needed it can be repeated."""
    other = GenerationSpec()
    other.CopyFrom(spec)
    # Far from the seeds beside it, which people try next, and which a longer clip's later windows have.
    other.seed = (spec.seed + _RESEED) % _SEEDS
    return other


class _Filling:
    def __init__(
        self, spec: GenerationSpec, card: ModelCard, cards: Mapping[str, ModelCard], shape: Fraction | None
    ) -> None:
        self._spec = GenerationSpec()
        self._spec.CopyFrom(spec)
        self._card = card
        self._cards = cards
        self._shape = shape
        self._changes: list[pb.Adjustment] = []

    def done(self) -> Filled:
        self._spec.model = self._card.name
        self._numbers()
        self._size()
        self._frames()
        self._cache()
        spec, rate = self._spec, self._spec.frame_rate
        exact = Fraction(rate.numerator, rate.denominator) if spec.HasField("frame_rate") else self._card.frame_rate
        spec.frame_rate.numerator, spec.frame_rate.denominator = exact.numerator, exact.denominator
        if spec.style and not spec.style_strength:
            spec.style_strength = 1.0
        return Filled(spec, tuple(self._changes))

    @property
    def _preset(self) -> int:
        return self._spec.preset or pb.GENERATION_PRESET_PREVIEW

    def _open(self, field: str) -> float:
        """What a field that was left open is taken as."""
        own = 0 if self._spec.preset else getattr(self._card.defaults, field)
        value: float = own or getattr(PRESETS[self._preset], field)
        return value

    def _numbers(self) -> None:
        spec = self._spec
        recipe = next((recipe for recipe in self._card.recipes if recipe.name == spec.recipe), None)
        if recipe is not None:
            self._recipe(recipe)
            return
        if not spec.steps:
            more = QUALITY_STEPS if spec.profile == pb.GENERATION_PROFILE_QUALITY else 1.0
            spec.steps = min(ceil(self._open("steps") * more), MOST_STEPS)
        for field in ("guidance_scale", "guidance_scale_2", "flow_shift"):
            value = getattr(spec, field)
            if not value:
                setattr(spec, field, self._open(field))
            elif field != "flow_shift" and value < 1:
                self._take(field, 1.0, "guidance is from 1 on, which is none")

    def _recipe(self, recipe: Recipe) -> None:
        for field in ("steps", "guidance_scale", "guidance_scale_2", "flow_shift"):
            value = getattr(recipe, field)
            if getattr(self._spec, field):
                self._take(field, value, f"the recipe {recipe.name} says it")
            else:
                setattr(self._spec, field, value)
        worn = {lora.name for lora in self._spec.loras}
        for name, strength, strength_2 in recipe.loras:
            # Named by the spec, it is of the spec's strength.
            if name not in worn:
                self._spec.loras.add(name=name, strength=strength, strength_2=strength_2)

    def _cache(self) -> None:
        """A distilled model's few steps differ too much for any of them to be taken over."""
        spec = self._spec
        if not spec.step_cache:
            speed = spec.profile == pb.GENERATION_PROFILE_SPEED and not spec.recipe
            spec.step_cache = pb.STEP_CACHE_FIRST_BLOCK if speed else pb.STEP_CACHE_NONE

    def _size(self) -> None:
        spec, card = self._spec, self._card
        given = {side: getattr(spec, side) for side in ("width", "height")}
        wanted = self._wanted(self._shape)
        made = self._made(wanted)
        plain = self._wanted(None)
        unshaped = self._made(plain)
        too_large = wanted[0] > card.max_width or wanted[1] > card.max_height
        for index, side in enumerate(("width", "height")):
            taken = made[index]
            if given[side]:
                reason = (
                    f"{card.model} makes {card.max_width}x{card.max_height} at the most"
                    if too_large
                    else f"{card.model} makes multiples of {card.size_multiple}"
                )
                self._take(side, taken, reason)
                continue
            setattr(spec, side, taken)
            if taken != plain[index]:
                same = taken == unshaped[index]
                why = f"{card.model} makes no such size" if same else "the given picture is of another shape"
                self._told(side, f"{plain[index]} of {name_of(self._preset)}", taken, why)

    def _made(self, size: tuple[int, int]) -> tuple[int, int]:
        """The nearest size that the model makes; one beyond its largest keeps its shape."""
        card, (width, height) = self._card, size
        smaller = min(1.0, card.max_width / width, card.max_height / height)
        return (
            _nearest(width * smaller, card.size_multiple, card.max_width),
            _nearest(height * smaller, card.size_multiple, card.max_height),
        )

    def _wanted(self, shape: Fraction | None) -> tuple[int, int]:
        """The size with its open sides as the usual size has them, or as a picture of so much width for a height of 1.
        The model may not make it."""
        width, height = self._spec.width, self._spec.height
        usual = (int(self._open("width")), int(self._open("height")))
        if not width and not height:
            return usual if shape is None else _shaped(usual, shape, self._card)
        ratio = Fraction(*usual) if shape is None else shape
        return width or max(round(height * ratio), 1), height or max(round(width / ratio), 1)

    def _frames(self) -> None:
        spec, card = self._spec, self._card
        given = spec.frame_count
        wanted = given or int(self._open("frame_count"))
        if not given and not spec.preset:
            # Only who asks for a longer clip has it put together.
            wanted = min(wanted, card.max_frames)
        most = MOST_FRAMES if continues(card, self._cards) else card.max_frames
        parts = max(round((wanted - 1) / card.frame_multiple - 1e-9), 0)
        taken = min(parts, (most - 1) // card.frame_multiple) * card.frame_multiple + 1
        if wanted > most:
            reason = f"{card.model} makes {card.max_frames} frames"
            if most == card.max_frames:
                reason += f", and {card.image_form or 'no model'}, which could go on from the last, is not beside it"
        else:
            reason = f"{card.model} makes multiples of {card.frame_multiple}, plus 1"
        spec.frame_count = taken
        if taken != wanted:
            self._told("frame_count", f"{wanted}{'' if given else ' of ' + name_of(self._preset)}", taken, reason)

    def _take(self, field: str, value: float, reason: str) -> None:
        given = getattr(self._spec, field)
        setattr(self._spec, field, value)
        if given != value:
            self._told(field, f"{given:g}", value, reason)

    def _told(self, field: str, given: str, taken: float, reason: str) -> None:
        self._changes.append(pb.Adjustment(field=f"spec.{field}", given=given, taken=f"{taken:g}", reason=reason))


def continues(card: ModelCard, cards: Mapping[str, ModelCard]) -> bool:
    """Whether a clip of the model can be longer than it makes at once: something can go on from its last frame.

    A model that itself is not there goes by what is known of its image form.
    """
    form = with_absent(cards).get(card.image_form)
    if form is None or card.apart or "first" not in form.pictures:
        return False
    return form.available or not card.available


def _nearest(value: float, multiple: int, most: int) -> int:
    """The multiple that is nearest, the smaller of two, within bounds."""
    return int(min(max(ceil(value / multiple - 0.5), 1), most // multiple) * multiple)


def _shaped(usual: tuple[int, int], shape: Fraction, card: ModelCard) -> tuple[int, int]:
    """A size that the model makes, of about as many pixels as the usual one, and so much width for a height of 1.

    The usual size itself, or that on its side, where it is nearly of the shape: models are best at the sizes that they
    were made for. Else of the sizes around the one whose shape is nearest.
    """
    for width, height in (usual, usual[::-1]):
        if abs(log(shape * height / width)) < _ALIKE and width <= card.max_width and height <= card.max_height:
            return width, height
    down = sqrt(usual[0] * usual[1] / shape)
    smaller = min(1.0, card.max_width / (down * shape), card.max_height / down)
    pixels = down * down * shape * smaller**2
    sizes = [
        (width, height)
        for width in _around(down * shape * smaller, card.size_multiple, card.max_width)
        for height in _around(down * smaller, card.size_multiple, card.max_height)
    ]
    return min(sizes, key=lambda size: (abs(log(shape * size[1] / size[0])), abs(log(size[0] * size[1] / pixels))))


def _around(value: float, multiple: int, most: int) -> set[int]:
    """The multiples to both sides of it, within bounds."""
    return {
        min(max(side, 1), most // multiple) * multiple for side in (floor(value / multiple), ceil(value / multiple))
    }


def _given(spec: GenerationSpec, pictures: Collection[str]) -> set[str]:
    return {*pictures, *(["first"] if spec.image else []), *(["last"] if spec.last_image else [])}


def _picture_problems(spec: GenerationSpec, card: ModelCard, pictures: Collection[str]) -> list[Violation]:
    given = _given(spec, pictures)
    if card.kind == "image" and "first" not in given:
        return [Violation("spec.image", f"is needed: {card.model} goes on from a first picture")]
    fields = {"first": "spec.image", "last": "spec.last_image"}
    problems = [
        Violation(fields[picture], f"is of no use to {card.model}; {card.image_form or 'another model'} takes it")
        for picture in sorted(given - set(card.pictures))
    ]
    if "last" in given and "first" not in given and not problems:
        problems.append(Violation("spec.last_image", "needs a first picture beside it: spec.image"))
    return problems


def _rate_problems(spec: GenerationSpec) -> list[Violation]:
    rate = spec.frame_rate
    if not spec.HasField("frame_rate"):
        return []
    if rate.denominator > 0 and 0 < Fraction(rate.numerator, rate.denominator) <= MAX_FRAME_RATE:
        return []
    return [Violation("spec.frame_rate", f"must lie above 0 and up to {MAX_FRAME_RATE} frames a second")]


def _addition_problems(spec: GenerationSpec, card: ModelCard) -> list[Violation]:
    problems = []
    recipes = [recipe.name for recipe in card.recipes]
    if spec.recipe and spec.recipe not in recipes:
        there = ", ".join(recipes) or "none"
        problems.append(Violation("spec.recipe", f"{spec.recipe} does not lie beside {card.model}; there are: {there}"))
    for index, lora in enumerate(spec.loras):
        if lora.name not in card.loras:
            there = ", ".join(card.loras) or "none"
            problems.append(
                Violation(f"spec.loras[{index}]", f"{lora.name} does not lie beside {card.model}; there are: {there}")
            )
    if spec.step_cache == pb.STEP_CACHE_MAGNITUDE and not card.magnitudes:
        problems.append(Violation("spec.step_cache", f"{_UNMEASURED} {card.model}; FIRST_BLOCK needs nothing"))
    return problems


def _following_problems(spec: GenerationSpec, card: ModelCard, follower: ModelCard) -> list[Violation]:
    """What the model has beside it, and the one that goes on from its last frame has not."""
    after = f"{follower.model}, which goes on after {windows(spec.frame_count, card)[0]} of {spec.frame_count} frames"
    problems = [
        Violation(f"spec.loras[{index}]", f"{lora.name} does not lie beside {after}")
        for index, lora in enumerate(spec.loras)
        if lora.name not in follower.loras
    ]
    if spec.step_cache == pb.STEP_CACHE_MAGNITUDE and not follower.magnitudes:
        problems.append(Violation("spec.step_cache", f"{_UNMEASURED} {after}"))
    return problems


def _invalid(problems: list[Violation]) -> InvalidArgument:
    summary = "; ".join(f"{problem.field} {problem.description}" for problem in problems)
    return InvalidArgument(f"the generation cannot be made: {summary}", violations=problems)
