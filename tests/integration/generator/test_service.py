"""The generator as it runs: its API and worker with a real bus, database, object store and Triton."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from google.api.httpbody_pb2 import HttpBody

from artifex.common.v1.types_pb2 import Actor
from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1 import work_pb2
from artifex.generator.v1.service_pb2_grpc import GeneratorServiceStub
from artifex.media.v1 import messages_pb2 as media_pb
from artifex.media.v1.messages_pb2 import Asset
from artifex.media.v1.service_pb2_grpc import MediaServiceStub
from artifex.media.v1.work_pb2 import AssetReadyEvent, IngestWork
from artifex.provenance import DETAIL, heard
from libs.chassis.bus import Bus, Control, Delivery
from libs.chassis.errors import FailedPrecondition, InvalidArgument, NotFound
from libs.chassis.ids import new_id
from libs.chassis.objects import blob_key, open_objects
from libs.chassis.principal import Principal, acting_as
from libs.chassis.rpc.channel import service_channel
from libs.chassis.runtime import Runtime
from libs.chassis.settings import PlatformSettings, Roles
from libs.chassis.testing import NatsServer, Server, eventually, free_port, spawn
from libs.chassis.testing.tokens import TokenMint
from libs.frames.stills import read_image, write_png
from libs.frames.video_reader import VideoReader
from services.generator.__main__ import build
from services.generator.adapters.triton import TritonModelServer
from services.generator.ports import FrameBytes
from services.generator.settings import GeneratorSettings
from services.media.__main__ import build as build_media
from services.media.settings import MediaSettings
from tests.support.triton import I2V, NANO, TI2V, TWIN, TritonServer

if TYPE_CHECKING:
    # Exists in the stubs' types alone.
    from artifex.generator.v1.service_pb2_grpc import GeneratorServiceAsyncStub

SUCCEEDED = pb.Generation.STATE_SUCCEEDED
CANCELLED = pb.Generation.STATE_CANCELLED
PAUSED = pb.Generation.STATE_PAUSED
FAILED = pb.Generation.STATE_FAILED


class WorkerProcess(Server):
    """`python -m services.generator` in the role of a worker alone."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        super().__init__(folder)
        self._env = {**os.environ, **env, "ARTIFEX_GENERATOR_ROLES": "worker", "ARTIFEX_LOG_FORMAT": "text"}

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "services.generator"]

    def launch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = spawn(self.command(), log=self.log, env=self._env)

    def is_ready(self) -> bool:
        return self.log.exists() and " ready" in self.log.read_text()


class Generator:
    """Clients of a running generator, and what it published."""

    def __init__(self, home: Path, bus: Bus, stub: GeneratorServiceAsyncStub, env: dict[str, str]) -> None:
        self.home = home
        self.bus = bus
        self.stub = stub
        self.env = env
        self.objects = open_objects((home / "objects").as_uri())
        self.media: Any = None
        self.events: list[tuple[str, bytes]] = []
        self.ingests: list[IngestWork] = []

    async def create(self, spec: pb.GenerationSpec) -> pb.Generation:
        answer = await self.stub.CreateGeneration(pb.CreateGenerationRequest(spec=spec))
        return answer.generation

    async def get(self, name: str) -> pb.Generation:
        return (await self.stub.GetGeneration(pb.GetGenerationRequest(name=name))).generation

    async def watch(self, name: str) -> list[pb.Generation]:
        """The generation as it changed, to its end."""
        return [answer.generation for answer in await self.answers(name)]

    async def answers(self, name: str, after: int = 0) -> list[pb.WatchGenerationResponse]:
        request = pb.WatchGenerationRequest(name=name, after_sequence=after)
        return [answer async for answer in self.stub.WatchGeneration(request)]

    async def until_step(self, name: str, step: int) -> None:
        async for answer in self.stub.WatchGeneration(pb.WatchGenerationRequest(name=name)):
            if answer.generation.steps_done >= step:
                return
        raise AssertionError(f"{name} ended before step {step}")

    def clip(self, generation: pb.Generation) -> Path:
        path = self.objects.local_path(blob_key("studio", generation.result.digest))
        assert path is not None
        return path

    def steps(self, name: str) -> list[int]:
        """The steps that were told to be done, in the order in which they were told."""
        told = [data for subject, data in self.events if subject.endswith(".progressed") and name.encode() in data]
        return [work_pb2.GenerationProgressedEvent.FromString(data).steps_done for data in told]

    async def upload(self, data: bytes, name: str) -> Asset:
        """An asset of the caller's; the generator must have been started `with_media`."""
        assert self.media is not None
        digest = hashlib.sha256(data).hexdigest()
        asked = media_pb.CreateUploadRequest(display_name=name, size=len(data), digest=digest)
        begun = await self.media.CreateUpload(asked)

        async def pieces() -> AsyncIterator[media_pb.WriteUploadRequest]:
            yield media_pb.WriteUploadRequest(name=begun.upload.name, chunk=HttpBody(data=data))

        await self.media.WriteUpload(pieces())
        return (await self.media.FinishUpload(media_pb.FinishUploadRequest(name=begun.upload.name))).asset

    def verbs(self, name: str) -> list[str]:
        return [subject.rsplit(".", 1)[1] for subject, data in self.events if name.encode() in data]


