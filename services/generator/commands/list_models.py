"""The models that this installation can run, and those that it could."""

from __future__ import annotations

from collections.abc import Sequence

from services.generator.domain.models import ModelCard, with_absent
from services.generator.ports import ModelLists


async def list_models(server: ModelLists, after: str, limit: int) -> Sequence[tuple[ModelCard, bool]]:
    """At most `limit` cards with ids above `after`, in the order of their ids, each with whether it is loaded.

    Those of known models whose weights are not there are among them, and say what to put where.
    """
    cards = with_absent(await server.models())
    loaded = await server.loaded()
    return [(cards[model], model in loaded) for model in sorted(cards) if model > after][:limit]
