"""Queue a paused generation again."""

from __future__ import annotations

from libs.chassis.clock import utcnow
from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.generator.commands.announce import announce_work
from services.generator.domain.generation import Generation, id_of
from services.generator.ports import Store


async def resume_generation(store: Store, caller: Principal, name: str) -> Generation:
    """The generation as it is then; nothing happens to one that waits or runs.

    Raises NotFound when the caller's tenant has none of that name, FailedPrecondition when it has ended.
    """
    async with store.transaction() as unit:
        generation = await unit.lock(caller.tenant, id_of(name))
        if generation is None:
            raise NotFound(name)
        if generation.resume(utcnow()):
            await unit.save(generation)
            await announce_work(unit, generation)
    return generation