def assert_resumed(steps: list[int], total: int) -> None:
    """A second run began at a checkpoint of the first, not at the first step, and made all the others."""
    (again,) = [index for index in range(1, len(steps)) if steps[index] <= steps[index - 1]]
    assert steps[again] >= 5
    assert steps[again] % 5 == 0
    assert steps[again:] == list(range(steps[again], total + 1))


@asynccontextmanager
async def generator(
    folder: Path,
    triton: str,
    *,
    roles: Roles = frozenset({"api", "worker"}),
    database_url: str = "",
    with_media: bool = False,
    **settings: Any,
) -> AsyncIterator[Generator]:
    home = folder / "home"
    mint = TokenMint()
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(NatsServer(folder / "nats"))
        port = free_port()
        platform = PlatformSettings(
            home=home,
            nats_url=nats.url,
            log_format="text",
            database_url=database_url,
            media_endpoint=f"127.0.0.1:{port}",
        )
        caller = Principal(tenant="studio", subject="ann", role="ROLE_ARTIST", token=mint.token())
        stack.enter_context(acting_as(caller))
        media: Any = None
        if with_media:
            apart = await stack.enter_async_context(Runtime("media", platform))
            media_settings = MediaSettings(listen=f"127.0.0.1:{port}", roles=frozenset({"api"}), decoders=1)
            assert await build_media(apart, media_settings, verifier=mint.verifier())
            channel = await stack.enter_async_context(service_channel(f"127.0.0.1:{port}", service="media"))
            media = MediaServiceStub(channel)
        values: dict[str, Any] = {"listen": "127.0.0.1:0", "roles": roles, "triton_endpoint": triton, **settings}
        runtime = await stack.enter_async_context(Runtime("generator", platform))
        server = await build(runtime, GeneratorSettings(**values), verifier=mint.verifier())
        assert server is not None
        channel = await stack.enter_async_context(service_channel(f"127.0.0.1:{server.port}", service="generator"))
        bus = await stack.enter_async_context(Bus(nats.url, name="test"))
        env = {
            "ARTIFEX_HOME": str(home),
            "ARTIFEX_NATS_URL": nats.url,
            "ARTIFEX_GENERATOR_TRITON_ENDPOINT": triton,
        }
        running = Generator(home, bus, GeneratorServiceStub(channel), env)
        running.media = media

        async def hear(delivery: Delivery) -> None:
            running.events.append((delivery.subject, delivery.data))

        async def ingest(delivery: Delivery) -> None:
            running.ingests.append(delivery.parse(IngestWork))

        runtime.spawn("hear", bus.consume(stream="EVENTS", durable="t", subjects=["evt.*.generator.>"], handler=hear))
        runtime.spawn("ingest", bus.consume(stream="WORK", durable="i", subjects=["work.ingest.*"], handler=ingest))
        yield running


@pytest.fixture
async def running(tmp_path: Path, triton: TritonServer) -> AsyncIterator[Generator]:
    async with generator(tmp_path, triton.endpoint) as found:
        yield found


def frames_of(path: Path, spec: pb.GenerationSpec) -> bytes:
    """The bytes of every frame, RGB of 8 bits."""
    with VideoReader(path) as reader:
        pictures = [reader.frame_at(Fraction(n, 16)) for n in range(spec.frame_count)]
    return b"".join((picture[..., :3] * 255).round().astype("uint8").tobytes() for picture in pictures)


