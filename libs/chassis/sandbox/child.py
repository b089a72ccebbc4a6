"""The child's side of a sandbox: `python -m libs.chassis.sandbox.child`, started by `ChildProcess` alone.

It binds its life to its parent's, limits itself, and only then imports the target; so a target that is heavy or hostile
at import is limited too. Requests come on one inherited descriptor and answers go out on another, since libraries write
to standard output as they please.
"""

import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from libs.chassis.errors import ArtifexError
from libs.chassis.sandbox import framing
from libs.chassis.sandbox.framing import CRASH_OUT_OF_MEMORY

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_IDLE_SECONDS = 0.5
_TRIM_SECONDS = 4.0

Target = Callable[[dict[str, Any], Callable[[dict[str, Any]], None]], dict[str, Any]]


def _bind_to_parent(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) or libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl failed")
    if os.getppid() != parent:
        # It died before we asked to be told.
        os._exit(1)


def _limit(limits: dict[str, int]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits["open_files"],) * 2)
    # RLIMIT_DATA counts what is really asked to be written to; RLIMIT_AS would count the address space that BLAS, CUDA
    # and thread stacks reserve and never touch.
    resource.setrlimit(resource.RLIMIT_DATA, (limits["memory_bytes"],) * 2)


def _limit_cpu(seconds: int | None) -> None:
    """Allow `seconds` of processor time from now on; the kernel counts from the start of the process."""
    if seconds is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        until = int(used.ru_utime + used.ru_stime) + 1 + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _load(target: str) -> tuple[Callable[..., Any], Callable[[], object]]:
    """The target, and what its module wants done when nothing is asked of it: its function `rest`, if it has one."""
    name, _, function = target.partition(":")
    module = importlib.import_module(name)
    return getattr(module, function), getattr(module, "rest", lambda: None)


def _error(error: Exception) -> dict[str, Any]:
    if isinstance(error, ArtifexError):
        return {
            "error": {
                "code": error.code,
                "class": f"{type(error).__module__}:{type(error).__qualname__}",
                "message": error.message,
                "reason": error.reason,
                "metadata": error.metadata,
                "violations": [[v.field, v.description, v.reason] for v in error.violations],
                "retry_after": error.retry_after,
            }
        }
    return {"unexpected": "".join(traceback.format_exception(error))}


def _serve(requests: BinaryIO, answers: BinaryIO, target: str, cpu_seconds: int | None) -> None:
    def send(message: dict[str, Any]) -> None:
        answers.write(framing.encode(message))
        answers.flush()

    run, rest = _load(target)
    spare = _Spare(rest)
    # What was imported stays, and need not be looked through after each request.
    gc.collect()
    gc.freeze()
    while (request := framing.read(requests)) is not None:
        _limit_cpu(cpu_seconds)
        try:
            answer = {"result": run(request, lambda update: send({"progress": update}))}
        except MemoryError:
            # Whatever the heap looks like now, it is not to be trusted with the next file.
            os._exit(CRASH_OUT_OF_MEMORY)
        except Exception as error:  # noqa: BLE001 - it travels to the caller
            answer = _error(error)
        send(answer)
        del answer, request
        spare.let_go(requests)


class _Spare:
    """The memory of finished requests, given back when the next does not follow at once, and every few seconds."""

    def __init__(self, rest: Callable[[], object]) -> None:
        self._rest = rest
        self._trimmed = time.monotonic()

    def let_go(self, requests: BinaryIO) -> None:
        """To be called after each request.

        Codec contexts refer to one another in circles, so they live until the collector happens to run, and the C
        library keeps what was freed: without this a child grows by some megabytes with each file. What follows at once
        would have to ask for the same memory again, so short requests do so together.
        """
        gc.collect()
        if time.monotonic() - self._trimmed >= _TRIM_SECONDS:
            self._trim()
        # Nothing is buffered: a parent sends a request when it has the answer to the one before.
        ready, _, _ = select.select([requests], [], [], _IDLE_SECONDS)
        if not ready:
            self._rest()
            self._trim()

    def _trim(self) -> None:
        ctypes.CDLL(None).malloc_trim(0)
        self._trimmed = time.monotonic()


def main() -> None:
    """Serve requests until the parent closes them, or hand both pipes to the target."""
    mode, target, parent, request_fd, answer_fd, limits_json = sys.argv[1:]
    _bind_to_parent(int(parent))
    limits = json.loads(limits_json)
    _limit(limits)
    with open(int(request_fd), "rb") as requests, open(int(answer_fd), "wb") as answers:
        os.set_inheritable(int(request_fd), False)
        os.set_inheritable(int(answer_fd), False)
        try:
            if mode == "session":
                _load(target)[0](requests, answers)
            else:
                _serve(requests, answers, target, limits["cpu_seconds"])
        except MemoryError:
            os._exit(CRASH_OUT_OF_MEMORY)


if __name__ == "__main__":
    main()
