"""The server's span and measures of each rpc, as children of the caller's trace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Container
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import grpc
from opentelemetry.trace import SpanKind, Status, StatusCode

from libs.chassis.rpc.interceptors.around import AroundInterceptor, Call
from libs.chassis.rpc.policy import OPEN_SERVICES
from libs.chassis.telemetry import extract, meter, tracer

_tracer = tracer(__name__)
# Codes that mean a fault on this side; the others are answers.
_FAULTS = frozenset({"UNKNOWN", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "DATA_LOSS", "UNIMPLEMENTED"})
_DURATION_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0]


class TelemetryInterceptor(AroundInterceptor):
    """Opens a span named `package.Service/Method`; probes and reflection leave none.

    Methods that are not in `served` are all named `unknown`, so that invented names do not fill the metrics.
    """

    def __init__(self, served: Container[str]) -> None:
        self._served = served
        measures = meter(__name__)
        self._duration = measures.create_histogram(
            "rpc.server.duration", "s", "Time to serve an rpc", explicit_bucket_boundaries_advisory=_DURATION_BUCKETS
        )
        self._in_flight = measures.create_up_down_counter("rpc.server.in_flight", "1", "Rpcs being served")

    def around(self, call: Call) -> AbstractAsyncContextManager[None]:
        service, _, method = call.method.lstrip("/").partition("/")
        if service in OPEN_SERVICES:
            return super().around(call)
        if call.method not in self._served:
            service, method = "unknown", "unknown"
        return self._observe(call, service, method)

    @asynccontextmanager
    async def _observe(self, call: Call, service: str, method: str) -> AsyncIterator[None]:
        headers = {str(key): value for key, value in call.context.invocation_metadata() or () if isinstance(value, str)}
        names = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
        start = time.monotonic()
        self._in_flight.add(1, names)
        with _tracer.start_as_current_span(
            f"{service}/{method}",
            context=extract(headers),
            kind=SpanKind.SERVER,
            attributes=names,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            code = "UNKNOWN"
            try:
                yield
                code = "OK"
            except grpc.aio.AbortError:
                code = grpc.StatusCode(call.context.code()).name
                raise
            except asyncio.CancelledError:
                code = "CANCELLED"
                raise
            finally:
                span.set_attribute("rpc.grpc.status_code", code)
                if code in _FAULTS:
                    span.set_status(Status(StatusCode.ERROR, code))
                self._in_flight.add(-1, names)
                self._duration.record(time.monotonic() - start, {**names, "rpc.grpc.status_code": code})
