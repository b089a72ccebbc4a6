"""OpenTelemetry spans of the model, under the service name "triton", continuing the caller's trace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator


class Tracing:
    """Exports to `endpoint` (host:port of OTLP over gRPC); with an empty endpoint spans are made and dropped."""

    def __init__(self, endpoint: str) -> None:
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "triton", "process.pid": os.getpid()}), shutdown_on_exit=False
        )
        if endpoint:
            exporter = OTLPSpanExporter(endpoint=endpoint, insecure=True)
            self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
        self._tracer = self._provider.get_tracer("artifex_process")

    @contextmanager
    def request(self, name: str, traceparent: str, **attributes: str | int) -> Iterator[None]:
        """The span of a whole request, a child of `traceparent` where that is one."""
        context = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
        with self._tracer.start_as_current_span(name, context, SpanKind.SERVER, attributes):
            yield

    @contextmanager
    def span(self, name: str, **attributes: str | int) -> Iterator[None]:
        with self._tracer.start_as_current_span(name, attributes=attributes):
            yield

    def close(self) -> None:
        self._provider.shutdown()
