"""What the sandbox tests run in the child."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from libs.chassis.errors import InvalidArgument, Violation
from libs.chassis.sandbox import framing
from libs.frames.errors import MediaUnreadable


def run(request: dict[str, Any], progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Do what `request["do"]` names."""
    result: dict[str, Any] = globals()[request["do"]](request, progress)
    return result


def echo(request: dict[str, Any], progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    sys.stdout.write("a library that writes to standard output\n")
    for step in range(request.get("steps", 0)):
        progress({"step": step})
    return {"echo": request["value"], "pid": os.getpid()}


def environment(request: dict[str, Any], progress: object) -> dict[str, Any]:
    return dict(os.environ)


def abort(request: dict[str, Any], progress: object) -> dict[str, Any]:
    sys.stderr.write("last words\n")
    os.abort()


def segfault(request: dict[str, Any], progress: object) -> dict[str, Any]:
    ctypes.string_at(0)
    return {}


def leave(request: dict[str, Any], progress: object) -> dict[str, Any]:
    sys.exit(3)


def spin(request: dict[str, Any], progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    progress({"pid": os.getpid()})
    while True:
        time.perf_counter()


def family(request: dict[str, Any], progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    grandchild = subprocess.Popen(["sleep", "1000"])
    progress({"pids": [os.getpid(), grandchild.pid]})
    time.sleep(1000)
    return {}


def bomb(request: dict[str, Any], progress: object) -> dict[str, Any]:
    hoard = []
    while True:
        hoard.append(b"x" * (16 * 1024 * 1024))


def files(request: dict[str, Any], progress: object) -> dict[str, Any]:
    held = [open(os.devnull) for _ in range(request["count"])]  # noqa: SIM115
    return {"held": len(held)}


def refuse(request: dict[str, Any], progress: object) -> dict[str, Any]:
    raise InvalidArgument(
        "no such thing",
        reason="ERROR_REASON_GRAPH_INVALID",
        metadata={"problems": "1"},
        violations=[Violation("nodes.a", "is wrong", "unknown_type")],
    )


def unreadable(request: dict[str, Any], progress: object) -> dict[str, Any]:
    raise MediaUnreadable("clip.mp4", "is noise")


def fail(request: dict[str, Any], progress: object) -> dict[str, Any]:
    raise RuntimeError("an internal detail")


def converse(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers each message backwards, and twice over; "die" ends it by a signal, "hoard" by its memory's limit."""
    while (body := framing.read_body(requests)) is not None:
        if body == b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        if body == b"hoard":
            bytearray(4 << 30)
        for _ in range(2):
            answers.write(framing.pack(body[::-1]))
        answers.flush()
