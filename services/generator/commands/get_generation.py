"""One generation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.generator.domain.generation import FRONT, Generation, Place, State, id_of
from services.generator.ports import Store


async def get_generation(store: Store, caller: Principal, name: str) -> Generation:
    """Raises NotFound when the caller's tenant has none of that name."""
    generation = await store.get(caller.tenant, id_of(name))
    if generation is None:
        raise NotFound(name)
    return generation


async def places(store: Store, generations: Sequence[Generation], turns: int) -> list[Place]:
    """That of each in the queue, which is worked off so many at a time; the first for those that do not wait."""
    return [await _place(store, found, turns) if found.state is State.QUEUED else FRONT for found in generations]


async def _place(store: Store, generation: Generation, turns: int) -> Place:
    found = await store.place(generation)
    return found if found.seconds is None else replace(found, seconds=found.seconds / turns)
