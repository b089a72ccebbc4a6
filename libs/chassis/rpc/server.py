"""The gRPC server that every service runs: its servicers, health, reflection, and the interceptors around them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from libs.chassis.rpc.channel import MAX_MESSAGE_BYTES
from libs.chassis.rpc.interceptors.authentication import AuthenticationInterceptor
from libs.chassis.rpc.interceptors.deadline import DeadlineInterceptor
from libs.chassis.rpc.interceptors.drain import DrainInterceptor
from libs.chassis.rpc.interceptors.errors import ErrorInterceptor
from libs.chassis.rpc.interceptors.policy import PolicyInterceptor
from libs.chassis.rpc.interceptors.telemetry import TelemetryInterceptor
from libs.chassis.rpc.interceptors.validation import ValidationInterceptor
from libs.chassis.rpc.policy import OPEN_SERVICES, PolicyMissing, policies_of
from libs.chassis.tokens import TokenVerifier

_log = logging.getLogger(__name__)

HealthCheck = Callable[[], Awaitable[bool]]
AddServicer = Callable[[Any, grpc.aio.Server], None]

_OPTIONS = (
    # A second server on the port fails loudly instead of sharing it.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # More than the gateway takes (60 KiB), and a copy of the path: it refuses in words of its own, gRPC with names of
    # headers that are nobody's business.
    ("grpc.max_metadata_size", 160 * 1024),
    ("grpc.absolute_max_metadata_size", 256 * 1024),
    # How much of a stream is taken in before its handler asks. Left to itself, gRPC widens that with the bandwidth
    # that it sees: media held up to 200 MB while it took 400 MB in, and 176 this way, 1 more than for 150 MB.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 1 << 20),
)
_LAST_GRACE_S = 0.5  # for the refusals that are still on their way
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class GrpcServer:
    """Async context manager: serves from entry; on exit it refuses new calls, and lets running ones end.

    `servicers` pairs each generated `add_XServicer_to_server` with its servicer; `services` are their descriptors. An
    rpc that is served without a declared policy raises PolicyMissing. `verifier` may be None only where every rpc is
    public. `health_checks` name what the service depends on: while one answers False, raises or hangs, health says
    NOT_SERVING. Times are in seconds.
    """

    def __init__(
        self,
        listen: str,
        *,
        verifier: TokenVerifier | None,
        servicers: Sequence[tuple[AddServicer, object]],
        services: Sequence[ServiceDescriptor],
        health_checks: Mapping[str, HealthCheck] | None = None,
        default_deadline: float = 60.0,
        drain: float = 10.0,
        health_interval: float = 2.0,
    ) -> None:
        self._listen = listen
        self._drain_seconds = drain
        self._drain = DrainInterceptor()
        self._names = [service.full_name for service in services]
        self._health_checks = dict(health_checks or {})
        self._health_interval = health_interval
        self._unwell: set[str] = set()
        self._health = health.aio.HealthServicer()
        self._polling: asyncio.Task[None] | None = None
        policies = policies_of(services)
        guards: list[grpc.aio.ServerInterceptor] = [PolicyInterceptor(policies)]
        if verifier is not None:
            guards.insert(0, AuthenticationInterceptor(verifier, policies))
        elif guarded := sorted(name for name, policy in policies.items() if not policy.public):
            raise ValueError(f"{guarded[0]} asks for a token, and the server has no verifier")
        self._server = grpc.aio.server(
            interceptors=[
                TelemetryInterceptor(policies),
                ErrorInterceptor(),
                self._drain,
                DeadlineInterceptor(default_deadline),
                *guards,
                ValidationInterceptor(),
            ],
            options=_OPTIONS,
        )
        registry = _Registry(self._server)
        for add, servicer in servicers:
            add(servicer, registry)  # type: ignore[arg-type]
        if unruled := sorted(registry.methods - policies.keys()):
            raise PolicyMissing(f"{unruled[0]} is served, and its service is not among the declared ones")
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection([*self._names, *OPEN_SERVICES], self._server)
        self.port = 0
        """The port that is listened on, once entered; `listen` may end with `:0`."""

    async def __aenter__(self) -> Self:
        self.port = self._server.add_insecure_port(self._listen)
        await self._report(await self._healthy())
        await self._server.start()
        self._polling = asyncio.create_task(self._poll_health(), name="health")
        _log.info("listening", extra={"address": self._listen, "port": self.port})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait([self._polling])
        await self._health.enter_graceful_shutdown()
        drained = await self._drain.drain(self._drain_seconds)
        if not drained:
            _log.warning("calls still running after %s s are cut off", self._drain_seconds)
        await self._server.stop(_LAST_GRACE_S if drained else None)

    async def _report(self, healthy: bool) -> None:
        for name in ("", *self._names):
            await self._health.set(name, _SERVING if healthy else _NOT_SERVING)

    async def _poll_health(self) -> None:
        while True:
            await asyncio.sleep(self._health_interval)
            await self._report(await self._healthy())

    async def _healthy(self) -> bool:
        answers = await asyncio.gather(*(self._passes(name, check) for name, check in self._health_checks.items()))
        return all(answers)

    async def _passes(self, name: str, check: HealthCheck) -> bool:
        failure: Exception | None = None
        try:
            async with asyncio.timeout(self._health_interval):
                passed = await check()
        except Exception as error:  # noqa: BLE001 - any failure of a check means that the dependency is not well
            passed, failure = False, error
        # Changes alone are news.
        if passed and name in self._unwell:
            _log.info("%s is well again", name)
            self._unwell.discard(name)
        elif not passed and name not in self._unwell:
            _log.warning("%s is not well", name, exc_info=failure)
            self._unwell.add(name)
        return passed


class _Registry:
    """Takes the place of the server while servicers are added, to learn which methods they serve."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server
        self.methods: set[str] = set()

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        self.methods |= {f"/{service}/{method}" for method in handlers}
        self._server.add_registered_method_handlers(service, handlers)
