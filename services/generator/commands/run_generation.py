"""Do the work of one generation: the worker's use case.

Safe to run any number of times, also after a worker died half-way: the record says what is done already, the clip is
named by its content, and the result is stored and announced in one transaction.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from artifex.common.v1.types_pb2 import Failure
from artifex.generator.v1.messages_pb2 import GenerationPlan
from artifex.generator.v1.work_pb2 import GenerateWork
from libs.chassis.clock import utcnow
from libs.chassis.errors import ArtifexError, Internal, Unavailable
from libs.chassis.interruption import Interrupted, unless_set
from libs.chassis.rpc.failures import to_failure
from libs.chassis.telemetry import current_trace_id, meter
from services.generator.commands.announce import announce_end
from services.generator.commands.calibrate import calibrate
from services.generator.commands.make_clip import Clip, ClipMaker, Job
from services.generator.commands.plan_generation import Planner
from services.generator.commands.run_record import RunRecord
from services.generator.commands.tell_prompt import tell_prompt
from services.generator.domain.fallback import fallback
from services.generator.domain.generation import Generation, Priority, State, id_of, run_key
from services.generator.domain.keys import clip_key, follower_of
from services.generator.domain.laying import laid
from services.generator.domain.pictures import digests, names
from services.generator.domain.plan.planner import can_make, require_fit
from services.generator.domain.prompts.told import Told
from services.generator.domain.provenance import asked, load_of, note_cache, note_making, take_over_making, told_of
from services.generator.domain.spec import require_as_planned, require_available, resolve
from services.generator.domain.windows import needed, windows
from services.generator.ports import (
    Calibrations,
    Cancellations,
    Checkpoints,
    Masters,
    ModelServer,
    ModelServers,
    OutOfMemory,
    PromptWriter,
    Store,
)

_log = logging.getLogger(__name__)

_DOWN_SECONDS = 1.0
MOST_LOSSES = 5
"""So often a model server may be lost over the same steps before they are taken for what it dies of."""


class GenerationRunner:
    def __init__(
        self,
        *,
        store: Store,
        servers: ModelServers,
        planner: Planner,
        clips: ClipMaker,
        masters: Masters,
        checkpoints: Checkpoints,
        cancellations: Cancellations,
        calibrations: Calibrations,
        default_model: str,
        writer: PromptWriter,
        refused: Sequence[str],
        notify: Callable[[], None],
    ) -> None:
        """`refused`: terms that no clip is made of. `notify` is called after every stored change."""
        self._store = store
        self._servers = servers
        self._planner = planner
        self._clips = clips
        self._masters = masters
        self._checkpoints = checkpoints
        self._cancellations = cancellations
        self._calibrations = calibrations
        self._default_model = default_model
        self._writer = writer
        self._refused = refused
        self._notify = notify
        numbers = meter(__name__)
        self._seconds = numbers.create_histogram(
            "artifex.generation.duration", unit="s", description="From the first step to the stored clip"
        )
        self._device_seconds = numbers.create_counter(
            "artifex.generation.device_seconds", unit="s", description="For which devices were had, whatever came of it"
        )

    async def run(self, work: GenerateWork, *, priority: Priority, last_attempt: bool) -> None:
        """Bring the generation to an end, whatever it takes, or to a pause.

        `priority` is that of the queue that the work came from. Raises what may pass, such as Unavailable, so that the
        item comes again; on the last attempt that too fails the generation instead.
        """
        generation = await self._accept(work, priority)
        if generation.state.ended:
            # Whoever brought it to its end may have died before it took them away.
            await self._checkpoints.drop(generation.tenant, generation.id)
            return
        # Resumed, it has been queued again, and that item brings it to its end.
        if generation.state is State.PAUSED or work.pauses < generation.pauses:
            return
        record = RunRecord(self._store, self._checkpoints, generation, notify=self._notify, spent=self._spent)
        try:
            # Whoever cancels or pauses stops the model within a step.
            keys = (work.generation, work.job, generation.pause_key)
            stopped = [self._cancellations.event(key) for key in keys if key]
            await unless_set(self._make(record), *stopped)
        except Interrupted:
            await record.ended(lambda found: found.cancel(utcnow()))
        except ArtifexError as error:
            if not _final(error) and not last_attempt:
                raise
            await self._fail(record, to_failure(error))
        except Exception as error:
            if not last_attempt:
                raise
            await self._fail(record, to_failure(error))

    async def _accept(self, work: GenerateWork, priority: Priority) -> Generation:
        """The record of the work item. One that had ended already is announced again, to whoever waits now."""
        tenant, generation_id = work.actor.tenant, id_of(work.generation)
        async with self._store.transaction() as unit:
            now = utcnow()
            new = Generation(
                tenant=tenant,
                id=generation_id,
                subject=work.actor.subject,
                spec=work.spec,
                create_time=now,
                queue_time=now,
                trace_id=current_trace_id(),
                job=work.job,
                task=work.task,
                attempt=work.attempt,
                pictures=tuple(work.pictures),
                priority=priority,
            )
            if await unit.insert(new):
                return new
            found = await unit.lock(tenant, generation_id)
            assert found is not None  # generations are never deleted
            if (found.job, found.task, found.attempt) != (work.job, work.task, work.attempt):
                found.job, found.task, found.attempt = work.job, work.task, work.attempt
                await unit.save(found)
            if found.state.ended:
                await announce_end(unit, found, again=True)
        self._notify()
        return found

    async def _make(self, record: RunRecord) -> None:
        """Through any number of lost model servers, as long as each gets further than the one before."""
        lost, furthest = 0, 0
        while True:
            record.at_work = False
            try:
                return await self._make_once(record)
            except Unavailable as error:
                if error.metadata.get("dependency") != "triton":
                    raise
                if not record.at_work:
                    # It is down, which is not this work's doing.
                    await asyncio.sleep(_DOWN_SECONDS)
                    continue
                lost, furthest = (1 if record.furthest > furthest else lost + 1), record.furthest
                _log.warning("%s lost its model server at step %d", record.generation.name, furthest)
                if lost >= MOST_LOSSES:
                    raise Internal(
                        f"the model server was lost {lost} times over step {furthest + 1}; its log tells why",
                        reason="ERROR_REASON_MODEL_FAILED",
                        metadata={"model": self._model(record.generation)},
                    ) from error
                await asyncio.sleep(lost)

    async def _make_once(self, record: RunRecord) -> None:
        began = time.monotonic()
        generation = record.generation
        # Before a server is taken: a writer may take a minute over it.
        told = record.told = record.told or await self._told(generation)
        planned = generation.plan or await self._planned(generation)
        every = await self._servers.models()
        suits = partial(can_make, planned, every)
        async with self._servers.take(*needed(planned.spec, every), suits=suits) as server:
            cards = await server.models()
            spec, card = resolve(planned.spec, cards, self._default_model, names(generation.pictures))
            # By the plan: without what goes on from it, the clip would be filled in shorter here.
            following = follower_of(planned.spec, card, cards)
            require_as_planned(spec, planned.spec)
            (device,) = await server.devices()
            plan = generation.plan = await self._planner.on(planned, card, following, device)
            require_fit(plan, card)
            parts = windows(spec.frame_count, card)
            pictures = digests(generation.pictures)

            def keyed(load: Mapping[str, str]) -> str:
                return clip_key(generation.tenant, spec, card, cards, pictures, told, load, device.kind)

            key = keyed(load_of(plan))
            await record.started(plan, card, following, key, len(parts), told)
            job = Job(asked(spec, told), card, following, key, run_key(generation.id, key), load_of(plan))
            made = await self._clip(record, server, device.kind, job, keyed)
        if made is None:
            return
        key, clip = made
        self._spent(generation, clip.device_seconds)
        await record.ended(lambda found: _succeed(found, key, clip))
        await calibrate(self._calibrations, clip.measured)
        self._seconds.record(time.monotonic() - began, {"model": card.model, "device": clip.how.device})

    async def _clip(
        self, record: RunRecord, server: ModelServer, kind: str, job: Job, keyed: Callable[[Mapping[str, str]], str]
    ) -> tuple[str, Clip] | None:
        """The clip and its content key; None where there was one already, which the record has taken over.

        A device that runs out of memory is tried once more, the next thriftier way, and the record says so. Where that
        makes other pixels the clip has another key, under which it may be there already.
        """
        if await self._reused(record, job.key):
            return None
        try:
            return job.key, await self._clips.make(record, server, job)
        except OutOfMemory as error:
            card = job.follower if error.model == job.follower.model else job.card
            found = fallback(laid(card, job.load), error.stage, kind)
            if found is None:
                raise
        _log.warning("%s: %s", record.generation.name, found.note)
        await record.noted(found.note)
        load = {**job.load, **found.change}
        key = keyed(load)
        job = replace(job, load=load, key=key, run=_thriftier_run(record.generation, job, found.change, key))
        if await self._reused(record, job.key):
            return None
        return job.key, await self._clips.make(record, server, job)

    def _spent(self, generation: Generation, seconds: float) -> None:
        device = generation.plan.device if generation.plan is not None else ""
        self._device_seconds.add(seconds, {"model": self._model(generation), "device": device})

    async def _told(self, generation: Generation) -> Told:
        known = told_of(generation)
        if known is not None:
            return known
        cards = await self._servers.models()
        spec, card = resolve(generation.spec, cards, self._default_model, names(generation.pictures))
        pictured = bool(generation.pictures)
        return await tell_prompt(self._writer, spec, card, refused=self._refused, pictured=pictured)

    async def _planned(self, generation: Generation) -> GenerationPlan:
        """The plan of a render job's work, which has none yet. Raises what creating such a generation does."""
        planned = await self._planner.plan(generation.spec, pictures=names(generation.pictures))
        require_available(planned.card)
        require_fit(planned.plan, planned.card)
        return planned.plan

    async def _reused(self, record: RunRecord, key: str) -> bool:
        """Take over the clip of an equal generation, if there is one and its bytes still are."""
        generation = record.generation
        equal = await self._store.find_equal(generation.tenant, key)
        if equal is None or equal.result is None or equal.media is None:
            return False
        if not await self._masters.exists(generation.tenant, equal.result):
            return False
        _log.info("%s is the same clip as %s", generation.name, equal.name)
        result, media = equal.result, equal.media

        def take_over(found: Generation) -> None:
            found.content_key = key
            found.succeed(result, media, equal.device, utcnow())
            take_over_making(found, equal)

        await record.ended(take_over)
        return True

    async def _fail(self, record: RunRecord, failure: Failure) -> None:
        await record.ended(lambda found: found.fail(failure, utcnow()))

    def _model(self, generation: Generation) -> str:
        return generation.spec.model.removeprefix("models/") or self._default_model


def _thriftier_run(generation: Generation, job: Job, change: Mapping[str, str], key: str) -> str:
    """Where the checkpoints of the thriftier way are: the same place where the steps so far would be the same ones."""
    once = len(windows(job.asked.frame_count, job.card)) == 1
    # Tiles come after the last step, unless pictures are encoded before the first: given ones, or another run's last.
    decoding_alone = "vae" in change and once and not generation.pictures
    # Below the first one's place: what is dropped of the run is dropped of both.
    return job.run if key == job.key or decoding_alone else f"{job.run}/{key[:16]}"


def _succeed(found: Generation, key: str, clip: Clip) -> None:
    found.content_key = key
    found.succeed(clip.blob, clip.media, clip.how.device, utcnow())
    found.device_seconds += clip.device_seconds
    note_making(found, clip.how)
    note_cache(found, clip.how.step_cache, clip.measured.card)


def _final(error: ArtifexError) -> bool:
    """Whether the same work would fail the same way again; a model that breaks on a spec does."""
    return error.permanent or error.reason in ("ERROR_REASON_MODEL_FAILED", "ERROR_REASON_DOES_NOT_FIT")
