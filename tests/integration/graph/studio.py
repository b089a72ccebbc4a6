"""The graph service as it runs: API and workers as processes of their own, with a real bus, object store and auth.

Movies are joined by the test itself, with the media service's own code, so that a test sees what was asked of it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from artifex.auth.v1 import messages_pb2 as auth_pb2
from artifex.auth.v1 import service_pb2_grpc as auth_grpc
from artifex.graph.v1 import messages_pb2, service_pb2_grpc
from artifex.media.v1 import messages_pb2 as media_pb2
from artifex.media.v1 import work_pb2 as media_work_pb2
from artifex.provenance import DETAIL, movie_words
from libs.chassis.bus import Bus, Delivery
from libs.chassis.objects import LocalCache, ObjectStore, blob_key, open_objects, put_blob_file
from libs.chassis.principal import Principal, acting_as
from libs.chassis.rpc.channel import service_channel
from libs.chassis.testing import NatsServer, Server, free_port, spawn
from libs.chassis.testing.process import accepts
from services.graph.domain.jobs.job import segment_key
from services.media.adapters import decoder_child


class Service(Server):
    """`python -m services.<module> [arguments]`, ready when it listens; one without a port is ready at once."""

    def __init__(self, folder: Path, module: str, *arguments: str, env: Mapping[str, str], port: int = 0) -> None:
        super().__init__(folder)
        self._arguments = (module, *arguments)
        self._env = {**os.environ, **env}
        self._port = port

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", *self._arguments]

    def launch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = spawn(self.command(), log=self.log, env=self._env)

    def is_ready(self) -> bool:
        return not self._port or accepts(self._port)


class Studio:
    """Addresses and clients of what `studio` started."""

    def __init__(self, home: Path, nats: NatsServer, env: Mapping[str, str], objects: ObjectStore) -> None:
        self.home = home
        self.nats = nats
        self.env = env
        self.objects = objects
        self.api: Service
        self.render: service_pb2_grpc.RenderServiceAsyncStub
        self.graph: service_pb2_grpc.GraphServiceAsyncStub
        self.assembled: list[media_work_pb2.AssembleWork] = []

    def worker(self, name: str) -> Service:
        """A render worker that is not started yet."""
        return Service(self.home / "logs" / name, "services.graph", "worker", env=self.env)

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[service_pb2_grpc.RenderServiceAsyncStub]:
        """A second API process on the same database."""
        port = free_port()
        env = {**self.env, "ARTIFEX_GRAPH_LISTEN": f"127.0.0.1:{port}"}
        async with (
            Service(self.home / "logs" / "replica", "services.graph", env=env, port=port),
            service_channel(f"127.0.0.1:{port}", service="graph") as channel,
        ):
            yield service_pb2_grpc.RenderServiceStub(channel)

    async def restart(self, server: Server) -> None:
        """Start a killed process again, with the files that it had."""
        # Not launched from another thread: a child dies with the thread that forked it.
        server.launch()
        await asyncio.to_thread(server.wait_ready)

    async def watch(self, name: str, after: int = 0) -> list[messages_pb2.RenderEvent]:
        """All events of a job, to its end."""
        request = messages_pb2.WatchRenderJobRequest(name=name, after_sequence=after)
        return [response.event async for response in self.render.WatchRenderJob(request)]

    async def until(
        self, name: str, kind: messages_pb2.RenderTask.Kind.ValueType, state: messages_pb2.RenderTask.State.ValueType
    ) -> messages_pb2.RenderTask:
        """Follow a job until one of its tasks is in a state."""
        async for response in self.render.WatchRenderJob(messages_pb2.WatchRenderJobRequest(name=name)):
            if response.event.task.kind == kind and response.event.task.state == state:
                return response.event.task
        raise AssertionError(f"{name} ended before that")

    async def until_rendered(self, name: str, frames: int) -> None:
        """Follow a job until so many of its frames are rendered, those of unfinished chunks included."""
        async for response in self.render.WatchRenderJob(messages_pb2.WatchRenderJobRequest(name=name)):
            if response.event.progress.frames_done >= frames:
                return
        raise AssertionError(f"{name} ended before that")

    def movie(self, job: messages_pb2.RenderJob) -> Path:
        """The file of a finished job."""
        path = self.objects.local_path(blob_key("studio", job.output_asset.removeprefix("assets/")))
        assert path is not None
        return path

    def segments(self, job: str) -> list[Path]:
        """The segments in the folder of a job's first run."""
        folder = self.home / "objects" / "tenants" / "studio" / "jobs" / job.removeprefix("renderJobs/")
        return sorted(folder.iterdir()) if folder.is_dir() else []


