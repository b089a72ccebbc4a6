"""Tracing without a network, and the export to a real OTLP receiver."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import grpc
from opentelemetry import trace
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from libs.chassis import telemetry
from libs.chassis.settings import PlatformSettings

early = telemetry.tracer("made at import, before any set-up")


async def test_spans_have_ids_though_they_are_sent_nowhere() -> None:
    async with telemetry.setup_telemetry("graph", PlatformSettings(otlp_endpoint="")):
        with early.start_as_current_span("outer"):
            trace_id = telemetry.current_trace_id()
            assert re.fullmatch("[0-9a-f]{32}", trace_id)
            assert re.fullmatch("[0-9a-f]{16}", telemetry.current_span_id())
            with early.start_as_current_span("inner"):
                assert telemetry.current_trace_id() == trace_id
    assert telemetry.current_trace_id() == ""


def test_before_the_set_up_nothing_is_traced() -> None:
    with early.start_as_current_span("too early"):
        assert telemetry.current_trace_id() == ""


async def test_a_trace_travels_in_headers() -> None:
    headers: dict[str, str] = {}
    async with telemetry.setup_telemetry("graph", PlatformSettings(otlp_endpoint="")):
        with early.start_as_current_span("sender"):
            telemetry.inject(headers)
            sent = telemetry.current_trace_id()
        assert re.fullmatch(rf"00-{sent}-[0-9a-f]{{16}}-0[13]", headers["traceparent"])
        with early.start_as_current_span("receiver", context=telemetry.extract(headers)):
            assert telemetry.current_trace_id() == sent
        with early.start_as_current_span("stranger", context=telemetry.extract({})):
            assert telemetry.current_trace_id() != sent


async def test_a_span_that_is_not_current_can_be_injected() -> None:
    headers: dict[str, str] = {}
    async with telemetry.setup_telemetry("graph", PlatformSettings(otlp_endpoint="")):
        span = early.start_span("call")
        telemetry.inject(headers, span)
        assert trace.format_span_id(span.get_span_context().span_id) in headers["traceparent"]
        span.end()


class Receiver:
    """Serves either of the OTLP services: their one method has the same name."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.requests: list[Any] = []

    async def Export(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return self._response


async def test_closing_sends_what_is_left_to_the_collector() -> None:
    traces = Receiver(trace_service_pb2.ExportTraceServiceResponse())
    measures = Receiver(metrics_service_pb2.ExportMetricsServiceResponse())
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(traces, server)  # type: ignore[no-untyped-call]
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(measures, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with telemetry.setup_telemetry("graph", PlatformSettings(otlp_endpoint=f"127.0.0.1:{port}")):
        telemetry.meter(__name__).create_counter("frames").add(24)
        with early.start_as_current_span("render"):
            await asyncio.sleep(0)
    await server.stop(None)
    [resource] = [spans for request in traces.requests for spans in request.resource_spans]
    attributes = {item.key: item.value.string_value for item in resource.resource.attributes}
    assert attributes["service.name"] == "graph"
    assert [span.name for scope in resource.scope_spans for span in scope.spans] == ["render"]
    names = {
        metric.name
        for request in measures.requests
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert "frames" in names


async def test_an_absent_collector_does_not_hold_up_the_end() -> None:
    async with asyncio.timeout(15):
        async with telemetry.setup_telemetry("graph", PlatformSettings(otlp_endpoint="127.0.0.1:1")):
            with early.start_as_current_span("render"):
                await asyncio.sleep(0)
