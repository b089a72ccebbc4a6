"""A whole media service in this process: real nats-server, SQLite, files, sandboxes and gRPC."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.message import Message

from artifex.media.v1 import messages_pb2 as pb
from artifex.media.v1 import service_pb2_grpc
from libs.chassis.bus import Bus, Control, Delivery
from libs.chassis.errors import ArtifexError
from libs.chassis.ids import new_id
from libs.chassis.objects import ObjectStore, open_objects
from libs.chassis.rpc.channel import from_rpc_error
from libs.chassis.runtime import Runtime
from libs.chassis.settings import PlatformSettings
from libs.chassis.testing.tokens import TokenMint
from services.media.__main__ import build
from services.media.settings import MediaSettings

M = TypeVar("M", bound=Message)


@dataclass
class Media:
    """The running service and a client of it."""

    stub: Any
    mint: TokenMint
    bus: Bus
    control: Control
    objects: ObjectStore
    platform: PlatformSettings
    port: int
    events: list[Delivery] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def auth(self, tenant: str = "studio", role: str = "ROLE_LEAD_ARTIST") -> list[tuple[str, str]]:
        return self.mint.metadata(role, tenant=tenant)

    async def call(self, rpc: str, request: Message, tenant: str = "studio") -> Any:
        """The answer, or the typed error that a service would see."""
        try:
            return await getattr(self.stub, rpc)(request, metadata=self.auth(tenant))
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    async def begin(self, data: bytes, name: str = "clip.mp4", tenant: str = "studio") -> pb.CreateUploadResponse:
        request = pb.CreateUploadRequest(
            display_name=name, size=len(data), digest=hashlib.sha256(data).hexdigest(), request_id=new_id()
        )
        answer: pb.CreateUploadResponse = await self.call("CreateUpload", request, tenant)
        return answer

    async def write(self, name: str, data: bytes, offset: int = 0, tenant: str = "studio") -> int:
        try:
            answer = await self.stub.WriteUpload(messages(name, data, offset), metadata=self.auth(tenant))
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        committed: int = answer.committed_size
        return committed

    async def finish(self, name: str, tenant: str = "studio") -> pb.Asset:
        answer = await self.call("FinishUpload", pb.FinishUploadRequest(name=name), tenant)
        asset: pb.Asset = answer.asset
        return asset

    async def upload(self, data: bytes, name: str = "clip.mp4", tenant: str = "studio") -> pb.Asset:
        begun = await self.begin(data, name, tenant)
        if begun.HasField("asset"):
            return begun.asset
        assert await self.write(begun.upload.name, data, tenant=tenant) == len(data)
        return await self.finish(begun.upload.name, tenant)

    async def download(self, name: str, tenant: str = "studio", **range_: int) -> list[pb.DownloadAssetResponse]:
        try:
            request = pb.DownloadAssetRequest(name=name, **range_)
            return [answer async for answer in self.stub.DownloadAsset(request, metadata=self.auth(tenant))]
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    async def keys(self, prefix: str) -> set[str]:
        return {item.key async for item in self.objects.list(prefix)}

    async def event(self, subject: str, kind: type[M], timeout: float = 60.0) -> M:
        """The first event on the subject, now or soon."""
        async with asyncio.timeout(timeout):
            while True:
                for delivery in self.events:
                    if delivery.subject == subject:
                        return delivery.parse(kind)
                self.arrived.clear()
                await self.arrived.wait()

    async def hear(self, delivery: Delivery) -> None:
        self.events.append(delivery)
        self.arrived.set()


def messages(name: str, data: bytes, offset: int = 0, piece: int = 1 << 20) -> Iterator[pb.WriteUploadRequest]:
    """The stream of one upload."""
    yield pb.WriteUploadRequest(name=name, offset=offset, chunk=HttpBody(data=data[:piece]))
    for start in range(piece, len(data), piece):
        yield pb.WriteUploadRequest(chunk=HttpBody(data=data[start : start + piece]))


async def refused(call: Any) -> ArtifexError:
    """The typed error of a call that must fail."""
    try:
        answer = await call
    except ArtifexError as error:
        return error
    raise AssertionError(f"the call was not refused: {answer}")


@asynccontextmanager
async def serving(
    home: Path, nats_url: str, *, database_url: str = "", objects_url: str = "", **overrides: Any
) -> AsyncIterator[Media]:
    """A media service on a free port, with its data under `home`; `overrides` are fields of MediaSettings."""
    platform = PlatformSettings(
        home=home, nats_url=nats_url, database_url=database_url, objects_url=objects_url, log_format="text"
    )
    mint = TokenMint()
    options: dict[str, Any] = {"listen": "127.0.0.1:0", "decoders": 1, **overrides}
    settings = MediaSettings(**options)
    async with Runtime("media", platform) as runtime:
        server = await build(runtime, settings, verifier=mint.verifier())
        assert server is not None
        channel = await runtime.enter(grpc.aio.insecure_channel(f"127.0.0.1:{server.port}"))
        bus = await runtime.enter(Bus(nats_url, name="test"))
        control = Control(bus)
        media = Media(
            service_pb2_grpc.MediaServiceStub(channel),
            mint,
            bus,
            control,
            open_objects(platform.objects_url_or_default()),
            platform,
            server.port,
        )
        runtime.spawn(
            "events",
            bus.consume(stream="EVENTS", durable=f"test-{new_id()}", subjects=["evt.*.media.>"], handler=media.hear),
        )
        yield media