@asynccontextmanager
async def studio(folder: Path, env: Mapping[str, str] | None = None) -> AsyncIterator[Studio]:
    """Everything but the workers."""
    home = folder / "home"
    objects = open_objects((home / "objects").as_uri())
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(NatsServer(folder / "nats"))
        auth_port, graph_port = free_port(), free_port()
        settings = {
            "ARTIFEX_HOME": str(home),
            "ARTIFEX_NATS_URL": nats.url,
            "ARTIFEX_AUTH_ENDPOINT": f"127.0.0.1:{auth_port}",
            "ARTIFEX_AUTH_LISTEN": f"127.0.0.1:{auth_port}",
            "ARTIFEX_GRAPH_LISTEN": f"127.0.0.1:{graph_port}",
            "ARTIFEX_MEDIA_ENDPOINT": f"127.0.0.1:{free_port()}",
            "ARTIFEX_LOG_FORMAT": "text",
            **(env or {}),
        }
        running = Studio(home, nats, settings, objects)
        logs = home / "logs"
        auth = Service(logs / "auth", "services.auth", env=settings, port=auth_port)
        running.api = Service(logs / "graph", "services.graph", env=settings, port=graph_port)
        auth.launch()
        stack.callback(auth.stop)
        running.api.launch()
        stack.callback(running.api.stop)
        for service in (auth, running.api):
            await asyncio.to_thread(service.wait_ready)
        token = await _token(auth_port, (home / "token").read_text().strip())
        stack.enter_context(acting_as(Principal(tenant="studio", subject="", role="ROLE_ADMIN", token=token)))
        channel = await stack.enter_async_context(service_channel(f"127.0.0.1:{graph_port}", service="graph"))
        running.render = service_pb2_grpc.RenderServiceStub(channel)
        running.graph = service_pb2_grpc.GraphServiceStub(channel)
        bus = await stack.enter_async_context(Bus(nats.url, name="assembler"))
        assembling = asyncio.create_task(_assemble(running, bus, folder / "assembly"))
        try:
            yield running
        finally:
            assembling.cancel()
            with suppress(asyncio.CancelledError):
                await assembling


async def _token(port: int, key: str) -> str:
    async with service_channel(f"127.0.0.1:{port}", service="auth") as channel:
        answer = await auth_grpc.AuthServiceStub(channel).CreateToken(auth_pb2.CreateTokenRequest(api_key=key))
    token: str = answer.access_token
    return token


async def _assemble(running: Studio, bus: Bus, folder: Path) -> None:
    cache = LocalCache(running.objects, folder / "cache", 0)
    await asyncio.to_thread(folder.mkdir, parents=True)

    async def assemble(delivery: Delivery) -> None:
        work = delivery.parse(media_work_pb2.AssembleWork)
        running.assembled.append(work)
        about: dict[str, Any] = {"actor": work.actor, "job": work.job, "task": work.task, "attempt": work.attempt}
        key = f"{work.job}/{work.task}/{work.attempt}"
        started = media_work_pb2.AssemblyStartedEvent(**about)
        await bus.publish(f"evt.{work.actor.tenant}.media.assembly.started", started, key=f"{key}/started")
        async with AsyncExitStack() as stack:
            parts = [
                await stack.enter_async_context(
                    cache.path(segment_key(work.actor.tenant, work.job, segment.blob.digest))
                )
                for segment in [*work.segments, *([work.audio] if work.HasField("audio") else [])]
            ]
            frames, sound = parts[: len(work.segments)], parts[len(work.segments) :]
            out = folder / f"{work.attempt}.{work.container}"
            request = {
                "kind": "assemble",
                "name": work.display_name,
                "segments": [str(path) for path in frames],
                "audio": str(sound[0]) if sound else None,
                "output": str(out),
                "container": work.container,
                "frame_rate": f"{work.frame_rate.numerator}/{work.frame_rate.denominator}",
                "frame_count": work.frame_count,
                "words": movie_words(work.provenance.details.get(DETAIL, "")),
            }
            await asyncio.to_thread(decoder_child.run, request, lambda progress: None)
        blob = await put_blob_file(running.objects, work.actor.tenant, out, "video/mp4")
        asset = media_pb2.Asset(name=f"assets/{blob.digest}", blob=blob)
        completed = media_work_pb2.AssemblyCompletedEvent(**about, asset=asset)
        await bus.publish(f"evt.{work.actor.tenant}.media.assembly.completed", completed, key=f"{key}/completed")

    await bus.consume(stream="WORK", durable="assembler", subjects=["work.assemble.*"], handler=assemble)
