"""What a clip begins and ends with, and whether its model takes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from artifex.generator.v1.messages_pb2 import GenerationSpec
from artifex.generator.v1.work_pb2 import GivenPicture
from libs.chassis.errors import InvalidArgument, Violation
from services.generator.domain.models import ModelCard

FIRST = GivenPicture.ROLE_FIRST
LAST = GivenPicture.ROLE_LAST
NAMES = {FIRST: "first", LAST: "last"}
"""What the model server calls them."""


def wanted(spec: GenerationSpec) -> frozenset[GivenPicture.Role.ValueType]:
    """What the spec itself names."""
    return frozenset(role for role, name in ((FIRST, spec.image), (LAST, spec.last_image)) if name)


def roles(pictures: Sequence[GivenPicture]) -> frozenset[GivenPicture.Role.ValueType]:
    return frozenset(picture.role for picture in pictures)


def check_pictures(card: ModelCard, given: frozenset[GivenPicture.Role.ValueType]) -> None:
    """Raises InvalidArgument that names each field in which the model is given too little or too much."""
    problems = list(_problems(card, given))
    if problems:
        summary = "; ".join(f"{problem.field} {problem.description}" for problem in problems)
        raise InvalidArgument(f"the generation cannot be made: {summary}", violations=problems)


def _problems(card: ModelCard, given: frozenset[GivenPicture.Role.ValueType]) -> Iterator[Violation]:
    if card.kind == "image" and FIRST not in given:
        yield Violation("spec.image", f"is missing: {card.model} goes on from a picture")
    if card.kind == "text" and FIRST in given:
        yield Violation("spec.image", f"is nothing to {card.model}, which is given words alone")
    if LAST in given and card.kind != "image":
        yield Violation("spec.last_image", f"is nothing to {card.model}, which goes to no last picture")


def digests(pictures: Sequence[GivenPicture]) -> tuple[str, ...]:
    """SHA-256 of each, first and last."""
    return tuple(picture.blob.digest for picture in sorted(pictures, key=lambda picture: picture.role))
