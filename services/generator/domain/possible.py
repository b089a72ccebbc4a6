"""Whether a model can make what a spec asks for, told field by field."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import InvalidArgument, Violation
from services.generator.domain.models import MAX_FRAME_RATE, ModelCard
from services.generator.domain.windows import windows

_UNMEASURED = "MAGNITUDE goes by magnitudes.json, which does not lie beside"


def require_possible(spec: GenerationSpec, card: ModelCard, pictures: Collection[str] = ()) -> None:
    """Raises InvalidArgument that names each wrong field: pictures, LoRAs or recipes that the model has no use for, a
    frame rate that is none. What the prompt says is another's matter: `told`."""
    problems = [*_picture_problems(spec, card, pictures), *_rate_problems(spec), *_addition_problems(spec, card)]
    if problems:
        raise refusal(problems)


def require_followed(spec: GenerationSpec, card: ModelCard, follower: ModelCard) -> None:
    """Raises InvalidArgument that names what of a filled spec the model has beside it, and the one that goes on from
    its last frame has not."""
    after = f"{follower.model}, which goes on after {windows(spec.frame_count, card)[0]} of {spec.frame_count} frames"
    problems = [
        Violation(f"spec.loras[{index}]", f"{lora.name} does not lie beside {after}")
        for index, lora in enumerate(spec.loras)
        if lora.name not in follower.loras
    ]
    if spec.step_cache == pb.STEP_CACHE_MAGNITUDE and not follower.magnitudes:
        problems.append(Violation("spec.step_cache", f"{_UNMEASURED} {after}"))
    if problems:
        raise refusal(problems)


def given_pictures(spec: GenerationSpec, pictures: Collection[str]) -> set[str]:
    """Which of "first" and "last" the spec names, or `pictures` says are given beside it."""
    return {*pictures, *(["first"] if spec.image else []), *(["last"] if spec.last_image else [])}


def refusal(problems: list[Violation]) -> InvalidArgument:
    """What is raised for a spec with these faults."""
    summary = "; ".join(f"{problem.field} {problem.description}" for problem in problems)
    return InvalidArgument(f"the generation cannot be made: {summary}", violations=problems)


def _picture_problems(spec: GenerationSpec, card: ModelCard, pictures: Collection[str]) -> list[Violation]:
    given = given_pictures(spec, pictures)
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
