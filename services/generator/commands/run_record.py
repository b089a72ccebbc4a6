"""What is stored and told of one run of a generation, by the worker that has it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from artifex.common.v1.types_pb2 import Blob
from artifex.generator.v1.messages_pb2 import GenerationPlan
from libs.chassis.clock import utcnow
from libs.chassis.interruption import Interrupted
from services.generator import messages
from services.generator.commands.announce import announce_end
from services.generator.domain.generation import Generation, State
from services.generator.domain.models import ModelCard
from services.generator.domain.prompts.told import Told
from services.generator.domain.provenance import begun
from services.generator.ports import Checkpoints, Store, Unit


class RunRecord:
    def __init__(
        self,
        store: Store,
        checkpoints: Checkpoints,
        generation: Generation,
        *,
        notify: Callable[[], None],
        spent: Callable[[Generation, float], None],
    ) -> None:
        """`generation`: as it was when the run was accepted. `notify` is called after every stored change, `spent` with
        the seconds for which a device was had since it was last called."""
        self.generation = generation
        self.furthest = 0
        """Steps that were made of it, at most."""
        self.told: Told | None = None
        """What the model is told, once that is known."""
        self.at_work = False
        """Whether a model server has been given it."""
        self._store = store
        self._checkpoints = checkpoints
        self._notify = notify
        self._spent = spent

    async def started(
        self, plan: GenerationPlan, card: ModelCard, follower: ModelCard, key: str, parts: int, told: Told
    ) -> None:
        """A model is about to make what was planned, and `follower` what goes on from it: `key` its content key,
        `parts` its windows. Raises Interrupted."""
        self.at_work = True
        async with self._changed() as (unit, found):
            found.plan = plan
            found.start(plan.spec, card, key, utcnow(), parts)
            found.provenance = begun(found, card, follower, told)
            await unit.announce(
                messages.event_subject(found, "started"),
                messages.started_event(found),
                key=messages.event_key(found, "started"),
            )

    def reached(self, step: int) -> None:
        """So many steps are made; nobody need be told yet."""
        self.furthest = max(self.furthest, step)

    async def progressed(self, step: int, seconds_left: float | None, device_seconds: float) -> None:
        """So many steps are made; `device_seconds` were spent since it was last told. Raises Interrupted.

        `seconds_left`: until the last step is; None where that is not known.
        """
        self.reached(step)
        self._spent(self.generation, device_seconds)
        async with self._changed() as (unit, found):
            found.progress(step, seconds_left)
            found.device_seconds += device_seconds
            await unit.announce(
                messages.event_subject(found, "progressed"),
                messages.progressed_event(found),
                # Of every stored change its own: a second run of the same steps has news of its own.
                key=messages.event_key(found, f"progressed/{found.revision}"),
            )

    async def previewed(self, preview: Blob) -> None:
        """Raises Interrupted."""
        async with self._changed() as (_, found):
            found.preview = preview

    async def noted(self, note: str) -> None:
        """Something is done otherwise than planned; kept with the provenance. Raises Interrupted."""
        async with self._changed() as (_, found):
            assert found.provenance is not None  # it was started
            # A run that was taken up again may come to the same once more.
            if note not in found.provenance.notes:
                found.provenance.notes.append(note)

    async def ended(self, change: Callable[[Generation], None]) -> None:
        """Store and announce an end; the first end that is stored stands, and a pause outlives its run."""
        async with self._store.transaction() as unit:
            found = await unit.lock(self.generation.tenant, self.generation.id)
            assert found is not None  # generations are never deleted
            if not found.state.ended and found.pauses == self.generation.pauses:
                change(found)
                await unit.save(found)
                await announce_end(unit, found)
        if found.state.ended:
            # Perhaps somebody cancelled it, and this run has put one down since.
            await self._checkpoints.drop(found.tenant, found.id)
        self._notify()

    @asynccontextmanager
    async def _changed(self) -> AsyncIterator[tuple[Unit, Generation]]:
        """The record, to be changed; raises Interrupted where it has ended or was paused since the run began."""
        async with self._store.transaction() as unit:
            found = await unit.lock(self.generation.tenant, self.generation.id)
            assert found is not None
            if found.state not in (State.QUEUED, State.RUNNING) or found.pauses != self.generation.pauses:
                raise Interrupted
            yield unit, found
            await unit.save(found)
        self._notify()
