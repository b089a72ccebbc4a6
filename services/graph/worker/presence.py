"""What a worker tells of itself."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from artifex.graph.v1 import messages_pb2, work_pb2
from libs.chassis.clock import to_timestamp, utcnow
from services.graph.settings import WorkerSettings
from services.graph.worker.conduct import Conduct

KINDS = ("analyse", "capture", "frames", "audio")
_DISTRIBUTION = "artifexpro-studio"
_FEATURES = frozenset({"sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "amx_tile", "asimd"})
"""Those of a processor's many that kernels and codecs choose by."""


class Presence:
    """A worker's description of itself, as of now; `node_types` are told once they are known."""

    def __init__(self, name: str, settings: WorkerSettings, conduct: Conduct) -> None:
        self.busy = 0
        self.leaving = False
        self.node_types: Sequence[str] = ()
        self._conduct = conduct
        self._fixed = messages_pb2.Worker(
            name=f"workers/{name}",
            host=socket.gethostname(),
            slots=settings.concurrency,
            kinds=KINDS,
            memory_bytes=settings.memory_bytes,
            threads=settings.threads,
            cores=os.cpu_count() or 1,
            cpu_features=cpu_features(Path("/proc/cpuinfo")),
            version=_version(),
            start_time=to_timestamp(utcnow()),
        )

    def heartbeat(self) -> work_pb2.WorkerHeartbeat:
        """What is to be told now."""
        worker = messages_pb2.Worker()
        worker.CopyFrom(self._fixed)
        worker.busy = self.busy
        worker.node_types.extend(self.node_types)
        worker.tasks_done = self._conduct.done
        worker.tasks_failed = self._conduct.failed
        if self._conduct.rest_until is not None:
            worker.rest_until_time.CopyFrom(to_timestamp(self._conduct.rest_until))
            worker.rest_reason = self._conduct.rest_reason
        return work_pb2.WorkerHeartbeat(worker=worker, leaving=self.leaving)


def cpu_features(cpuinfo: Path) -> list[str]:
    """The features of the first processor that matter here, sorted; none where the kernel tells none."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return sorted(_FEATURES.intersection(value.split()))
    return []


def _version() -> str:
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return ""
