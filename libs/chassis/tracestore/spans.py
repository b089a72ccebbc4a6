"""OTLP's messages as plain dictionaries: the lines of a trace's file.

{"trace_id": hex, "span_id": hex, "parent_span_id": hex or "", "service": str, "name": str, "kind": str,
 "start_ns": int, "end_ns": int, "error": str or null, "attributes": {},
     "events": [{"name": str, "time_ns": int, "attributes": {}}]}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

Line = dict[str, Any]


def lines(request: ExportTraceServiceRequest) -> Iterator[Line]:
    """One dictionary per span; spans without a valid trace id are left out."""
    for resource_spans in request.resource_spans:
        service = str(attributes(resource_spans.resource.attributes).get("service.name", "unknown"))
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                if len(span.trace_id) == 16 and any(span.trace_id):
                    yield _line(service, span)


def _line(service: str, span: Span) -> Line:
    failed = span.status.code == Status.STATUS_CODE_ERROR
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex(),
        "service": service,
        "name": span.name,
        "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        "start_ns": span.start_time_unix_nano,
        "end_ns": span.end_time_unix_nano,
        "error": (span.status.message or "error") if failed else None,
        "attributes": attributes(span.attributes),
        "events": [
            {"name": event.name, "time_ns": event.time_unix_nano, "attributes": attributes(event.attributes)}
            for event in span.events
        ],
    }


def attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: value(pair.value) for pair in pairs}


def value(any_value: AnyValue) -> Any:
    """The JSON value of an attribute; bytes as hexadecimal."""
    kind = any_value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [value(item) for item in any_value.array_value.values]
    if kind == "kvlist_value":
        return attributes(any_value.kvlist_value.values)
    if kind == "bytes_value":
        return any_value.bytes_value.hex()
    return getattr(any_value, kind)
