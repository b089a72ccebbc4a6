"""Traces as files: `<folder>/<trace id>.jsonl`, one span a line, in the order in which they arrived."""

from __future__ import annotations

import json
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from libs.chassis.tracestore.settings import TraceStoreSettings
from libs.chassis.tracestore.spans import Line


@dataclass
class _Trace:
    size: int
    written: float


class TraceStore:
    """Appends spans and keeps the folder within its limits. For one process and one thread at a time."""

    def __init__(self, folder: Path, limits: TraceStoreSettings) -> None:
        self._folder = folder
        self._limits = limits
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = [(path, path.stat()) for path in folder.glob("*.jsonl")]
        known.sort(key=lambda item: item[1].st_mtime)
        self._traces = OrderedDict((path.stem, _Trace(stat.st_size, stat.st_mtime)) for path, stat in known)
        self._bytes = sum(trace.size for trace in self._traces.values())
        self._prune(time.time())

    def add(self, spans: Iterable[Line]) -> int:
        """Write the spans; returns how many were dropped because their trace is full."""
        by_trace: defaultdict[str, list[bytes]] = defaultdict(list)
        for span in spans:
            by_trace[span["trace_id"]].append(json.dumps(span, separators=(",", ":")).encode() + b"\n")
        now, dropped = time.time(), 0
        for trace_id, encoded in by_trace.items():
            trace = self._traces.setdefault(trace_id, _Trace(0, now))
            data = b"".join(encoded)
            if trace.size + len(data) > self._limits.max_trace_bytes:
                dropped += len(encoded)
                continue
            with (self._folder / f"{trace_id}.jsonl").open("ab") as file:
                file.write(data)
            trace.size += len(data)
            trace.written = now
            self._bytes += len(data)
            self._traces.move_to_end(trace_id)
        self._prune(now)
        return dropped

    def _prune(self, now: float) -> None:
        while self._traces:
            trace_id, oldest = next(iter(self._traces.items()))
            too_many = len(self._traces) > self._limits.max_traces or self._bytes > self._limits.max_bytes
            if not too_many and now - oldest.written <= self._limits.max_age_seconds:
                return
            (self._folder / f"{trace_id}.jsonl").unlink(missing_ok=True)
            self._bytes -= oldest.size
            del self._traces[trace_id]
