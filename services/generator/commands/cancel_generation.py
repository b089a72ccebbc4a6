"""Stop a generation within one denoising step."""

from __future__ import annotations

from libs.chassis.clock import utcnow
from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.generator.commands.announce import announce_end
from services.generator.domain.generation import Generation, State, id_of
from services.generator.ports import Cancellations, Checkpoints, Store


async def cancel_generation(
    store: Store, checkpoints: Checkpoints, cancellations: Cancellations, caller: Principal, name: str
) -> Generation:
    """The generation, cancelled; repeating it changes nothing.

    Raises NotFound when the caller's tenant has none of that name, FailedPrecondition when it ended otherwise.
    """
    async with store.transaction() as unit:
        generation = await unit.lock(caller.tenant, id_of(name))
        if generation is None:
            raise NotFound(name)
        if generation.state is not State.CANCELLED:
            generation.cancel(utcnow())
            await unit.save(generation)
            await announce_end(unit, generation)
    await cancellations.cancel(generation.name)
    # A paused one has no worker that would.
    await checkpoints.drop(generation.tenant, generation.id)
    return generation
