"""What a clip follows from, as one key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from artifex.generator.v1.messages_pb2 import GenerationSpec
from services.generator.domain.models import ModelCard
from services.generator.domain.prompts.told import Told
from services.generator.domain.spec import content_key
from services.generator.domain.windows import windows


def clip_key(
    tenant: str,
    spec: GenerationSpec,
    card: ModelCard,
    cards: Mapping[str, ModelCard],
    pictures: Sequence[str],
    told: Told,
) -> str:
    """The content key of the clip of a filled spec; see `content_key`. The same before the clip is made and then.

    `card` is that of its model, `cards` are those that are there, by id, `pictures` the SHA-256 of each given
    one, first and last.
    """
    follower = follower_of(spec, card, cards)
    weights = "+".join(dict.fromkeys((card.weights_digest, follower.weights_digest)))
    return content_key(tenant, spec, weights, pictures, (told.prompt, told.negative))


def follower_of(spec: GenerationSpec, card: ModelCard, cards: Mapping[str, ModelCard]) -> ModelCard:
    """The card of what goes on from a last frame, where the clip is longer than the model makes at once; else its own,
    since the weights of one that makes nothing do not count."""
    return cards[card.image_form] if len(windows(spec.frame_count, card)) > 1 else card
