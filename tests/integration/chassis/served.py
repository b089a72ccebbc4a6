"""Two small servicers of generated services behind the real server, and the probes that the rpc tests share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from artifex.auth.v1 import messages_pb2 as auth
from artifex.auth.v1 import service_pb2 as auth_service
from artifex.auth.v1 import service_pb2_grpc as auth_grpc
from artifex.media.v1 import messages_pb2 as media
from artifex.media.v1 import service_pb2 as media_service
from artifex.media.v1 import service_pb2_grpc as media_grpc
from libs.chassis.errors import Aborted, NotFound, Violation
from libs.chassis.errors import InvalidArgument as BadRequest
from libs.chassis.principal import current_principal
from libs.chassis.rpc.server import GrpcServer
from libs.chassis.settings import PlatformSettings
from libs.chassis.telemetry import setup_telemetry
from libs.chassis.testing.tokens import TokenMint

SERVICES = [
    auth_service.DESCRIPTOR.services_by_name["AuthService"],
    media_service.DESCRIPTOR.services_by_name["MediaService"],
]
SECRET = "the password is hunter2"


class Auth(auth_grpc.AuthServiceServicer):
    """GetUser fails in the way that the user's name asks for."""

    def __init__(self, mint: TokenMint) -> None:
        self._mint = mint
        self.remaining: list[float] = []

    async def GetJwks(self, request: auth.GetJwksRequest, context: Any) -> auth.GetJwksResponse:
        return auth.GetJwksResponse(keys=[auth.Jwk(**key) for key in (await self._mint.jwks())["keys"]])

    async def GetCaller(self, request: auth.GetCallerRequest, context: Any) -> auth.GetCallerResponse:
        principal = current_principal()
        self.remaining.append(context.time_remaining())
        return auth.GetCallerResponse(tenant=f"tenants/{principal.tenant}", user=f"users/{principal.subject}")

    async def GetUser(self, request: auth.GetUserRequest, context: Any) -> auth.GetUserResponse:
        match request.name:
            case "users/absent":
                raise NotFound(request.name)
            case "users/broken":
                raise KeyError(SECRET)
            case "users/slow":
                await asyncio.Event().wait()
            case "users/raced":
                raise Aborted("changed meanwhile", metadata={"resource": request.name}, retry_after=0.25)
            case "users/manyfaults":
                many = [Violation(f"nodes.n{n}", "is not connected " * 3, "unconnected") for n in range(500)]
                raise BadRequest("é" * 5000, violations=many, reason="ERROR_REASON_GRAPH_INVALID")
        return auth.GetUserResponse(user=auth.User(name=request.name))

    async def CreateTenant(self, request: auth.CreateTenantRequest, context: Any) -> auth.CreateTenantResponse:
        return auth.CreateTenantResponse()


class Media(media_grpc.MediaServiceServicer):
    """Uploads count bytes; downloads of `assets/endless` end when the caller goes."""

    def __init__(self) -> None:
        self.streaming = asyncio.Event()
        self.ended = asyncio.Event()
        self.endings: list[str] = []
        self.release = asyncio.Event()

    async def WriteUpload(
        self, request_iterator: AsyncIterator[media.WriteUploadRequest], context: Any
    ) -> media.WriteUploadResponse:
        size = 0
        async for request in request_iterator:
            size += len(request.chunk.data)
        return media.WriteUploadResponse(committed_size=size)

    async def DownloadAsset(
        self, request: media.DownloadAssetRequest, context: Any
    ) -> AsyncIterator[media.DownloadAssetResponse]:
        try:
            for number in range(3):
                yield piece(b"%d" % number)
            self.streaming.set()
            match request.name:
                case "assets/broken":
                    raise KeyError(SECRET)
                case "assets/endless":
                    while True:
                        yield piece(b"x" * 1000)
                        await asyncio.sleep(0)
                case "assets/held":
                    await self.release.wait()
                    yield piece(b"last")
                case "assets/silent":
                    await asyncio.Event().wait()
        except BaseException as error:
            self.endings.append(type(error).__name__)
            raise
        finally:
            self.ended.set()


def piece(data: bytes) -> media.DownloadAssetResponse:
    response = media.DownloadAssetResponse()
    response.content.data = data
    return response


@dataclass
class Served:
    """A running server, a plain channel to it, and what is behind it."""

    server: GrpcServer
    channel: grpc.aio.Channel
    mint: TokenMint
    auth_servicer: Auth
    media_servicer: Media
    auth: Any = field(init=False)
    media: Any = field(init=False)

    def __post_init__(self) -> None:
        self.auth = auth_grpc.AuthServiceStub(self.channel)
        self.media = media_grpc.MediaServiceStub(self.channel)

    @property
    def raw(self) -> Any:
        """The channel, for calls without the generated stubs; untyped, as those of health and reflection are."""
        return self.channel

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def as_role(self, role: str, **claims: Any) -> dict[str, Any]:
        return {"metadata": self.mint.metadata(role, **claims)}


@asynccontextmanager
async def serve(
    *, health_checks: Mapping[str, Callable[[], Awaitable[bool]]] | None = None, **settings: Any
) -> AsyncIterator[Served]:
    mint = TokenMint()
    auth_servicer, media_servicer = Auth(mint), Media()  # type: ignore[abstract]  # the rpcs under test alone
    server = GrpcServer(
        "127.0.0.1:0",
        verifier=mint.verifier(),
        servicers=[
            (auth_grpc.add_AuthServiceServicer_to_server, auth_servicer),
            (media_grpc.add_MediaServiceServicer_to_server, media_servicer),
        ],
        services=SERVICES,
        health_checks=health_checks,
        **settings,
    )
    async with server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield Served(server, channel, mint, auth_servicer, media_servicer)


@dataclass
class Failed:
    """A failed call as its caller sees it."""

    code: str = ""
    message: str = ""
    info: error_details_pb2.ErrorInfo = field(default_factory=error_details_pb2.ErrorInfo)
    bad: error_details_pb2.BadRequest = field(default_factory=error_details_pb2.BadRequest)
    retry: error_details_pb2.RetryInfo | None = None
    everything: str = ""


@contextmanager
def failing(code: str, reason: str = "") -> Iterator[Failed]:
    """The block must fail with this code, and with ErrorInfo of this reason."""
    failed = Failed()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        yield failed
    error = caught.value
    failed.code, failed.message = error.code().name, error.details() or ""
    failed.everything = repr(error)
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            status = status_pb2.Status.FromString(value)
            failed.everything += str(status)
            assert (status.code, status.message) == (error.code().value[0], error.details())
            for detail in status.details:
                detail.Unpack(failed.info)
                detail.Unpack(failed.bad)
                retry = error_details_pb2.RetryInfo()
                if detail.Unpack(retry):
                    failed.retry = retry
    assert (failed.code, failed.info.reason) == (code, reason)
    assert failed.info.domain == "artifex.studio"


@asynccontextmanager
async def recorded_spans() -> AsyncIterator[InMemorySpanExporter]:
    """The process's finished spans."""
    exporter = InMemorySpanExporter()
    async with setup_telemetry("test", PlatformSettings(otlp_endpoint="")) as telemetry:
        telemetry.add_processor(SimpleSpanProcessor(exporter))
        yield exporter
