"""Specs: which model makes one, whether it is there, and how its steps are made."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import FailedPrecondition, Violation
from services.generator.domain.filling import filled
from services.generator.domain.models import COLLECTION, ModelCard, with_absent
from services.generator.domain.possible import given_pictures, refusal

_SEEDS = 2**63
_RESEED = 2**31


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
        if given_pictures(spec, pictures) and model in every and every[model].image_form in every:
            model = every[model].image_form
    card = every.get(model)
    if card is None:
        known = ", ".join(sorted(cards)) or "none"
        raise refusal([Violation("spec.model", f"there is no model {model}; there are: {known}")])
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


def sampling(spec: GenerationSpec, card: ModelCard) -> tuple[str, tuple[float, ...]]:
    """The sampler of a filled spec, and each step's noise where a recipe says it."""
    recipe = next((recipe for recipe in card.recipes if recipe.name == spec.recipe), None)
    return ("unipc", ()) if recipe is None else (recipe.sampler, recipe.sigmas)


def reseeded(spec: GenerationSpec) -> GenerationSpec:
    """The same clip of other noise: always the same other one, so that a generation that needed it can be repeated."""
    other = GenerationSpec()
    other.CopyFrom(spec)
    # Far from the seeds beside it, which people try next, and which a longer clip's later windows have.
    other.seed = (spec.seed + _RESEED) % _SEEDS
    return other
