"""Kill what a supervisor left behind: `python -I -S _warden.py MARK FILE`, with a pipe from the supervisor as input.

The pipe ends when the supervisor does, be it by SIGKILL. Then every process whose environment carries MARK is killed,
children of children included, whatever session or parent they have by now; and FILE, which says that the studio runs,
is removed. Standard library only: it must start fast and cannot break with the rest.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

DEADLINE_SECONDS = 20.0


def marked(mark: bytes) -> list[int]:
    """The living processes whose environment has a variable that begins with `mark`, as in b"NAME=value"."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        # A process may end, or belong to somebody else; a zombie's environment reads as empty.
        with contextlib.suppress(OSError):
            environment = Path(entry.path, "environ").read_bytes()
            if any(variable.startswith(mark) for variable in environment.split(b"\0")):
                found.append(int(entry.name))
    return found


def sweep(mark: bytes) -> int:
    """Kill all of them, and what they start meanwhile; returns how many there were."""
    killed: set[int] = set()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (pids := marked(mark)) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        time.sleep(0.01)
    return len(killed)


def main() -> None:
    mark, state_file = sys.argv[1].encode(), Path(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 4096):
        pass
    sweep(mark)
    state_file.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