def long(spec: pb.GenerationSpec) -> pb.GenerationSpec:
    changed = pb.GenerationSpec()
    changed.CopyFrom(spec)
    changed.steps, changed.width, changed.height, changed.frame_count = 100, 256, 144, 33
    return changed


async def test_a_generation_from_request_to_lossless_clip_and_asset(
    running: Generator, models: TritonModelServer, spec: pb.GenerationSpec
) -> None:
    created = await running.create(spec)
    assert created.state == pb.Generation.STATE_QUEUED
    seen = await running.watch(created.name)
    done = seen[-1]
    assert done.state == SUCCEEDED, done.failure
    assert [g.steps_done for g in seen] == sorted(g.steps_done for g in seen)
    assert (done.steps_done, done.steps_total, done.device, done.random_weights) == (4, 4, "cpu", True)
    assert done.weights_digest == (await models.models())[NANO].weights_digest
    assert done.create_user == "users/ann"

    # The clip holds exactly the bytes that the model sent.
    raw = b"".join([e.data async for e in models.generate(NANO, spec) if isinstance(e, FrameBytes)])
    with VideoReader(running.clip(done)) as reader:
        assert (reader.info.width, reader.info.height, reader.info.fps) == (64, 48, Fraction(16))
    assert frames_of(running.clip(done), spec) == raw
    assert done.result.digest == hashlib.sha256(running.clip(done).read_bytes()).hexdigest()

    await eventually(lambda: bool(running.ingests), what="the ingest work")
    await eventually(lambda: "completed" in running.verbs(done.name), what="the completed event")
    assert running.verbs(done.name) == ["started", *["progressed"] * 4, "completed"]
    (work,) = running.ingests
    assert (work.correlation, work.blob) == (done.name, done.result)
    assert work.provenance.details["random_weights"] == "true"
    assert work.provenance.details["seed"] == "7"
    # Everything that made it is in the record, on the asset, and told to who waits for it.
    record = done.provenance
    assert (record.spec, record.prompt) == (done.spec, "a red balloon over the sea")
    assert (record.model, record.weights_digest, record.dtype) == (f"models/{NANO}", done.weights_digest, "float32")
    assert (record.sampler, len(record.sigmas), record.sigmas[0]) == ("unipc", 4, pytest.approx(1.0, abs=0.01))
    assert {"torch", "diffusers", "transformers"} <= set(record.versions)
    assert heard(work.provenance.details[DETAIL]) == [record]
    told = work_pb2.GenerationCompletedEvent.FromString(running.events[-1][1])
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


async def test_what_the_model_cannot_do_is_refused_with_every_field_named(
    running: Generator, spec: pb.GenerationSpec
) -> None:
    spec.width, spec.frame_count = 100, 8
    with pytest.raises(InvalidArgument) as caught:
        await running.create(spec)
    assert [violation.field for violation in caught.value.violations] == ["spec.width", "spec.frame_count"]


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
    assert (nano.random_weights, nano.max_frames) == (True, 81)
    with pytest.raises(NotFound):
        await running.get(f"generations/{new_id()}")
    await running.watch(second.name)


async def test_cancelling_stops_the_model_within_a_step_and_is_final(
    running: Generator, spec: pb.GenerationSpec
) -> None:
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


def graph_work(spec: pb.GenerationSpec, attempt: int = 1, generation: str = "") -> work_pb2.GenerateWork:
    return work_pb2.GenerateWork(
        actor=Actor(tenant="studio", subject="ann"),
        generation=generation or f"generations/{new_id()}",
        spec=spec,
        job="renderJobs/j1",
        task="generate:shot",
        attempt=attempt,
    )


