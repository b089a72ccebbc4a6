"""Tell the others what became of a generation, in the transaction that made it so."""

from __future__ import annotations

from services.generator import messages
from services.generator.domain.generation import Generation, State
from services.generator.ports import Unit


async def announce_work(unit: Unit, generation: Generation) -> None:
    """Queue a generation for the workers: for the first time, or again after a pause."""
    await unit.announce(
        messages.work_subject(generation),
        messages.work_item(generation),
        key=f"{generation.name}/work/{generation.pauses}",
    )


async def announce_end(unit: Unit, generation: Generation, *, again: bool = False) -> None:
    """Publish the completed or failed event of an ended generation, for the attempt that waits for it now.

    `again`: it was told before, to somebody else.
    """
    succeeded = generation.state is State.SUCCEEDED
    verb = "completed" if succeeded else "failed"
    await unit.announce(
        messages.event_subject(generation, verb),
        messages.completed_event(generation) if succeeded else messages.failed_event(generation),
        key=messages.event_key(generation, verb),
    )
    if generation.device_seconds and not again:
        await unit.announce(
            f"evt.{generation.tenant}.generator.usage.recorded",
            messages.usage_event(generation),
            key=f"{generation.name}/usage",
        )
    if succeeded and not generation.output_asset:
        await unit.announce(messages.INGEST_SUBJECT, messages.ingest_work(generation), key=f"{generation.name}/ingest")
