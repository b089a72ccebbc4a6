"""Places in the queue, pauses, priorities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifex.generator.v1 import messages_pb2 as pb
from libs.chassis.errors import FailedPrecondition
from libs.chassis.testing import eventually
from services.generator.adapters.triton import TritonModelServer
from services.generator.ports import FrameBytes
from tests.support.triton import NANO

if TYPE_CHECKING:
    # Exists in the stubs' types alone.
    pass


from tests.integration.generator.served import CANCELLED, PAUSED, SUCCEEDED, Generator, assert_resumed, frames_of, long


async def test_a_paused_generation_stops_within_a_step_and_goes_on_from_its_checkpoint_when_it_is_resumed(
    running: Generator, models: TritonModelServer, spec: pb.GenerationSpec
) -> None:
    spec.steps, spec.width, spec.frame_count = 40, 112, 17
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
    places = [(await running.get(each.name)).queue_position for each in (first, high, normal, low)]
    assert places == [0, 1, 2, 3]
    page = await running.stub.ListGenerations(pb.ListGenerationsRequest())
    assert {found.name: found.queue_position for found in page.generations} == {
        first.name: 0,
        high.name: 1,
        normal.name: 2,
        low.name: 3,
    }
    await running.stub.PauseGeneration(pb.PauseGenerationRequest(name=normal.name))
    assert (await running.get(low.name)).queue_position == 2
    await running.stub.CancelGeneration(pb.CancelGenerationRequest(name=first.name))
    ends = [(await running.watch(each.name))[-1] for each in (high, low)]
    assert [end.state for end in ends] == [SUCCEEDED] * 2
    assert ends[0].end_time.ToDatetime() < ends[1].start_time.ToDatetime()
    assert (await running.get(normal.name)).state == PAUSED
    await running.stub.CancelGeneration(pb.CancelGenerationRequest(name=normal.name))
    assert (await running.get(normal.name)).state == CANCELLED
