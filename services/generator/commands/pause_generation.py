"""Put a generation down within one denoising step, to be taken up at its last checkpoint."""

from __future__ import annotations

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.generator.domain.generation import Generation, State, id_of
from services.generator.ports import Cancellations, Store


async def pause_generation(store: Store, cancellations: Cancellations, caller: Principal, name: str) -> Generation:
    """The generation, paused; repeating it changes nothing.

    Raises NotFound when the caller's tenant has none of that name, FailedPrecondition when it has ended.
    """
    async with store.transaction() as unit:
        generation = await unit.lock(caller.tenant, id_of(name))
        if generation is None:
            raise NotFound(name)
        key = generation.pause_key
        if generation.state is State.PAUSED:
            return generation
        generation.pause()
        await unit.save(generation)
    # Whoever runs it sees at its next step that it is paused; this only makes it hear sooner.
    await cancellations.cancel(key)
    return generation
