"""A child process with limits, its two pipes, and its end."""

import asyncio
import contextvars
import fcntl
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Literal

from libs.chassis.errors import DeadlineExceeded, Internal
from libs.chassis.sandbox.framing import CRASH_OUT_OF_MEMORY

_ENVIRONMENT = frozenset({"PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV"})
_LOG_LINES_KEPT = 20
_LAST_WORDS_SECONDS = 0.5
_PIPE_BYTES = 1 << 20

Mode = Literal["calls", "session"]
"""Whether the child's target answers one request at a time, or is given the two pipes to talk as it likes."""


class SandboxCrashed(Internal):
    """The child died: a signal, an exit, or more memory or processor time than it is allowed."""

    default_reason = "ERROR_REASON_DECODER_CRASHED"
    permanent = True


class SandboxTimeout(DeadlineExceeded):
    """The call took longer than its limit, and its child was killed."""

    permanent = True


@dataclass(frozen=True)
class Limits:
    """What a child may use."""

    memory_bytes: int = 4 * 1024**3
    """Memory that it may ask for: heap, anonymous mappings and thread stacks."""
    cpu_seconds: int | None = None
    """Processor time of one call, summed over its threads."""
    open_files: int = 256
    wall_seconds: float | None = None
    """Time of one call."""


def environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """What a child sees: `PATH`, locale and `extra`, and none of this process's other variables, so no secret."""
    return {key: value for key, value in os.environ.items() if key in _ENVIRONMENT} | dict(extra or {})


class ChildProcess:
    """One child process and its pipes."""

    def __init__(
        self,
        process: Process,
        reader: asyncio.StreamReader,
        source: asyncio.ReadTransport,
        writer: asyncio.StreamWriter,
        log: logging.Logger,
    ) -> None:
        self.process = process
        self.reader = reader
        self._source = source
        self.writer = writer
        self._log = log
        # Of whoever talks to it, so that the child's words are logged under their trace.
        self._context = contextvars.copy_context()
        self._last_words: deque[str] = deque(maxlen=_LOG_LINES_KEPT)
        self._listener = asyncio.create_task(self._listen())
        self._killed = False

    @classmethod
    async def start(
        cls, target: str, mode: Mode, limits: Limits, env: Mapping[str, str], log: logging.Logger
    ) -> "ChildProcess":
        """A child that imports `target` ("module:function") once its limits hold."""
        request_end, request_write = os.pipe()
        answer_read, answer_end = os.pipe()
        with suppress(OSError):
            # A picture passes at once; the system may set a lower limit on what its users' pipes hold together.
            fcntl.fcntl(answer_end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # modules are not looked for in the current directory
                "-m",
                "libs.chassis.sandbox.child",
                mode,
                target,
                str(os.getpid()),
                str(request_end),
                str(answer_end),
                json.dumps(asdict(limits)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(env),
                pass_fds=(request_end, answer_end),
                start_new_session=True,
            )
        except BaseException:
            os.close(request_write)
            os.close(answer_read)
            raise
        finally:
            os.close(request_end)
            os.close(answer_end)
        try:
            loop = asyncio.get_running_loop()
            reader = asyncio.StreamReader()
            reader_protocol = asyncio.StreamReaderProtocol(reader)
            source, _ = await loop.connect_read_pipe(lambda: reader_protocol, os.fdopen(answer_read, "rb"))
            transport, protocol = await loop.connect_write_pipe(
                asyncio.streams.FlowControlMixin, os.fdopen(request_write, "wb")
            )
        except BaseException:
            # Cancelled in the middle: nobody else knows of it.
            process.kill()
            await _reaped(process)
            raise
        writer = asyncio.StreamWriter(transport, protocol, None, loop)
        return cls(process, reader, source, writer, log)

    def log_here(self) -> None:
        """From now on the child's output is logged under the caller's trace."""
        self._context = contextvars.copy_context()

    async def epitaph(self) -> SandboxCrashed:
        """How the child died, for people; ends it if it has not."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                # It closed its pipe and is about to go; its own way of going says more than our signal.
                await self.process.wait()
        await self.kill()
        status = await self.process.wait()
        if status == CRASH_OUT_OF_MEMORY:
            how = "needed more memory than it may have"
        elif status == -signal.SIGXCPU:
            how = "needed more processor time than it may have"
        elif status < 0:
            how = f"was ended by {signal.Signals(-status).name}"
        else:
            how = f"ended itself with status {status}"
        self._log.error("the sandboxed process %s\n%s", how, "\n".join(self._last_words))
        return SandboxCrashed(f"The work's process {how}.")

    async def _listen(self) -> None:
        """Pass the child's output on to the log, line by line."""
        stream = self.process.stdout
        assert stream is not None
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                continue  # a line without an end; what was read of it is gone
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            self._last_words.append(text)
            self._context.run(self._log.info, "%s", text)

    def _kill_group(self) -> None:
        # The child leads a session of its own, so this reaches what it started as well.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    async def kill(self) -> None:
        """End the child and all that it started; repeatable."""
        if not self._killed:
            # Once: the number may by and by be another process's.
            self._killed = True
            self._kill_group()
        self.writer.close()
        self._source.close()
        await _reaped(self.process)
        # A grandchild that left the session may keep the pipe open; nobody waits for it.
        await asyncio.wait({self._listener}, timeout=_LAST_WORDS_SECONDS)
        self._listener.cancel()


async def _reaped(process: Process) -> None:
    """Wait for the end of a process that was killed. A cancellation waits, too: it takes but a moment, and a loop that
    closed before would leave a process that nobody takes the status of."""
    cancelled: asyncio.CancelledError | None = None
    while process.returncode is None:
        try:
            await process.wait()
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
