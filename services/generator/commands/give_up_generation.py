"""Fail a generation whose work item became a dead letter: every worker that took it died."""

from __future__ import annotations

from artifex.common.v1.types_pb2 import Failure
from artifex.generator.v1.work_pb2 import GenerateWork
from libs.chassis.clock import utcnow
from services.generator.commands.announce import announce_end
from services.generator.domain.generation import State, id_of
from services.generator.ports import Checkpoints, Store


async def give_up_generation(store: Store, checkpoints: Checkpoints, work: GenerateWork, failure: Failure) -> None:
    async with store.transaction() as unit:
        generation = await unit.lock(work.actor.tenant, id_of(work.generation))
        # A paused one waits for another item.
        if generation is not None and not generation.state.ended and generation.state is not State.PAUSED:
            generation.fail(failure, utcnow())
            await unit.save(generation)
            await announce_end(unit, generation)
    if generation is not None and generation.state.ended:
        await checkpoints.drop(generation.tenant, generation.id)
