"""The models that this installation can run."""

from __future__ import annotations

from collections.abc import Sequence

from services.generator.domain.models import ModelCard
from services.generator.ports import ModelLists


async def list_models(server: ModelLists, after: str, limit: int) -> Sequence[tuple[ModelCard, bool]]:
    """At most `limit` cards with ids above `after`, in the order of their ids, each with whether it is loaded."""
    cards = await server.models()
    loaded = await server.loaded()
    return [(cards[model], model in loaded) for model in sorted(cards) if model > after][:limit]
