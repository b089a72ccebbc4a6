"""The generator as it runs: its API and worker with a real bus, database, object store and Triton."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1 import work_pb2
from artifex.media.v1.messages_pb2 import Asset
from artifex.media.v1.work_pb2 import AssetReadyEvent
from artifex.provenance import DETAIL, heard
from libs.chassis.bus import Control
from libs.chassis.errors import FailedPrecondition, InvalidArgument, NotFound
from libs.chassis.ids import new_id
from libs.chassis.testing import eventually
from libs.frames.video_reader import VideoReader
from services.generator.adapters.triton import TritonModelServer
from services.generator.ports import FrameBytes
from tests.integration.generator.conftest import TraceCollector
from tests.integration.generator.served import (
    CANCELLED,
    SUCCEEDED,
    Generator,
    WorkerProcess,
    assert_resumed,
    frames_of,
    generator,
    graph_work,
    long,
)
from tests.support.triton import I2V, NANO, T2V, TI2V, TWIN, TritonServer


async def test_a_generation_from_request_to_lossless_clip_and_asset(
    running: Generator, models: TritonModelServer, spec: pb.GenerationSpec
) -> None:
    created = await running.create(spec)
    assert created.state == pb.Generation.STATE_QUEUED
    seen = await running.watch(created.name)
    done = seen[-1]
    assert done.state == SUCCEEDED, done.failure
    assert [g.steps_done for g in seen] == sorted(g.steps_done for g in seen)
    assert (done.steps_done, done.steps_total, done.device, done.random_weights) == (4, 4, "cpu", False)
    assert done.weights_digest == (await models.models())[NANO].weights_digest
    assert done.create_user == "users/ann"

    # The clip holds exactly the bytes that the model sent.
    raw = b"".join([e.data async for e in models.generate(NANO, spec) if isinstance(e, FrameBytes)])
    with VideoReader(running.clip(done)) as reader:
        assert (reader.info.width, reader.info.height, reader.info.fps) == (64, 48, Fraction(16))
    assert frames_of(running.clip(done), spec) == raw
    assert done.result.digest == hashlib.sha256(running.clip(done).read_bytes()).hexdigest()

    await eventually(lambda: bool(running.ingests), what="the ingest work")
    await eventually(lambda: "recorded" in running.verbs(done.name), what="the usage event")
    assert running.verbs(done.name) == ["started", *["progressed"] * 4, "completed", "recorded"]
    used = work_pb2.UsageRecordedEvent.FromString(running.told(done.name, "recorded"))
    assert (used.model, used.device_seconds, used.device) == (f"models/{NANO}", done.device_seconds, "cpu")
    (work,) = running.ingests
    assert (work.correlation, work.blob) == (done.name, done.result)
    assert work.provenance.details["random_weights"] == "false"
    assert work.provenance.details["seed"] == "7"
    # Everything that made it is in the record, on the asset, and told to who waits for it.
    record = done.provenance
    assert (record.spec, record.prompt) == (done.spec, "a red balloon over the sea")
    assert (record.model, record.weights_digest, record.dtype) == (f"models/{NANO}", done.weights_digest, "float32")
    assert (record.sampler, len(record.sigmas), round(record.sigmas[0], 2)) == ("unipc", 4, 1.0)
    assert {"torch", "diffusers", "transformers"} <= set(record.versions)
    assert heard(work.provenance.details[DETAIL]) == [record]
    told = work_pb2.GenerationCompletedEvent.FromString(running.told(done.name, "completed"))
    assert told.provenance == record
    assert 0 < done.device_seconds < 60

    ready = AssetReadyEvent(actor=work.actor, asset=Asset(name="assets/a1"), correlation=done.name)
    await running.bus.publish("evt.studio.media.asset.ready", ready, key=new_id())
    async with asyncio.timeout(10):
        while not (await running.get(done.name)).output_asset:  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.02)


async def test_an_equal_spec_is_answered_with_the_same_clip_at_once(
    running: Generator, spec: pb.GenerationSpec
) -> None:
    first = (await running.watch((await running.create(spec)).name))[-1]
    second = (await running.watch((await running.create(spec)).name))[-1]
    assert (second.state, second.result, second.device) == (SUCCEEDED, first.result, "cpu")
    assert second.name != first.name
    await eventually(lambda: "completed" in running.verbs(second.name), what="the completed event")
    assert running.verbs(second.name) == ["started", "completed"], "nothing was computed"
    # Without its bytes the clip is made anew, and is the same.
    running.clip(first).unlink()
    third = (await running.watch((await running.create(spec)).name))[-1]
    assert third.result == first.result
    assert running.clip(third).exists()


async def test_profiles_that_come_to_the_same_way_of_computing_share_their_clip(
    running: Generator, spec: pb.GenerationSpec
) -> None:
    spec.step_cache = pb.STEP_CACHE_NONE
    first = (await running.watch((await running.create(spec)).name))[-1]
    assert first.provenance.load["vae"] == "whole"

    def completed(name: str) -> bool:
        return "completed" in running.verbs(name)

    # On a processor neither has anything to choose for pictures as small as these.
    for spec.profile in (pb.GENERATION_PROFILE_SPEED, pb.GENERATION_PROFILE_MEMORY):
        same = (await running.watch((await running.create(spec)).name))[-1]
        assert same.result == first.result
        assert same.provenance.load == first.provenance.load
        assert same.provenance.spec.profile == spec.profile
        await eventually(partial(completed, same.name), what="the completed event")
        assert "progressed" not in running.verbs(same.name)


async def test_sizes_are_the_nearest_that_the_model_makes_and_what_it_has_no_use_for_is_refused_by_field(
    running: Generator, spec: pb.GenerationSpec
) -> None:
    spec.width, spec.frame_count = 70, 8
    made = (await running.create(spec)).spec
    assert (made.width, made.frame_count) == (64, 9)
    spec.image, spec.recipe = "assets/any", "none-such"
    with pytest.raises(InvalidArgument) as caught:
        await running.create(spec)
    assert [violation.field for violation in caught.value.violations] == ["spec.image", "spec.recipe"]


async def test_requests_are_repeatable_pages_are_newest_first_and_tenants_apart(
    running: Generator, spec: pb.GenerationSpec
) -> None:
    request = pb.CreateGenerationRequest(spec=spec, request_id="once")
    first = (await running.stub.CreateGeneration(request)).generation
    assert (await running.stub.CreateGeneration(request)).generation.name == first.name
    second = await running.create(spec)
    page = await running.stub.ListGenerations(pb.ListGenerationsRequest(page_size=1))
    assert [found.name for found in page.generations] == [second.name]
    page = await running.stub.ListGenerations(pb.ListGenerationsRequest(page_size=1, page_token=page.next_page_token))
    assert ([found.name for found in page.generations], page.next_page_token) == ([first.name], "")
    first_models = await running.stub.ListModels(pb.ListModelsRequest(page_size=1))
    (model,) = first_models.models
    rest = await running.stub.ListModels(pb.ListModelsRequest(page_token=first_models.next_page_token))
    listed = {found.name: found for found in (model, *rest.models)}
    assert {f"models/{name}" for name in (NANO, TWIN, I2V, TI2V)} <= set(listed)
    nano = listed[f"models/{NANO}"]
    assert (nano.random_weights, nano.max_frames) == (False, 17)
    with pytest.raises(NotFound):
        await running.get(f"generations/{new_id()}")
    await running.watch(second.name)


@pytest.mark.parametrize("how", ["cancelled", "paused", "of a cancelled job"])
async def test_a_model_that_is_stopped_makes_no_step_after_the_one_at_work(
    running: Generator, triton: TritonServer, collector: TraceCollector, spec: pb.GenerationSpec, how: str
) -> None:
    # Large, so that its steps last about as long as the word takes.
    spec.model, spec.width, spec.height, spec.frame_count, spec.steps = f"models/{T2V}", 256, 256, 33, 200
    work = graph_work(spec)
    if how == "of a cancelled job":
        await running.bus.publish("work.generate.normal", work, key=new_id())
        await eventually(lambda: "started" in running.verbs(work.generation), what="the started event")
        name = work.generation
    else:
        name = (await running.create(spec)).name
    await running.until_step(name, 3)
    if how == "cancelled":
        await running.stub.CancelGeneration(pb.CancelGenerationRequest(name=name))
    elif how == "paused":
        await running.stub.PauseGeneration(pb.PauseGenerationRequest(name=name))
    else:
        await Control(running.bus).cancel(work.job)
    stopped = time.time_ns()
    trace = collector.traces / f"{(await running.get(name)).trace_id}.jsonl"

    def spans(kind: str) -> list[Any]:
        lines = trace.read_text().splitlines() if trace.exists() else []
        return [span for span in map(json.loads, lines) if span["name"] == kind]

    await eventually(lambda: bool(spans(f"generate {T2V}")), what="the end of the model's request")
    steps = spans("wan.step")
    assert 3 <= len(steps) < 200
    # A caller who left is looked for twenty times a second.
    assert len([step for step in steps if step["start_ns"] > stopped + 100_000_000]) <= 1


async def test_cancelling_is_final(running: Generator, spec: pb.GenerationSpec) -> None:
    created = await running.create(long(spec))
    await running.until_step(created.name, 3)
    cancelled = await running.stub.CancelGeneration(pb.CancelGenerationRequest(name=created.name))
    assert cancelled.generation.state == CANCELLED
    again = await running.stub.CancelGeneration(pb.CancelGenerationRequest(name=created.name))
    assert again.generation.end_time == cancelled.generation.end_time
    # The worker and Triton are free for the next one.
    done = (await running.watch((await running.create(spec)).name))[-1]
    assert done.state == SUCCEEDED
    found = await running.get(created.name)
    assert (found.state, found.failure.reason) == (CANCELLED, "ERROR_REASON_CANCELLED")
    assert found.steps_done < 100
    assert not found.HasField("result")
    with pytest.raises(FailedPrecondition):
        await running.stub.CancelGeneration(pb.CancelGenerationRequest(name=done.name))


async def test_work_of_a_render_job_is_done_once_and_told_again_to_a_later_attempt(
    running: Generator, spec: pb.GenerationSpec
) -> None:
    work = graph_work(spec)
    await running.bus.publish("work.generate.normal", work, key=new_id())
    await eventually(lambda: "completed" in running.verbs(work.generation), what="the completed event")
    event = work_pb2.GenerationCompletedEvent.FromString(running.told(work.generation, "completed"))
    assert (event.job, event.task, event.attempt) == ("renderJobs/j1", "generate:shot", 1)
    assert event.media.video_streams[0].frame_count == 9
    # As of a worker that was killed between the end and what comes after it.
    left = f"tenants/studio/checkpoints/{work.generation.removeprefix('generations/')}/key/newest-0"
    await running.objects.put_bytes(left, b"a checkpoint")
    again = graph_work(spec, 2, work.generation)
    await running.bus.publish("work.generate.normal", again, key=new_id())
    await eventually(lambda: running.verbs(work.generation).count("completed") == 2, what="the second event")
    repeated = work_pb2.GenerationCompletedEvent.FromString(running.told(work.generation, "completed"))
    assert (repeated.attempt, repeated.result) == (2, event.result)
    assert running.verbs(work.generation).count("started") == 1
    path = running.objects.local_path(left)
    assert path is not None
    await eventually(lambda: not path.exists(), what="the end of the checkpoint")


async def test_a_watch_goes_on_after_what_was_seen(running: Generator, spec: pb.GenerationSpec) -> None:
    created = await running.create(spec)
    answers = await running.answers(created.name)
    numbers = [answer.sequence for answer in answers]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > 0
    again = await running.answers(created.name, after=numbers[-2])
    assert [(answer.sequence, answer.generation.state) for answer in again] == [(numbers[-1], SUCCEEDED)]
    assert await running.answers(created.name, after=numbers[-1]) == []


async def test_cancelling_the_job_cancels_its_generation(running: Generator, spec: pb.GenerationSpec) -> None:
    work = graph_work(long(spec))
    await running.bus.publish("work.generate.normal", work, key=new_id())
    await eventually(lambda: "progressed" in running.verbs(work.generation), what="the first step")
    await Control(running.bus).cancel("renderJobs/j1")
    await eventually(lambda: "failed" in running.verbs(work.generation), what="the failed event")
    event = work_pb2.GenerationFailedEvent.FromString(running.told(work.generation, "failed"))
    assert event.failure.reason == "ERROR_REASON_CANCELLED"


async def test_bad_work_of_a_render_job_fails_with_its_reason(running: Generator, spec: pb.GenerationSpec) -> None:
    spec.model = "models/no-such-model"
    work = graph_work(spec)
    await running.bus.publish("work.generate.normal", work, key=new_id())
    await eventually(lambda: "failed" in running.verbs(work.generation), what="the failed event")
    event = work_pb2.GenerationFailedEvent.FromString(running.told(work.generation, "failed"))
    assert event.failure.reason == "ERROR_REASON_REQUEST_INVALID"
    assert "no-such-model" in event.failure.message


async def test_triton_killed_under_way_costs_time_and_nothing_else(
    running: Generator, triton: TritonServer, models: TritonModelServer, spec: pb.GenerationSpec
) -> None:
    spec.steps, spec.width, spec.height, spec.frame_count = 40, 112, 64, 17
    created = await running.create(spec)
    await running.until_step(created.name, 7)
    triton.kill9()
    triton.start()
    done = (await running.watch(created.name))[-1]
    assert done.state == SUCCEEDED, done.failure
    await eventually(lambda: running.steps(created.name)[-1:] == [40], what="the last step's event")
    assert_resumed(running.steps(created.name), 40)
    assert not [kept async for kept in running.objects.list("tenants/studio/checkpoints/")]
    raw = b"".join([e.data async for e in models.generate(NANO, spec) if isinstance(e, FrameBytes)])
    assert frames_of(running.clip(done), spec) == raw


async def test_a_killed_workers_generation_is_finished_by_another(
    tmp_path: Path, triton: TritonServer, collector: TraceCollector, spec: pb.GenerationSpec
) -> None:
    spec.steps, spec.width, spec.height, spec.frame_count = 60, 112, 64, 17
    async with generator(tmp_path, triton.endpoint, roles=frozenset({"api"})) as running:
        with WorkerProcess(tmp_path / "worker", running.env) as worker:
            created = await running.create(spec)
            await running.until_step(created.name, 7)
            worker.kill9()
        with WorkerProcess(tmp_path / "worker-2", {**running.env, "ARTIFEX_OTLP_ENDPOINT": collector.endpoint}):
            done = (await running.watch(created.name))[-1]
            await eventually(lambda: running.steps(created.name)[-1:] == [60], what="the last step's event")
            assert_resumed(running.steps(created.name), 60)
    assert done.state == SUCCEEDED, done.failure
    assert done.steps_done == 60
    # The second worker's share of what the device was had for.
    (point,) = metered(collector, "artifex.generation.device_seconds")
    told = {each["key"]: each["value"]["stringValue"] for each in point["attributes"]}
    assert told == {"model": NANO, "device": "cpu"}
    assert 0 < point["asDouble"] <= done.device_seconds


def metered(collector: TraceCollector, name: str) -> list[Any]:
    """The points of a counter, of all processes that exported it."""
    exports = [json.loads(path.read_text()) for path in (collector.folder / "home" / "metrics").glob("*.json")]
    found = [
        metric["sum"]["dataPoints"]
        for export in exports
        for scope in export["scopeMetrics"]
        for metric in scope["metrics"]
        if metric["name"] == name
    ]
    return [point for points in found for point in points]
