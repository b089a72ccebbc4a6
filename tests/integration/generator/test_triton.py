"""The model server's port on the real Triton."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import Internal, InvalidArgument, Unavailable
from libs.chassis.settings import PlatformSettings
from libs.chassis.telemetry import current_trace_id, setup_telemetry, tracer
from libs.chassis.testing.process import eventually
from services.generator.adapters.triton import TritonModelServer
from services.generator.ports import Checkpoint, Finished, FrameBytes, ModelEvent, PreviewFrame, Resumed, StepDone
from tests.integration.generator.conftest import TraceCollector
from tests.support.triton import NANO, T2V, TWIN, TritonServer


@pytest.fixture
async def one(triton: TritonServer) -> AsyncIterator[TritonModelServer]:
    """Has room for one model; what other tests left there but the nano model is gone."""
    async with TritonModelServer(triton.endpoint) as models:
        for name in await models.loaded() - {NANO}:
            await models.unload(name)
        yield models


async def events(models: TritonModelServer, spec: GenerationSpec) -> list[ModelEvent]:
    await models.load(NANO)
    return [event async for event in models.generate(NANO, spec)]


def clip(found: list[ModelEvent]) -> bytes:
    return b"".join(event.data for event in found if isinstance(event, FrameBytes))


async def test_the_nano_model_is_listed_before_it_is_loaded_and_says_that_its_weights_are_trained(
    models: TritonModelServer,
) -> None:
    cards = await models.models()
    assert {NANO, TWIN} < set(cards)
    assert not cards[NANO].random_weights
    assert cards[T2V].random_weights
    assert len(cards[NANO].weights_digest) == 64


async def _drain(stream: AsyncGenerator[ModelEvent, None]) -> None:
    async for _ in stream:
        pass


async def test_an_unknown_model_cannot_be_loaded(models: TritonModelServer) -> None:
    with pytest.raises(Internal) as caught:
        await models.load("no-such-model")
    assert caught.value.reason == "ERROR_REASON_MODEL_FAILED"


async def test_steps_come_one_by_one_then_the_whole_clip_then_the_end(
    models: TritonModelServer, spec: GenerationSpec
) -> None:
    found = await events(models, spec)
    steps = [event for event in found[:4] if isinstance(event, StepDone)]
    assert [event.step for event in steps] == [1, 2, 3, 4]
    assert steps[-1].seconds_left == 0.0
    assert all(event.seconds_left > 0.0 for event in steps[:-1])
    assert all(isinstance(event, FrameBytes) for event in found[4:-1])
    cards = await models.models()
    end = found[-1]
    assert isinstance(end, Finished)
    assert (end.device, end.weights_digest) == ("cpu", cards[NANO].weights_digest)
    assert end.seconds > 0.0
    assert len(clip(found)) == 9 * 48 * 64 * 3


async def test_large_clips_come_in_blocks_below_a_megabyte(models: TritonModelServer, spec: GenerationSpec) -> None:
    spec.width, spec.height, spec.frame_count, spec.steps = 256, 144, 13, 1
    await models.load(T2V)
    found = [event async for event in models.generate(T2V, spec)]
    sizes = [len(event.data) for event in found if isinstance(event, FrameBytes)]
    # As they are decoded: one frame, and then four at a time.
    frame = 144 * 256 * 3
    assert sizes == [frame, 4 * frame, 4 * frame, 4 * frame]
    assert max(sizes) <= 1_000_000


async def test_a_clip_goes_on_from_any_of_its_checkpoints_bit_by_bit(
    models: TritonModelServer, spec: GenerationSpec
) -> None:
    await models.load(NANO)
    whole = [event async for event in models.generate(NANO, spec, checkpoint_every=1)]
    saved = [event for event in whole if isinstance(event, Checkpoint)]
    assert [checkpoint.step for checkpoint in saved] == [1, 2, 3]
    for checkpoint in saved:
        rest = [event async for event in models.generate(NANO, spec, resume=checkpoint.data)]
        assert rest[0] == Resumed(checkpoint.step)
        assert [event.step for event in rest if isinstance(event, StepDone)] == list(range(checkpoint.step + 1, 5))
        assert clip(rest) == clip(whole)


async def test_previews_take_their_share_of_the_time_or_come_as_often_as_they_are_asked_for(
    models: TritonModelServer, spec: GenerationSpec
) -> None:
    # A size of its own: how long its previews take is not known yet.
    spec.width = 80
    await models.load(NANO)
    for share, steps in ((0.0, [1]), (0.0, []), (1.0, [1, 2, 3])):
        made = [event async for event in models.generate(NANO, spec, preview_every=1, preview_share=share)]
        assert [event.step for event in made if isinstance(event, PreviewFrame)] == steps


async def test_a_checkpoint_longer_than_a_message_travels_in_pieces(
    models: TritonModelServer, spec: GenerationSpec
) -> None:
    spec.width, spec.height, spec.frame_count, spec.steps = 256, 256, 33, 2
    await models.load(T2V)
    async with aclosing(models.generate(T2V, spec, checkpoint_every=1)) as stream:
        saved = await anext(event async for event in stream if isinstance(event, Checkpoint))
    assert len(saved.data) > 1_500_000
    async with aclosing(models.generate(T2V, spec, resume=saved.data)) as stream:
        assert await anext(stream) == Resumed(1)


async def test_a_checkpoint_of_another_clip_or_of_nothing_is_refused(
    models: TritonModelServer, spec: GenerationSpec
) -> None:
    await models.load(NANO)
    saved = [event async for event in models.generate(NANO, spec, checkpoint_every=1) if isinstance(event, Checkpoint)]
    whole = saved[0].data
    others = []
    for field, value in (("width", 112), ("prompt", "a blue train"), ("seed", 8), ("steps", 5)):
        other = GenerationSpec()
        other.CopyFrom(spec)
        setattr(other, field, value)
        others.append((other, whole))
    # Of nothing, of an end that lacks, and of one wrong bit among its numbers.
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    for given, data in (*others, (spec, b"nothing"), (spec, whole[:-100]), (spec, flipped)):
        with pytest.raises(InvalidArgument) as caught:
            await _drain(models.generate(NANO, given, resume=data))
        assert [violation.field for violation in caught.value.violations] == ["spec.resume"]


async def test_the_same_seed_gives_the_same_bytes_and_another_seed_or_prompt_gives_others(
    models: TritonModelServer, spec: GenerationSpec
) -> None:
    first = clip(await events(models, spec))
    assert clip(await events(models, spec)) == first
    spec.seed = 8
    assert clip(await events(models, spec)) != first
    spec.seed = 7
    spec.prompt = "a blue train"
    assert clip(await events(models, spec)) != first


async def test_the_model_refuses_what_it_cannot_do_and_names_the_field(
    models: TritonModelServer, spec: GenerationSpec
) -> None:
    for field, value in (("width", 70), ("height", 4096), ("frame_count", 10)):
        wrong = GenerationSpec()
        wrong.CopyFrom(spec)
        setattr(wrong, field, value)
        with pytest.raises(InvalidArgument) as caught:
            await events(models, wrong)
        assert [violation.field for violation in caught.value.violations] == [f"spec.{field}"]


async def test_closing_the_stream_stops_the_model_within_a_step(
    models: TritonModelServer, spec: GenerationSpec
) -> None:
    long = GenerationSpec()
    long.CopyFrom(spec)
    long.width, long.height, long.frame_count, long.steps = 112, 64, 17, 200
    await models.load(NANO)
    step_seconds = 0.0
    async with aclosing(models.generate(NANO, long)) as stream:
        began = time.monotonic()
        async for event in stream:
            assert isinstance(event, StepDone)
            if event.step == 5:
                step_seconds = (time.monotonic() - began) / 5
                break
    # The model answers one request after the other: the next one starts when this one has stopped.
    began = time.monotonic()
    await events(models, spec)
    cancelled = time.monotonic() - began
    began = time.monotonic()
    await events(models, spec)
    alone = time.monotonic() - began
    assert cancelled < alone + 20 * step_seconds, "the cancelled clip went on for many of its 195 other steps"


async def test_the_trace_goes_on_inside_triton(
    models: TritonModelServer, spec: GenerationSpec, collector: TraceCollector
) -> None:
    async with setup_telemetry("test", PlatformSettings()):
        with tracer("test").start_as_current_span("caller"):
            trace_id = current_trace_id()
            await events(models, spec)
    path = collector.traces / f"{trace_id}.jsonl"

    def names() -> list[str]:
        if not path.exists():
            return []
        return [json.loads(line)["name"] for line in path.read_text().splitlines()]

    await eventually(lambda: f"generate {NANO}" in names(), what="Triton's spans")
    assert sorted(names()) == sorted([f"generate {NANO}", "wan.encode", *["wan.step"] * 4, "wan.decode"])
    spans = [json.loads(line) for line in path.read_text().splitlines()]
    assert {span["service"] for span in spans} == {"triton"}


async def test_a_model_is_loaded_on_demand_and_makes_room_for_another(
    one: TritonModelServer, spec: GenerationSpec
) -> None:
    first = clip(await events(one, spec))
    assert await one.loaded() == {NANO}
    await one.load(TWIN)
    assert await one.loaded() == {TWIN}
    assert clip([event async for event in one.generate(TWIN, spec)]) == first
    with pytest.raises((Internal, Unavailable)):
        await _drain(one.generate(NANO, spec))
    await one.unload(TWIN)
    assert await one.loaded() == frozenset()


async def test_a_model_that_is_slow_to_go_keeps_nobody_waiting(one: TritonModelServer, spec: GenerationSpec) -> None:
    long = GenerationSpec()
    long.CopyFrom(spec)
    long.width, long.height, long.frame_count, long.steps = 256, 256, 33, 200
    await one.load(T2V)
    async with aclosing(one.generate(T2V, long)) as stream:
        assert isinstance(await anext(stream), StepDone)
        leaving = asyncio.create_task(one.unload(T2V))
        async with asyncio.timeout(10):
            while T2V in await one.loaded():  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(0.02)
        assert await one.check()
        assert not leaving.done()
        await one.load(T2V)
        assert clip([event async for event in one.generate(T2V, spec)])
        await one.load(NANO)
        assert await one.check()
        assert clip(await events(one, spec))
    await leaving


async def test_a_killed_triton_is_named_takes_its_models_along_and_serves_again_after_a_restart(
    one: TritonModelServer, triton: TritonServer, spec: GenerationSpec
) -> None:
    before = clip(await events(one, spec))
    long = GenerationSpec()
    long.CopyFrom(spec)
    long.steps, long.width, long.height, long.frame_count = 200, 112, 64, 17
    await eventually(lambda: len(triton.model_processes()) == 2, what="the end of unloaded models' processes")
    async with aclosing(one.generate(NANO, long)) as stream:
        first = await anext(stream)
        assert isinstance(first, StepDone)
        assert first.step == 1
        triton.kill_alone()
        with pytest.raises(Unavailable) as caught:
            await _drain(stream)
    assert caught.value.metadata == {"dependency": "triton"}
    assert not await one.check()
    await eventually(lambda: not triton.model_processes(), what="the end of the models' processes")
    triton.start()
    assert clip(await events(one, spec)) == before
