"""Specs: defaults filled in, checked against the model, and the key of the result."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction

from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import InvalidArgument, Violation
from services.generator.domain.models import COLLECTION, ModelCard

MAX_FRAME_RATE = 240


def resolve(
    spec: GenerationSpec, cards: Mapping[str, ModelCard], default_model: str
) -> tuple[GenerationSpec, ModelCard]:
    """The spec with its model and frame rate filled in, and the model's card.

    `cards` are by id, as is `default_model`. Raises InvalidArgument that names each wrong field: an unknown model, a
    size or length that the model cannot make, a frame rate that is none.
    """
    model = spec.model.removeprefix(f"{COLLECTION}/") or default_model
    card = cards.get(model)
    if card is None:
        known = ", ".join(sorted(cards)) or "none"
        raise _invalid([Violation("spec.model", f"there is no model {model}; there are: {known}")])
    problems = [
        *_size_problems("width", spec.width, card.max_width, card.size_multiple),
        *_size_problems("height", spec.height, card.max_height, card.size_multiple),
    ]
    count = spec.frame_count
    if not 1 <= count <= card.max_frames or (count - 1) % card.frame_multiple:
        expected = f"a multiple of {card.frame_multiple} plus 1, up to {card.max_frames}"
        problems.append(Violation("spec.frame_count", f"must be {expected}, not {count}"))
    rate = spec.frame_rate
    if spec.HasField("frame_rate") and not (
        rate.denominator > 0 and 0 < Fraction(rate.numerator, rate.denominator) <= MAX_FRAME_RATE
    ):
        problems.append(Violation("spec.frame_rate", f"must lie above 0 and up to {MAX_FRAME_RATE} frames a second"))
    if problems:
        raise _invalid(problems)

    resolved = GenerationSpec()
    resolved.CopyFrom(spec)
    resolved.model = card.name
    exact = Fraction(rate.numerator, rate.denominator) if spec.HasField("frame_rate") else card.frame_rate
    resolved.frame_rate.numerator, resolved.frame_rate.denominator = exact.numerator, exact.denominator
    return resolved, card


def content_key(tenant: str, spec: GenerationSpec, weights_digest: str, pictures: Sequence[str] = ()) -> str:
    """The same for two resolved specs of a tenant exactly when their clips are the same.

    `pictures`: digests of the files that the clip begins and ends with; two assets may be of one file.
    """
    digest = hashlib.sha256()
    told = GenerationSpec()
    told.CopyFrom(spec)
    told.ClearField("image")
    told.ClearField("last_image")
    parts = [tenant.encode(), weights_digest.encode(), told.SerializeToString(deterministic=True)]
    for part in (*parts, *(picture.encode() for picture in pictures)):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _size_problems(side: str, value: int, maximum: int, multiple: int) -> list[Violation]:
    if multiple <= value <= maximum and value % multiple == 0:
        return []
    return [Violation(f"spec.{side}", f"must be a multiple of {multiple} up to {maximum} pixels, not {value}")]


def _invalid(problems: list[Violation]) -> InvalidArgument:
    summary = "; ".join(f"{problem.field} {problem.description}" for problem in problems)
    return InvalidArgument(f"the generation cannot be made: {summary}", violations=problems)
