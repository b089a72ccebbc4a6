"""Traces and metrics: OpenTelemetry, sent by OTLP over gRPC where an endpoint is set, W3C `traceparent` on the wire.

Without an endpoint spans still get ids and travel with calls and messages, so that logs and job records can name a
trace; they are only sent nowhere.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any, Self

from opentelemetry import context as otel_context
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from libs.chassis.settings import PlatformSettings

_PROPAGATOR = TraceContextTextMapPropagator()
_SPAN_DELAY_MS = 500  # a person who looks for the trace of what just ended should find it whole
_METRIC_INTERVAL_MS = 10_000
_EXPORT_TIMEOUT_S = 5


class Telemetry:
    """The process's providers. Closing it flushes what is not sent yet, for at most five seconds."""

    def __init__(self, service: str, otlp_endpoint: str) -> None:
        resource = Resource.create({"service.name": service, "service.instance.id": f"{service}-{os.getpid()}"})
        self.tracer_provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        readers = []
        if otlp_endpoint:
            spans = OTLPSpanExporter(endpoint=otlp_endpoint, insecure=True, timeout=_EXPORT_TIMEOUT_S)
            self.add_processor(BatchSpanProcessor(spans, schedule_delay_millis=_SPAN_DELAY_MS))
            measures = OTLPMetricExporter(endpoint=otlp_endpoint, insecure=True, timeout=_EXPORT_TIMEOUT_S)
            readers.append(PeriodicExportingMetricReader(measures, export_interval_millis=_METRIC_INTERVAL_MS))
        self.meter_provider = MeterProvider(resource=resource, metric_readers=readers, shutdown_on_exit=False)

    def add_processor(self, processor: SpanProcessor) -> None:
        """Also hand every finished span to `processor`."""
        self.tracer_provider.add_span_processor(processor)

    async def close(self) -> None:
        """Flush and stop; the module's tracers record nothing from here on."""
        global _active
        if _active is self:
            _active = None
        # The SDK's shutdown waits for its exporter threads.
        await asyncio.to_thread(self._shutdown)

    def _shutdown(self) -> None:
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown(timeout_millis=_EXPORT_TIMEOUT_S * 1000)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


_active: Telemetry | None = None


def setup_telemetry(service: str, settings: PlatformSettings) -> Telemetry:
    """Start the process's telemetry. Called once at start; a later call takes over from the one before."""
    global _active
    _active = Telemetry(service, settings.otlp_endpoint)
    return _active


class _LateTracer(trace.Tracer):
    """Finds the provider at each span, so that a module may keep its tracer from before the set-up."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _target(self) -> trace.Tracer:
        return trace.NoOpTracer() if _active is None else _active.tracer_provider.get_tracer(self._name)

    def start_span(self, *args: Any, **kwargs: Any) -> trace.Span:
        return self._target().start_span(*args, **kwargs)

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        return self._target().start_as_current_span(*args, **kwargs)


def tracer(name: str) -> trace.Tracer:
    """The tracer of a module; `name` is the module's `__name__`."""
    return _LateTracer(name)


def meter(name: str) -> metrics.Meter:
    """The meter of a module. Ask when an object is built, not at import: it belongs to the telemetry set up by then."""
    return metrics.NoOpMeter(name) if _active is None else _active.meter_provider.get_meter(name)


def inject(headers: MutableMapping[str, str], span: trace.Span | None = None) -> None:
    """Write the `traceparent` of `span`, or else of the current one, into the headers of a call or message."""
    _PROPAGATOR.inject(headers, None if span is None else trace.set_span_in_context(span))


def extract(headers: Mapping[str, str]) -> otel_context.Context:
    """The context that the headers carry: the parent for the span of the receiving side."""
    return _PROPAGATOR.extract(headers)


def current_trace_id() -> str:
    """32 lower-case hexadecimal digits; empty outside of any trace."""
    span = trace.get_current_span().get_span_context()
    return trace.format_trace_id(span.trace_id) if span.is_valid else ""


def current_span_id() -> str:
    """16 lower-case hexadecimal digits; empty outside of any span."""
    span = trace.get_current_span().get_span_context()
    return trace.format_span_id(span.span_id) if span.is_valid else ""
