"""The service as its own process, killed without a warning."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import psutil

from artifex.auth.v1 import messages_pb2 as auth
from artifex.auth.v1 import service_pb2 as auth_service
from artifex.auth.v1 import service_pb2_grpc as auth_grpc
from artifex.media.v1 import messages_pb2 as pb
from artifex.media.v1 import service_pb2_grpc, work_pb2
from libs.chassis.bus import Bus, Control
from libs.chassis.objects import open_objects
from libs.chassis.rpc.server import GrpcServer
from libs.chassis.settings import PlatformSettings
from libs.chassis.testing import NatsServer, eventually, free_port, spawn
from libs.chassis.testing.process import accepts
from libs.chassis.testing.tokens import TokenMint
from libs.frames.decoded import frame_hashes
from tests.integration.media.served import Media
from tests.integration.media.test_work import movie_of, queue, render
from tests.support.footage import write_clip


class KeyServer(auth_grpc.AuthServiceServicer):
    """The one rpc of auth that media calls, for tokens that the test signs."""

    def __init__(self, mint: TokenMint) -> None:
        self._mint = mint

    async def GetJwks(self, request: auth.GetJwksRequest, context: Any) -> auth.GetJwksResponse:
        return auth.GetJwksResponse(keys=[auth.Jwk(**key) for key in (await self._mint.jwks())["keys"]])


async def test_sigkill_loses_neither_committed_bytes_nor_queued_work(tmp_path: Path) -> None:
    mint = TokenMint()
    port = free_port()
    descriptor = auth_service.DESCRIPTOR.services_by_name["AuthService"]
    keys = GrpcServer(
        "127.0.0.1:0",
        verifier=mint.verifier(),
        servicers=[(auth_grpc.add_AuthServiceServicer_to_server, KeyServer(mint))],  # type: ignore[abstract]
        services=[descriptor],
    )
    async with (
        NatsServer(tmp_path / "nats") as nats,
        keys,
        Bus(nats.url, name="test") as bus,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.max_reconnect_backoff_ms", 200)]) as channel,
    ):
        platform = PlatformSettings(home=tmp_path / "home", nats_url=nats.url)
        environment = {
            "PATH": os.environ["PATH"],
            "ARTIFEX_HOME": str(platform.home),
            "ARTIFEX_NATS_URL": nats.url,
            "ARTIFEX_AUTH_ENDPOINT": f"127.0.0.1:{keys.port}",
            "ARTIFEX_MEDIA_LISTEN": f"127.0.0.1:{port}",
            "ARTIFEX_LOG_FORMAT": "text",
        }
        media = Media(
            service_pb2_grpc.MediaServiceStub(channel),
            mint,
            bus,
            Control(bus),
            open_objects(platform.objects_url_or_default()),
            platform,
            port,
        )
        small = write_clip(tmp_path / "small.mp4", "h264", frames=6).read_bytes()
        segments = await render(media, tmp_path, counts=(150, 150))

        with running(environment, tmp_path / "media.log") as process:
            await eventually(lambda: accepts(port), what="the media service")
            upload = (await media.begin(small)).upload.name
            assert await media.write(upload, small[:700]) == 700
            await queue(media, segments.work)
            scratch = platform.home / "media" / "scratch"
            await eventually(lambda: any(scratch.glob("*.mp4")), what="the movie in the making")
            children = process.children(recursive=True)
            assert children
            process.kill()
            await eventually(lambda: not any(child.is_running() for child in children), what="the end of its decoders")

        with running(environment, tmp_path / "media.log") as process:
            await eventually(lambda: accepts(port), what="the media service")
            got = await media.call("GetUpload", pb.GetUploadRequest(name=upload))
            assert got.upload.committed_size == 700
            await media.write(upload, small[700:], offset=700)
            clip = await media.finish(upload)
            assert clip.blob.digest == hashlib.sha256(small).hexdigest()
            events = asyncio.create_task(
                bus.consume(stream="EVENTS", durable="test", subjects=["evt.*.media.>"], handler=media.hear)
            )
            completed = await media.event("evt.studio.media.assembly.completed", work_pb2.AssemblyCompletedEvent)
            events.cancel()
            assert frame_hashes(await movie_of(media, completed.asset, tmp_path)) == segments.hashes
            listed = await media.call("ListAssets", pb.ListAssetsRequest())
            assert {asset.name for asset in listed.assets} == {clip.name, completed.asset.name}
            process.terminate()
            await eventually(lambda: process.status() == psutil.STATUS_ZOMBIE, what="a graceful end")


@contextmanager
def running(environment: dict[str, str], log: Path) -> Iterator[psutil.Process]:
    process = spawn([sys.executable, "-m", "services.media"], log=log, env=environment)
    try:
        yield psutil.Process(process.pid)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(20)
