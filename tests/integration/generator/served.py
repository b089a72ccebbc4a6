"""A generator as it runs, for tests: its API and worker with a real bus, database, object store and Triton."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.api.httpbody_pb2 import HttpBody

from artifex.common.v1.types_pb2 import Actor
from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1 import work_pb2
from artifex.generator.v1.service_pb2_grpc import GeneratorServiceStub
from artifex.media.v1 import messages_pb2 as media_pb
from artifex.media.v1.messages_pb2 import Asset
from artifex.media.v1.service_pb2_grpc import MediaServiceStub
from artifex.media.v1.work_pb2 import IngestWork
from libs.chassis.bus import Bus, Delivery
from libs.chassis.ids import new_id
from libs.chassis.objects import blob_key, open_objects
from libs.chassis.principal import Principal, acting_as
from libs.chassis.rpc.channel import service_channel
from libs.chassis.runtime import Runtime
from libs.chassis.settings import PlatformSettings, Roles
from libs.chassis.testing import NatsServer, Server, free_port, spawn
from libs.chassis.testing.tokens import TokenMint
from libs.frames.video_reader import VideoReader
from services.generator.__main__ import build
from services.generator.settings import GeneratorSettings
from services.media.__main__ import build as build_media
from services.media.settings import MediaSettings
from tests.support.triton import RESIDENT

if TYPE_CHECKING:
    # Exists in the stubs' types alone.
    from artifex.generator.v1.service_pb2_grpc import GeneratorServiceAsyncStub

SUCCEEDED = pb.Generation.STATE_SUCCEEDED
CANCELLED = pb.Generation.STATE_CANCELLED
PAUSED = pb.Generation.STATE_PAUSED
FAILED = pb.Generation.STATE_FAILED


class WorkerProcess(Server):
    """`python -m services.generator` in the role of a worker alone."""

    ready_timeout = 120.0

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
        if begun.HasField("asset"):
            held: Asset = begun.asset
            return held

        async def pieces() -> AsyncIterator[media_pb.WriteUploadRequest]:
            yield media_pb.WriteUploadRequest(name=begun.upload.name, chunk=HttpBody(data=data))

        await self.media.WriteUpload(pieces())
        finished = await self.media.FinishUpload(media_pb.FinishUploadRequest(name=begun.upload.name))
        asset: Asset = finished.asset
        return asset

    def told(self, name: str, verb: str) -> bytes:
        """The newest event of a generation, by its verb."""
        return [d for subject, d in self.events if subject.endswith(f".{verb}") and name.encode() in d][-1]

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
        values: dict[str, Any] = {
            "listen": "127.0.0.1:0",
            "roles": roles,
            "triton_endpoint": triton,
            "progress_seconds": 0,
            "resident_models": RESIDENT,
            **settings,
        }
        runtime = await stack.enter_async_context(Runtime("generator", platform))
        server = await build(runtime, GeneratorSettings(**values), verifier=mint.verifier())
        assert server is not None
        channel = await stack.enter_async_context(service_channel(f"127.0.0.1:{server.port}", service="generator"))
        bus = await stack.enter_async_context(Bus(nats.url, name="test"))
        env = {
            "ARTIFEX_HOME": str(home),
            "ARTIFEX_NATS_URL": nats.url,
            "ARTIFEX_GENERATOR_TRITON_ENDPOINT": triton,
            "ARTIFEX_GENERATOR_RESIDENT_MODELS": str(RESIDENT),
            # Every step, as these are counted.
            "ARTIFEX_GENERATOR_PROGRESS_SECONDS": "0",
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


def frames_of(path: Path, spec: pb.GenerationSpec) -> bytes:
    """The bytes of every frame, RGB of 8 bits."""
    with VideoReader(path) as reader:
        pictures = [reader.frame_at(Fraction(n, 16)) for n in range(spec.frame_count)]
    return b"".join((picture[..., :3] * 255).round().astype("uint8").tobytes() for picture in pictures)


def long(spec: pb.GenerationSpec) -> pb.GenerationSpec:
    changed = pb.GenerationSpec()
    changed.CopyFrom(spec)
    changed.steps, changed.width, changed.height, changed.frame_count = 200, 112, 64, 17
    return changed


def graph_work(
    spec: pb.GenerationSpec, attempt: int = 1, generation: str = "", job: str = "renderJobs/j1"
) -> work_pb2.GenerateWork:
    return work_pb2.GenerateWork(
        actor=Actor(tenant="studio", subject="ann"),
        generation=generation or f"generations/{new_id()}",
        spec=spec,
        job=job,
        task="generate:shot",
        attempt=attempt,
    )
