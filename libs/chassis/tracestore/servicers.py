"""The two OTLP services that the studio's processes export to."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from libs.chassis.tracestore.spans import attributes, lines
from libs.chassis.tracestore.store import TraceStore

_log = logging.getLogger(__name__)


class TraceServicer(trace_service_pb2_grpc.TraceServiceServicer):
    """Writes every span to the store, one export at a time."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store
        self._lock = asyncio.Lock()

    async def Export(
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: Any
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        async with self._lock:
            dropped = await asyncio.to_thread(lambda: self._store.add(lines(request)))
        answer = trace_service_pb2.ExportTraceServiceResponse()
        if dropped:
            _log.warning("%d spans dropped: their traces are full", dropped)
            answer.partial_success.rejected_spans = dropped
            answer.partial_success.error_message = "the trace is full"
        return answer


class MetricsServicer(metrics_service_pb2_grpc.MetricsServiceServicer):
    """Keeps the newest export of each process as `<folder>/<service instance>.json`, in OTLP's JSON form."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Instances are processes that are gone after a restart.
        for path in folder.glob("*.json"):
            path.unlink()

    async def Export(
        self, request: metrics_service_pb2.ExportMetricsServiceRequest, context: Any
    ) -> metrics_service_pb2.ExportMetricsServiceResponse:
        for metrics in request.resource_metrics:
            about = attributes(metrics.resource.attributes)
            name = str(about.get("service.instance.id") or about.get("service.name") or "unknown")
            path = self._folder / (re.sub(r"[^\w.-]", "_", name)[:100] + ".json")
            await asyncio.to_thread(_replace, path, json.dumps(MessageToDict(metrics)))
        return metrics_service_pb2.ExportMetricsServiceResponse()


def _replace(path: Path, text: str) -> None:
    partial = path.with_suffix(".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
