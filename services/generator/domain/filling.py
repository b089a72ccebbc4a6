"""What a spec leaves open, filled in, and what cannot be made taken as the nearest that can."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, log, sqrt

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1.messages_pb2 import GenerationSpec
from services.generator.domain.models import ModelCard, Recipe, with_absent
from services.generator.domain.possible import require_followed, require_possible
from services.generator.domain.presets import MOST_STEPS, PRESETS, QUALITY_STEPS, name_of
from services.generator.domain.windows import windows

MOST_FRAMES = 1000
_ALIKE = log(1.05)
"""Shapes that differ by less, of which a twentieth is cut off, are taken for the same."""


@dataclass(frozen=True)
class Filled:
    """A spec with nothing left open that its model can make, and what was changed on the way."""

    spec: GenerationSpec
    adjustments: tuple[pb.Adjustment, ...]


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
        require_followed(found.spec, card, follower)
    return found


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
