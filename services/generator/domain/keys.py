"""What a clip follows from, as one key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import FailedPrecondition
from services.generator.domain.laying import computed, laid
from services.generator.domain.models import ModelCard
from services.generator.domain.prompts.told import Told
from services.generator.domain.windows import windows


def clip_key(
    tenant: str,
    spec: GenerationSpec,
    card: ModelCard,
    cards: Mapping[str, ModelCard],
    pictures: Sequence[str],
    told: Told,
    load: Mapping[str, str],
    kind: str,
) -> str:
    """The content key of the clip of a filled spec; see `content_key`. The same before the clip is made and then.

    `card` is that of its model, `cards` are those that are there, by id, `pictures` the SHA-256 of each given
    one, first and last. `load` is how the model is to lie in memory, on a `kind` of device; see `laid`.
    """
    makers = (card, follower_of(spec, card, cards))
    weights = "+".join(dict.fromkeys(maker.weights_digest for maker in makers))
    ways = tuple(dict.fromkeys(computed(laid(maker, load), kind) for maker in makers))
    return content_key(tenant, spec, weights, pictures, (told.prompt, told.negative), ways)


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


def follower_of(spec: GenerationSpec, card: ModelCard, cards: Mapping[str, ModelCard]) -> ModelCard:
    """The card of what goes on from a last frame, where the clip is longer than the model makes at once; else its own,
    since the weights of one that makes nothing do not count.

    Raises FailedPrecondition with ERROR_REASON_MODEL_ABSENT where that is not among a server's `cards`.
    """
    if len(windows(spec.frame_count, card)) == 1:
        return card
    found = cards.get(card.image_form)
    if found is None:
        form = card.image_form or "a model"
        raise FailedPrecondition(
            f"the model server that has {card.model} lacks {form}, which goes on from its last frame: put the weights "
            f"of both there, or ask for {card.max_frames} frames at the most",
            reason="ERROR_REASON_MODEL_ABSENT",
            metadata={"model": card.image_form},
        )
    return found
