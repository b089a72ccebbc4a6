"""The receiver's gRPC server, with the standard health service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import add_MetricsServiceServicer_to_server
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import add_TraceServiceServicer_to_server

from libs.chassis.tracestore.servicers import MetricsServicer, TraceServicer
from libs.chassis.tracestore.settings import TraceStoreSettings
from libs.chassis.tracestore.store import TraceStore

_MAX_EXPORT_BYTES = 16 * 1024 * 1024


@asynccontextmanager
async def serve(settings: TraceStoreSettings, home: Path) -> AsyncIterator[int]:
    """Receive until left; gives the port. Traces go to `home/traces`, metrics to `home/metrics`."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", _MAX_EXPORT_BYTES)])
    traces = TraceServicer(TraceStore(home / "traces", settings))
    add_TraceServiceServicer_to_server(traces, server)  # type: ignore[no-untyped-call]
    metrics = MetricsServicer(home / "metrics")
    add_MetricsServiceServicer_to_server(metrics, server)  # type: ignore[no-untyped-call]
    health_servicer = health.HealthServicer()
    await health_servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    port = server.add_insecure_port(settings.listen)
    await server.start()
    try:
        yield port
    finally:
        # Last exports of processes that are ending now.
        await server.stop(grace=2)
