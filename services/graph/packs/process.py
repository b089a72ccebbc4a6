"""A pack's process, as the engine sees it: started at the first call, and again after it has died."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from libs.chassis.errors import Internal
from services.graph.packs.wire import Arena, Closed, Message, receive, send

_log = logging.getLogger(__name__)

Build = Callable[[Arena], Message]
"""Makes the message of a call, whose arrays it puts into the arena."""
Answer = Callable[[Message, Arena], Message]
"""Answers what a pack asks while it works."""

_ENVIRONMENT = frozenset({"PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV"})


class PackFailed(Internal):
    """A pack's node raised an error, took too long, or its process died."""

    default_reason = "ERROR_REASON_NODE_PACK_FAILED"
    permanent = True


class PackProcess:
    """One process for one pack; one call at a time, the others wait. Safe to share between threads.

    The process sees the path and the locale and no other variable of this one, so no secret; it may use as much memory
    as this process may, and it ends when this one does.
    """

    def __init__(self, pack: str, *, call_seconds: float = 120.0) -> None:
        """`pack`: the distribution's name. `call_seconds`: after so long without a word the process is killed."""
        self._pack = pack
        self._seconds = call_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._arena: Arena | None = None

    def call(self, build: Build, take: Callable[[Message, Arena], Message], answer: Answer | None = None) -> Message:
        """Send what `build` makes, answer what is asked meanwhile, and give what `take` makes of the reply.

        Raises PackFailed.
        """
        with self._lock:
            try:
                return self._converse(build, take, answer)
            except Closed:
                message = f"the process of the node pack {self._pack} {self._end()}"
            except TimeoutError:
                self._end()
                message = f"a node of the pack {self._pack} gave no answer within {self._seconds:g} s, and was ended"
            except PackFailed:
                raise
            except BaseException:
                # The conversation is broken off in the middle: the next one needs a process that knows nothing of it.
                self._end()
                raise
            raise PackFailed(message, metadata={"pack": self._pack})

    def another(self) -> PackProcess:
        """A process of the same pack that serves nobody else; whoever asks for it closes it."""
        return PackProcess(self._pack, call_seconds=self._seconds)

    def close(self) -> None:
        """End the process. Repeatable, and the next call starts another."""
        with self._lock:
            self._end()

    def _converse(self, build: Build, take: Callable[[Message, Arena], Message], answer: Answer | None) -> Message:
        channel, arena = self._started()
        arena.clear()
        send(channel, build(arena))
        while True:
            reply = receive(channel)
            if "error" in reply:
                raise PackFailed(str(reply["error"])[:2000], metadata={"pack": self._pack})
            if "ask" not in reply:
                return take(reply, arena)
            if answer is None:
                raise Closed
            arena.clear()
            send(channel, answer(reply, arena))

    def _started(self) -> tuple[socket.socket, Arena]:
        if self._channel is None or self._arena is None:
            ours, theirs = socket.socketpair()
            arena = Arena.create()
            try:
                self._process = subprocess.Popen(
                    [
                        sys.executable,
                        "-P",  # modules are not looked for in the current directory
                        "-m",
                        "services.graph.packs.host",
                        self._pack,
                        str(theirs.fileno()),
                        str(arena.descriptor),
                        str(os.getpid()),
                    ],
                    env={key: value for key, value in os.environ.items() if key in _ENVIRONMENT},
                    stdin=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(), arena.descriptor),
                )
            except BaseException:
                ours.close()
                arena.close()
                raise
            finally:
                theirs.close()
            ours.settimeout(self._seconds)
            self._channel, self._arena = ours, arena
        return self._channel, self._arena

    def _end(self) -> str:
        """Kill what runs; how it had ended, for people."""
        process, self._process = self._process, None
        channel, self._channel = self._channel, None
        arena, self._arena = self._arena, None
        how = "ended"
        if channel is not None:
            channel.close()
        if process is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)  # its own way of going says more than our signal
            process.kill()
            status = process.wait()
            how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended itself with status {status}"
            _log.info("the process of the node pack %s %s", self._pack, how)
        if arena is not None:
            arena.close()
        return how
