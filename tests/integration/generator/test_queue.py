"""Places in the queue, pauses, priorities."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from artifex.common.v1.types_pb2 import Actor
from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1.work_pb2 import GenerateWork
from artifex.graph.v1.work_pb2 import JobEndedEvent
from libs.chassis.errors import FailedPrecondition
from libs.chassis.ids import new_id
from libs.chassis.testing import eventually
from services.generator.adapters.triton import TritonModelServer
from services.generator.ports import FrameBytes
from tests.integration.generator.served import (
    CANCELLED,
    PAUSED,
    SUCCEEDED,
    Generator,
    assert_resumed,
    frames_of,
    generator,
    graph_work,
    long,
)
from tests.support.triton import NANO, TritonServer


async def test_a_paused_generation_stops_within_a_step_and_goes_on_from_its_checkpoint_when_it_is_resumed(
    running: Generator, models: TritonModelServer, spec: pb.GenerationSpec
) -> None:
    spec.steps, spec.width, spec.height, spec.frame_count = 40, 112, 64, 17
    created = await running.create(spec)
    await running.until_step(created.name, 7)
    name = pb.PauseGenerationRequest(name=created.name)
    paused = (await running.stub.PauseGeneration(name)).generation
    assert paused.state == PAUSED
    assert (await running.stub.PauseGeneration(name)).generation == paused
    # The worker and Triton are free for others, which a paused one is not before.
    quick = pb.GenerationSpec()
    quick.CopyFrom(spec)
    quick.steps, quick.width, quick.height = 4, 64, 48
    other = await running.create(quick)
    assert (await running.watch(other.name))[-1].state == SUCCEEDED
    found = await running.get(created.name)
    assert (found.state, found.steps_done) == (PAUSED, paused.steps_done)
    assert found.device_seconds > 0
    resumed = await running.stub.ResumeGeneration(pb.ResumeGenerationRequest(name=created.name))
    assert resumed.generation.state in (pb.Generation.STATE_QUEUED, pb.Generation.STATE_RUNNING)
    done = (await running.watch(created.name))[-1]
    assert done.state == SUCCEEDED, done.failure
    assert done.device_seconds > found.device_seconds
    await eventually(lambda: running.steps(created.name)[-1:] == [40], what="the last step's event")
    assert_resumed(running.steps(created.name), 40)
    raw = b"".join([e.data async for e in models.generate(NANO, spec) if isinstance(e, FrameBytes)])
    assert frames_of(running.clip(done), spec) == raw
    with pytest.raises(FailedPrecondition):
        await running.stub.PauseGeneration(name)
    with pytest.raises(FailedPrecondition):
        await running.stub.ResumeGeneration(pb.ResumeGenerationRequest(name=created.name))


async def test_what_waits_tells_its_place_can_be_paused_there_and_is_begun_by_its_priority(
    running: Generator, spec: pb.GenerationSpec
) -> None:
    first = await running.create(long(spec))
    await running.until_step(first.name, 1)
    waiting = {}
    for priority in (pb.GENERATION_PRIORITY_LOW, pb.GENERATION_PRIORITY_UNSPECIFIED, pb.GENERATION_PRIORITY_HIGH):
        spec.seed += 1
        request = pb.CreateGenerationRequest(spec=spec, priority=priority)
        waiting[priority] = (await running.stub.CreateGeneration(request)).generation
    low, normal, high = waiting.values()
    assert normal.priority == pb.GENERATION_PRIORITY_NORMAL
    shown = [await running.get(each.name) for each in (first, high, normal, low)]
    assert [each.queue_position for each in shown] == [0, 1, 2, 3]
    # Each has those before it to wait for; it told so when it was queued.
    assert shown[0].seconds_left > 0
    assert all(each.seconds_left > each.plan.seconds for each in shown[1:])
    assert (low.queue_position, normal.queue_position, high.queue_position) == (1, 1, 1)
    assert min(low.seconds_left, normal.seconds_left, high.seconds_left) > 0
    page = await running.stub.ListGenerations(pb.ListGenerationsRequest())
    assert {found.name: found.queue_position for found in page.generations} == {
        first.name: 0,
        high.name: 1,
        normal.name: 2,
        low.name: 3,
    }
    await running.stub.PauseGeneration(pb.PauseGenerationRequest(name=normal.name))
    assert (await running.get(low.name)).queue_position == 2
    watched = asyncio.create_task(running.answers(low.name))
    await running.stub.CancelGeneration(pb.CancelGenerationRequest(name=first.name))
    ends = [(await running.watch(each.name))[-1] for each in (high, low)]
    assert [end.state for end in ends] == [SUCCEEDED] * 2
    assert ends[0].end_time.ToDatetime() < ends[1].start_time.ToDatetime()
    # Who watches sees it come nearer.
    answers = await watched
    numbers = [answer.sequence for answer in answers]
    assert numbers == sorted(numbers)
    queued = [answer for answer in answers if answer.generation.state == pb.Generation.STATE_QUEUED]
    places = [answer.generation.queue_position for answer in queued]
    assert places[:2] in ([2, 1], [1, 0])
    assert places == sorted(set(places), reverse=True)
    assert len({answer.sequence for answer in queued}) == 1
    assert (await running.get(normal.name)).state == PAUSED
    await running.stub.CancelGeneration(pb.CancelGenerationRequest(name=normal.name))
    assert (await running.get(normal.name)).state == CANCELLED


async def test_of_two_that_are_queued_the_one_from_before_the_pause_is_left_alone(
    tmp_path: Path, triton: TritonServer, spec: pb.GenerationSpec
) -> None:
    async with generator(tmp_path, triton.endpoint, concurrency=2) as running:
        created = await running.create(long(spec))
        await running.until_step(created.name, 2)
        await running.stub.PauseGeneration(pb.PauseGenerationRequest(name=created.name))
        await running.stub.ResumeGeneration(pb.ResumeGenerationRequest(name=created.name))
        found = created
        async with asyncio.timeout(20):
            while found.state != pb.Generation.STATE_RUNNING or found.steps_done <= 4:
                found = await running.get(created.name)
        # The first item again, as when it was paused before anybody took it, or its worker died over it.
        stale = GenerateWork(actor=Actor(tenant="studio", subject="ann"), generation=created.name, spec=created.spec)
        await running.bus.publish("work.generate.high", stale, key=new_id())
        link = await running.bus.connection.link()
        items = 0
        async with asyncio.timeout(20):
            while items != 1:
                items = (await link.jetstream.stream_info("WORK")).state.messages
        found = await running.get(created.name)
        assert (found.state, found.steps_done > 2) == (pb.Generation.STATE_RUNNING, True)
        await running.stub.CancelGeneration(pb.CancelGenerationRequest(name=created.name))


async def test_a_paused_generation_of_a_job_that_has_ended_is_cancelled(
    running: Generator, spec: pb.GenerationSpec
) -> None:
    work = graph_work(long(spec))
    await running.bus.publish("work.generate.normal", work, key=new_id())
    await running.until_step(await seen(running, work), 6)
    await running.stub.PauseGeneration(pb.PauseGenerationRequest(name=work.generation))
    other = graph_work(long(spec), job="renderJobs/j2")
    await running.bus.publish("work.generate.normal", other, key=new_id())
    await running.until_step(await seen(running, other), 1)
    await running.stub.PauseGeneration(pb.PauseGenerationRequest(name=other.generation))
    assert [kept async for kept in running.objects.list("tenants/studio/checkpoints/")]

    ended = JobEndedEvent(actor=work.actor, job=work.job, state="STATE_CANCELLED")
    await running.bus.publish("evt.studio.graph.job.ended", ended, key=new_id())
    done = (await running.watch(work.generation))[-1]
    assert (done.state, done.failure.reason, done.seconds_left) == (CANCELLED, "ERROR_REASON_CANCELLED", 0.0)
    await eventually(lambda: "failed" in running.verbs(work.generation), what="the failed event")
    assert (await running.get(other.generation)).state == PAUSED
    await running.stub.CancelGeneration(pb.CancelGenerationRequest(name=other.generation))
    assert not [kept async for kept in running.objects.list("tenants/studio/checkpoints/")]


async def seen(running: Generator, work: GenerateWork) -> str:
    """The name of a job's generation, once it is known."""
    await eventually(lambda: "started" in running.verbs(work.generation), what="the started event")
    return work.generation
