"""One generation."""

from __future__ import annotations

from collections.abc import Sequence

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.generator.domain.generation import Generation, State, id_of
from services.generator.ports import Store


async def get_generation(store: Store, caller: Principal, name: str) -> Generation:
    """Raises NotFound when the caller's tenant has none of that name."""
    generation = await store.get(caller.tenant, id_of(name))
    if generation is None:
        raise NotFound(name)
    return generation


async def places(store: Store, generations: Sequence[Generation]) -> list[int]:
    """How many are before each in the queue; 0 for those that do not wait."""
    return [await store.ahead(found) if found.state is State.QUEUED else 0 for found in generations]