async def test_work_of_a_render_job_is_done_once_and_told_again_to_a_later_attempt(
    running: Generator, spec: pb.GenerationSpec
) -> None:
    work = graph_work(spec)
    await running.bus.publish("work.generate.normal", work, key=new_id())
    await eventually(lambda: "completed" in running.verbs(work.generation), what="the completed event")
    event = work_pb2.GenerationCompletedEvent.FromString(running.events[-1][1])
    assert (event.job, event.task, event.attempt) == ("renderJobs/j1", "generate:shot", 1)
    assert event.media.video_streams[0].frame_count == 9
    again = graph_work(spec, 2, work.generation)
    await running.bus.publish("work.generate.normal", again, key=new_id())
    await eventually(lambda: running.verbs(work.generation).count("completed") == 2, what="the second event")
    repeated = work_pb2.GenerationCompletedEvent.FromString(running.events[-1][1])
    assert (repeated.attempt, repeated.result) == (2, event.result)
    assert running.verbs(work.generation).count("started") == 1


async def test_a_paused_generation_stops_within_a_step_and_goes_on_from_its_checkpoint_when_it_is_resumed(
    running: Generator, models: TritonModelServer, spec: pb.GenerationSpec
) -> None:
    spec.steps, spec.width, spec.height = 40, 256, 144
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
    for change in (running.stub.PauseGeneration, running.stub.ResumeGeneration):
        with pytest.raises(FailedPrecondition):
            await change(pb.PauseGenerationRequest(name=created.name))


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


async def test_a_watch_goes_on_after_what_was_seen(running: Generator, spec: pb.GenerationSpec) -> None:
    created = await running.create(spec)
    answers = await running.answers(created.name)
    numbers = [answer.sequence for answer in answers]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > 0
    again = await running.answers(created.name, after=numbers[-2])
    assert [(answer.sequence, answer.generation.state) for answer in again] == [(numbers[-1], SUCCEEDED)]
    assert await running.answers(created.name, after=numbers[-1]) == []


async def test_previews_of_a_clip_in_the_making_are_pictures_of_its_size(
    tmp_path: Path, triton: TritonServer, spec: pb.GenerationSpec
) -> None:
    spec.steps = 6
    async with generator(tmp_path, triton.endpoint, preview_every=2) as running:
        seen = await running.watch((await running.create(spec)).name)
        shown = seen[-1].preview
        assert shown.media_type == "image/png"
        path = running.objects.local_path(blob_key("studio", shown.digest))
        assert path is not None
        assert read_image(path).shape == (48, 64, 4)


def png(folder: Path, width: int, height: int, seed: int) -> tuple[bytes, np.ndarray]:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    write_png(folder / "given.png", pixels)
    return (folder / "given.png").read_bytes(), pixels


async def test_a_clip_goes_on_from_the_callers_pictures(
    tmp_path: Path, triton: TritonServer, models: TritonModelServer, spec: pb.GenerationSpec
) -> None:
    spec.width, spec.height = 64, 64
    async with generator(tmp_path, triton.endpoint, with_media=True) as running:
        first, pixels = png(tmp_path, 64, 64, 1)
        last, others = png(tmp_path, 64, 64, 2)
        assets = [await running.upload(first, "first.png"), await running.upload(last, "last.png")]
        spec.model, spec.image, spec.last_image = f"models/{I2V}", assets[0].name, assets[1].name
        created = await running.create(spec)
        # What was given is held by its bytes.
        await running.media.DeleteAsset(media_pb.DeleteAssetRequest(name=assets[1].name))
        done = (await running.watch(created.name))[-1]
        assert done.state == SUCCEEDED, done.failure
        digests = [hashlib.sha256(data).hexdigest() for data in (first, last)]
        assert list(done.provenance.picture_digests) == digests
        given = {"first": pixels.tobytes(), "last": others.tobytes()}
        raw = b"".join([e.data async for e in models.generate(I2V, spec, pictures=given) if isinstance(e, FrameBytes)])
        assert frames_of(running.clip(done), spec) == raw
        # The same file under another name makes the same clip, which is there already.
        copy = pb.GenerationSpec()
        copy.CopyFrom(spec)
        copy.last_image = (await running.upload(last, "copy.png")).name
        again = (await running.watch((await running.create(copy)).name))[-1]
        assert again.result == done.result
        assert "progressed" not in running.verbs(again.name)

        copy.ClearField("last_image")
        copy.model = f"models/{TI2V}"
        assert (await running.watch((await running.create(copy)).name))[-1].state == SUCCEEDED


