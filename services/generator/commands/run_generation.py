"""Do the work of one generation: the worker's use case.

Safe to run any number of times, also after a worker died half-way: the record says what is done already, the clip is
named by its content, and the result is stored and announced in one transaction.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import aclosing

from artifex.common.v1.types_pb2 import Blob, Failure
from artifex.generator.v1.messages_pb2 import GenerationSpec
from artifex.generator.v1.work_pb2 import GenerateWork
from artifex.media.v1.messages_pb2 import MediaInfo
from libs.chassis.clock import utcnow
from libs.chassis.errors import ArtifexError, InvalidArgument
from libs.chassis.interruption import Interrupted, unless_set
from libs.chassis.rpc.failures import to_failure
from libs.chassis.telemetry import current_trace_id, meter, tracer
from services.generator import messages
from services.generator.commands.announce import announce_end
from services.generator.domain.generation import Generation, State, id_of, run_key
from services.generator.domain.spec import content_key, resolve
from services.generator.ports import (
    Cancellations,
    Checkpoint,
    Checkpoints,
    Finished,
    FrameBytes,
    Masters,
    ModelServer,
    Resumed,
    StepDone,
    Store,
)

_log = logging.getLogger(__name__)
_tracer = tracer(__name__)


class GenerationRunner:
    def __init__(
        self,
        *,
        store: Store,
        server: ModelServer,
        masters: Masters,
        checkpoints: Checkpoints,
        cancellations: Cancellations,
        default_model: str,
        checkpoint_every: int,
        notify: Callable[[], None],
    ) -> None:
        """`checkpoint_every`: steps from one checkpoint to the next. `notify` is called after every stored change."""
        self._store = store
        self._server = server
        self._masters = masters
        self._checkpoints = checkpoints
        self._checkpoint_every = checkpoint_every
        self._cancellations = cancellations
        self._default_model = default_model
        self._notify = notify
        self._seconds = meter(__name__).create_histogram(
            "artifex.generation.duration", unit="s", description="From the first step to the stored clip"
        )

    async def run(self, work: GenerateWork, *, delivery: int, last_attempt: bool) -> None:
        """Bring the generation to an end, whatever it takes.

        `delivery` counts the deliveries of this work item. Raises what may pass, such as Unavailable, so that the item
        comes again; on the last attempt that too fails the generation instead.
        """
        generation = await self._accept(work)
        if generation.state.ended:
            return
        try:
            # Whoever cancels either stops the model within a step.
            cancelled = [self._cancellations.event(key) for key in (work.generation, work.job) if key]
            await unless_set(self._make(generation, delivery), *cancelled)
        except Interrupted:
            await self._end(generation, lambda found: found.cancel(utcnow()))
        except ArtifexError as error:
            if not _final(error) and not last_attempt:
                raise
            await self._fail(generation, to_failure(error))
        except Exception as error:
            if not last_attempt:
                raise
            await self._fail(generation, to_failure(error))

    async def _accept(self, work: GenerateWork) -> Generation:
        """The record of the work item. One that had ended already is announced again, to whoever waits now."""
        tenant, generation_id = work.actor.tenant, id_of(work.generation)
        async with self._store.transaction() as unit:
            new = Generation(
                tenant=tenant,
                id=generation_id,
                subject=work.actor.subject,
                spec=work.spec,
                create_time=utcnow(),
                trace_id=current_trace_id(),
                job=work.job,
                task=work.task,
                attempt=work.attempt,
            )
            if await unit.insert(new):
                return new
            found = await unit.lock(tenant, generation_id)
            assert found is not None  # generations are never deleted
            if (found.job, found.task, found.attempt) != (work.job, work.task, work.attempt):
                found.job, found.task, found.attempt = work.job, work.task, work.attempt
                await unit.save(found)
            if found.state.ended:
                await announce_end(unit, found)
        self._notify()
        return found

    async def _make(self, generation: Generation, delivery: int) -> None:
        began = time.monotonic()
        spec, card = resolve(generation.spec, await self._server.models(), self._default_model)
        key = content_key(generation.tenant, spec, card.weights_digest)
        if not await self._started(generation, lambda found: found.start(spec, card, key, utcnow())):
            return
        if await self._reused(generation, key):
            return
        with _tracer.start_as_current_span("load model", attributes={"artifex.model": card.model}):
            await self._server.load(card.model)
        blob, media, device = await self._clip(generation, card.model, spec, delivery, run_key(generation.id, key))
        await self._end(generation, lambda found: found.succeed(blob, media, device, utcnow()))
        self._seconds.record(time.monotonic() - began, {"model": card.model, "device": device})

    async def _reused(self, generation: Generation, key: str) -> bool:
        """Take over the clip of an equal generation, if there is one and its bytes still are."""
        equal = await self._store.find_equal(generation.tenant, key)
        if equal is None or equal.result is None or equal.media is None:
            return False
        if not await self._masters.exists(generation.tenant, equal.result):
            return False
        blob, media, device = equal.result, equal.media, equal.device
        _log.info("%s is the same clip as %s", generation.name, equal.name)
        await self._end(generation, lambda found: found.succeed(blob, media, device, utcnow()))
        return True

    async def _clip(
        self, generation: Generation, model: str, spec: GenerationSpec, delivery: int, run: str
    ) -> tuple[Blob, MediaInfo, str]:
        saved = await self._checkpoints.get(generation.tenant, run)
        try:
            return await self._made(generation, model, spec, delivery, run, saved)
        except InvalidArgument as error:
            if not saved or [violation.field for violation in error.violations] != ["spec.resume"]:
                raise
            # Of another version of the model server, say: the steps are made again.
            _log.warning("%s cannot go on from its checkpoint: %s", generation.name, error)
            await self._checkpoints.drop(generation.tenant, run)
            return await self._made(generation, model, spec, delivery, run, b"")

    async def _made(
        self, generation: Generation, model: str, spec: GenerationSpec, delivery: int, run: str, saved: bytes
    ) -> tuple[Blob, MediaInfo, str]:
        device = ""
        events = self._server.generate(model, spec, checkpoint_every=self._checkpoint_every, resume=saved)
        async with self._masters.record(spec) as master, aclosing(events) as stream:
            async for event in stream:
                match event:
                    case Resumed(step):
                        _log.info("%s goes on from step %d", generation.name, step)
                        await self._progressed(generation, step, delivery)
                    case StepDone(step):
                        await self._progressed(generation, step, delivery)
                    case Checkpoint():
                        await self._checkpoints.put(generation.tenant, run, event)
                    case FrameBytes(data):
                        await master.append(data)
                    case Finished():
                        device = event.device
            with _tracer.start_as_current_span("store clip"):
                blob, media = await master.store(generation.tenant)
        return blob, media, device

    async def _started(self, generation: Generation, change: Callable[[Generation], None]) -> bool:
        """False when the generation has ended meanwhile."""
        async with self._store.transaction() as unit:
            found = await unit.lock(generation.tenant, generation.id)
            assert found is not None
            if found.state.ended:
                return False
            change(found)
            await unit.save(found)
            await unit.announce(
                messages.event_subject(found, "started"),
                messages.started_event(found),
                key=messages.event_key(found, "started"),
            )
        self._notify()
        return True

    async def _progressed(self, generation: Generation, step: int, delivery: int) -> None:
        async with self._store.transaction() as unit:
            found = await unit.lock(generation.tenant, generation.id)
            assert found is not None
            if found.state is not State.RUNNING:
                raise Interrupted
            found.progress(step)
            await unit.save(found)
            await unit.announce(
                messages.event_subject(found, "progressed"),
                messages.progressed_event(found),
                # A second run of the same steps has news of its own.
                key=messages.event_key(found, f"progressed/{delivery}/{step}"),
            )
        self._notify()

    async def _fail(self, generation: Generation, failure: Failure) -> None:
        await self._end(generation, lambda found: found.fail(failure, utcnow()))

    async def _end(self, generation: Generation, change: Callable[[Generation], None]) -> None:
        """Store and announce an end; the first end that is stored stands."""
        async with self._store.transaction() as unit:
            found = await unit.lock(generation.tenant, generation.id)
            assert found is not None
            if found.state.ended:
                return
            change(found)
            await unit.save(found)
            await announce_end(unit, found)
        await self._checkpoints.drop(found.tenant, run_key(found.id, found.content_key))
        self._notify()


def _final(error: ArtifexError) -> bool:
    """Whether the same work would fail the same way again; a model that breaks on a spec does."""
    return error.permanent or error.reason == "ERROR_REASON_MODEL_FAILED"
