"""Stop all that a render job was waiting for, now that it has ended without it."""

from __future__ import annotations

from libs.chassis.clock import utcnow
from services.generator.commands.announce import announce_end
from services.generator.ports import Checkpoints, Store


async def cancel_job(store: Store, checkpoints: Checkpoints, tenant: str, job: str) -> None:
    """Cancel what of the job's generations has not ended: those that are paused, or were left behind by a worker that
    died, have nobody else who would. Whoever has one at work hears of it as every worker of the job does."""
    for generation_id in await store.unended_of(tenant, job):
        # Before its end is stored: ended, it would not be found again if this fails.
        await checkpoints.drop(tenant, generation_id)
        async with store.transaction() as unit:
            found = await unit.lock(tenant, generation_id)
            # Another run of the job may wait for it by now.
            if found is None or found.state.ended or found.job != job:
                continue
            found.cancel(utcnow())
            await unit.save(found)
            await announce_end(unit, found)