async def test_pictures_that_a_model_does_not_take_or_the_caller_has_not_are_refused(
    tmp_path: Path, triton: TritonServer, spec: pb.GenerationSpec
) -> None:
    spec.width, spec.height = 64, 64
    async with generator(tmp_path, triton.endpoint, with_media=True) as running:
        words = pb.GenerationSpec()
        words.CopyFrom(spec)
        words.image = "assets/none"
        spec.model = f"models/{I2V}"
        for wrong in (words, spec):
            with pytest.raises(InvalidArgument) as caught:
                await running.create(wrong)
            assert [violation.field for violation in caught.value.violations] == ["spec.image"]
        spec.image = "assets/none"
        with pytest.raises(NotFound) as missing:
            await running.create(spec)
        assert missing.value.metadata["resource"] == "assets/none"
        look = await running.upload(b"LUT_3D_SIZE 2\n" + b"0 0 0\n" * 8, "look.cube")
        spec.image = look.name
        with pytest.raises(InvalidArgument) as none:
            await running.create(spec)
        assert none.value.reason == "ERROR_REASON_MEDIA_UNSUPPORTED"
        # A blob that a graph hands over is looked at by the worker.
        work = graph_work(spec)
        work.spec.image = ""
        work.pictures.add(role=work_pb2.GivenPicture.ROLE_FIRST).blob.CopyFrom(look.blob)
        await running.bus.publish("work.generate.normal", work, key=new_id())
        await eventually(lambda: "failed" in running.verbs(work.generation), what="the failed event")
        event = work_pb2.GenerationFailedEvent.FromString(running.events[-1][1])
        assert event.failure.reason == "ERROR_REASON_MEDIA_UNREADABLE"


async def test_cancelling_the_job_cancels_its_generation(running: Generator, spec: pb.GenerationSpec) -> None:
    work = graph_work(long(spec))
    await running.bus.publish("work.generate.normal", work, key=new_id())
    await eventually(lambda: "progressed" in running.verbs(work.generation), what="the first step")
    await Control(running.bus).cancel("renderJobs/j1")
    await eventually(lambda: "failed" in running.verbs(work.generation), what="the failed event")
    event = work_pb2.GenerationFailedEvent.FromString(running.events[-1][1])
    assert event.failure.reason == "ERROR_REASON_CANCELLED"


async def test_bad_work_of_a_render_job_fails_with_its_reason(running: Generator, spec: pb.GenerationSpec) -> None:
    spec.model = "models/no-such-model"
    work = graph_work(spec)
    await running.bus.publish("work.generate.normal", work, key=new_id())
    await eventually(lambda: "failed" in running.verbs(work.generation), what="the failed event")
    event = work_pb2.GenerationFailedEvent.FromString(running.events[-1][1])
    assert event.failure.reason == "ERROR_REASON_REQUEST_INVALID"
    assert "no-such-model" in event.failure.message


async def test_triton_killed_under_way_costs_time_and_nothing_else(
    running: Generator, triton: TritonServer, models: TritonModelServer, spec: pb.GenerationSpec
) -> None:
    spec.steps, spec.width, spec.height = 40, 256, 144
    created = await running.create(spec)
    await running.until_step(created.name, 7)
    triton.kill9()
    triton.start()
    done = (await running.watch(created.name))[-1]
    assert done.state == SUCCEEDED, done.failure
    assert_resumed(running.steps(created.name), 40)
    assert not [kept async for kept in running.objects.list("tenants/studio/checkpoints/")]
    raw = b"".join([e.data async for e in models.generate(NANO, spec) if isinstance(e, FrameBytes)])
    assert frames_of(running.clip(done), spec) == raw


async def test_a_killed_workers_generation_is_finished_by_another(
    tmp_path: Path, triton: TritonServer, spec: pb.GenerationSpec
) -> None:
    spec.steps, spec.width, spec.height = 60, 256, 144
    async with generator(tmp_path, triton.endpoint, roles=frozenset({"api"})) as running:
        with WorkerProcess(tmp_path / "worker", running.env) as worker:
            created = await running.create(spec)
            await running.until_step(created.name, 7)
            worker.kill9()
        with WorkerProcess(tmp_path / "worker-2", running.env):
            done = (await running.watch(created.name))[-1]
            await eventually(lambda: running.steps(created.name)[-1:] == [60], what="the last step's event")
            assert_resumed(running.steps(created.name), 60)
    assert done.state == SUCCEEDED, done.failure
    assert done.steps_done == 60
