"""Running a rival's job: its wall time, processor time and peak memory, with everything it starts."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

MIB = 1 << 20


@dataclass(frozen=True)
class Measured:
    """One run of one job."""

    frames: int
    seconds: float
    processor_seconds: float
    peak_bytes: int
    """Of resident memory, all of the job's processes together."""

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds


def measured(command: Sequence[str | Path], frames: int, log: Path, env: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end. Raises CalledProcessError when it fails; what it said is in `log`."""
    began = time.monotonic()
    with log.open("wb") as output:
        process = psutil.Popen(
            [str(part) for part in command], stdout=output, stderr=output, env={**os.environ, **(env or {})}
        )
        peak, spent = 0, 0.0
        while process.poll() is None:
            resident, used = footprint(process)
            peak, spent = max(peak, resident), max(spent, used)
            time.sleep(0.05)
    seconds = time.monotonic() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, [str(part) for part in command])
    return Measured(frames, seconds, spent, peak)


def footprint(process: psutil.Process) -> tuple[int, float]:
    """Resident bytes and processor seconds of a process and its children, now."""
    resident, used = 0, 0.0
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0, 0.0
    for member in family:
        try:
            times = member.cpu_times()
            resident += member.memory_info().rss
            used += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return resident, used
