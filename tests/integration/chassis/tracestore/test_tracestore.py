"""Spans that OpenTelemetry's own SDK and exporter send arrive whole, and the store keeps to its limits."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode

from libs.chassis.tracestore.server import serve
from libs.chassis.tracestore.settings import TraceStoreSettings
from libs.chassis.tracestore.store import TraceStore


def span(trace: int, name: str = "work", padding: int = 0) -> dict[str, object]:
    return {"trace_id": f"{trace:032x}", "span_id": "00", "name": name + "x" * padding}


async def test_an_exported_span_is_a_line_of_its_traces_file(tmp_path: Path) -> None:
    async with serve(TraceStoreSettings(listen="127.0.0.1:0"), tmp_path) as port:
        exporter = OTLPSpanExporter(endpoint=f"127.0.0.1:{port}", insecure=True)
        provider = TracerProvider(resource=Resource.create({"service.name": "cutter"}))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("test")

        def work() -> str:
            with tracer.start_as_current_span("outer") as outer:
                with tracer.start_as_current_span("inner", attributes={"frames": 24, "tags": ["a", "b"]}) as inner:
                    inner.add_event("half way", {"frame": 12})
                    inner.set_status(Status(StatusCode.ERROR, "no disk"))
                return format(outer.get_span_context().trace_id, "032x")

        trace_id = await asyncio.to_thread(work)
        await asyncio.to_thread(provider.shutdown)
    text = (tmp_path / "traces" / f"{trace_id}.jsonl").read_text()
    inner, outer = (json.loads(line) for line in text.splitlines())
    assert (outer["name"], outer["parent_span_id"], outer["error"]) == ("outer", "", None)
    assert (inner["name"], inner["parent_span_id"], inner["error"]) == ("inner", outer["span_id"], "no disk")
    assert inner["service"] == "cutter"
    assert inner["attributes"] == {"frames": 24, "tags": ["a", "b"]}
    assert inner["events"][0]["name"] == "half way"
    assert outer["start_ns"] <= inner["start_ns"] <= inner["end_ns"] <= outer["end_ns"]


async def test_the_newest_metrics_of_a_process_are_kept(tmp_path: Path) -> None:
    async with serve(TraceStoreSettings(listen="127.0.0.1:0"), tmp_path) as port:
        exporter = OTLPMetricExporter(endpoint=f"127.0.0.1:{port}", insecure=True)
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
        resource = Resource.create({"service.name": "cutter", "service.instance.id": "cutter/../1"})
        provider = MeterProvider(resource=resource, metric_readers=[reader])
        provider.get_meter("test").create_counter("frames").add(24)
        await asyncio.to_thread(provider.force_flush)
        await asyncio.to_thread(provider.shutdown)
    (path,) = (tmp_path / "metrics").iterdir()
    assert path.name == "cutter_.._1.json", "a name from outside never leads out of the folder"
    assert '"frames"' in path.read_text()


def test_the_oldest_traces_go_when_there_are_too_many(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, TraceStoreSettings(max_traces=2))
    for trace in (1, 2, 1, 3):
        store.add([span(trace)])
    assert {path.stem[-1] for path in tmp_path.iterdir()} == {"1", "3"}, "trace 1 was written to after trace 2"


def test_the_oldest_traces_go_when_they_are_too_large(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, TraceStoreSettings(max_bytes=2048))
    for trace in range(10):
        store.add([span(trace, padding=400)])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2048
    assert (tmp_path / f"{9:032x}.jsonl").exists()


def test_a_full_trace_keeps_its_beginning(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, TraceStoreSettings(max_trace_bytes=1024))
    assert [store.add([span(1, padding=400)]) for _ in range(4)] == [0, 0, 1, 1]


def test_limits_hold_across_restarts(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, TraceStoreSettings())
    for trace in range(4):
        store.add([span(trace)])
    os.utime(tmp_path / f"{0:032x}.jsonl", (0, 0))
    TraceStore(tmp_path, TraceStoreSettings(max_age_seconds=3600))
    assert {path.stem[-1] for path in tmp_path.iterdir()} == {"1", "2", "3"}
    for trace in (1, 2, 3):
        os.utime(tmp_path / f"{trace:032x}.jsonl", (trace, trace))
    TraceStore(tmp_path, TraceStoreSettings(max_traces=1, max_age_seconds=1e12))
    assert {path.stem[-1] for path in tmp_path.iterdir()} == {"3"}
