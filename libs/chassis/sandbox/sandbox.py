"""Work on untrusted files in a killable child process with limits.

Decoders are large C libraries that meet hostile input. In a child a crash, an endless loop or a memory bomb costs one
task: the call fails with a typed error, the child is replaced, and the service goes on. Calls are cancelled by killing
the child, which no library can refuse.
"""

import asyncio
import contextvars
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from libs.chassis.errors import CODES, ArtifexError, DeadlineExceeded, Internal, Violation
from libs.chassis.sandbox import framing
from libs.chassis.sandbox.framing import CRASH_OUT_OF_MEMORY

_log = logging.getLogger(__name__)
_ENVIRONMENT = frozenset({"PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV"})
_LOG_LINES_KEPT = 20
_LAST_WORDS_SECONDS = 0.5

Progress = Callable[[dict[str, Any]], Awaitable[None] | None]


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


class Sandbox:
    """Runs `target` in one child, a call at a time; an async context manager that ends the child.

    `target` is "module:function", a `def run(request: dict, progress: Callable[[dict], None]) -> dict`. The child is
    started by the first call, keeps its imports for the next ones, and is replaced after it died, after
    `idle_restart_after` calls (which bounds what leaks in it may grow to), and after a cancelled or late call.

    The child sees `PATH`, locale and `env`, and none of the parent's other variables, so no secret can leak to it.
    """

    def __init__(
        self,
        target: str,
        *,
        limits: Limits | None = None,
        idle_restart_after: int = 100,
        env: Mapping[str, str] | None = None,
        name: str = "",
    ) -> None:
        self._target = target
        self._limits = limits or Limits()
        self._restart_after = idle_restart_after
        self._env = {key: value for key, value in os.environ.items() if key in _ENVIRONMENT} | dict(env or {})
        self._log = _log.getChild(name or target.replace(":", "."))
        self._turn = asyncio.Lock()
        self._child: _Child | None = None
        self._calls = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._discard()

    @property
    def pid(self) -> int | None:
        """The running child's process id."""
        return self._child.process.pid if self._child is not None else None

    async def call(self, request: dict[str, Any], *, on_progress: Progress | None = None) -> dict[str, Any]:
        """The target's answer. Cancelling the call kills the child at once.

        Raises what the target raised when it is an `ArtifexError`, `Internal` when it raised anything else (its trace
        goes to the log), `SandboxCrashed` and `SandboxTimeout`.
        """
        frame = framing.encode(request)
        async with self._turn:
            if self._child is not None and (
                self._calls >= self._restart_after or self._child.process.returncode is not None
            ):
                await self._discard()
            try:
                if self._child is None:
                    self._child = await _Child.start(self._target, self._limits, self._env, self._log)
                    self._calls = 0
                self._calls += 1
                async with asyncio.timeout(self._limits.wall_seconds):
                    answer = await self._child.ask(frame, on_progress)
            except TimeoutError as error:
                await self._discard()
                raise SandboxTimeout(f"The work took longer than {self._limits.wall_seconds} s.") from error
            except BaseException:
                # Cancelled, crashed, or the caller's own progress callback failed: in each case the child is in the
                # middle of something that nobody waits for.
                await self._discard()
                raise
        if "result" in answer:
            result: dict[str, Any] = answer["result"]
            return result
        if "error" in answer:
            raise _rebuilt(answer["error"])
        self._log.error("the sandboxed call failed\n%s", answer["unexpected"])
        raise Internal("The work failed unexpectedly.")

    async def _discard(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.kill()


class SandboxPool:
    """Up to `size` children of one target; a call takes the next free one and waits when there is none."""

    def __init__(self, size: int, target: str, **options: Any) -> None:
        """`options` are those of `Sandbox`."""
        self._all = [Sandbox(target, **options) for _ in range(size)]
        self._free: asyncio.LifoQueue[Sandbox] = asyncio.LifoQueue()
        for sandbox in self._all:
            self._free.put_nowait(sandbox)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sandbox in self._all:
            await sandbox.__aexit__(kind, error, trace)

    async def call(self, request: dict[str, Any], *, on_progress: Progress | None = None) -> dict[str, Any]:
        """See `Sandbox.call`."""
        sandbox = await self._free.get()
        try:
            return await sandbox.call(request, on_progress=on_progress)
        finally:
            self._free.put_nowait(sandbox)


class _Child:
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
        self._reader = reader
        self._source = source
        self._writer = writer
        self._log = log
        # Of the call in hand, so that the child's words are logged under its trace.
        self._context = contextvars.copy_context()
        self._last_words: deque[str] = deque(maxlen=_LOG_LINES_KEPT)
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, target: str, limits: Limits, env: Mapping[str, str], log: logging.Logger) -> "_Child":
        request_end, request_write = os.pipe()
        answer_read, answer_end = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # modules are not looked for in the current directory
                "-m",
                "libs.chassis.sandbox.child",
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
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        reader_protocol = asyncio.StreamReaderProtocol(reader)
        source, _ = await loop.connect_read_pipe(lambda: reader_protocol, os.fdopen(answer_read, "rb"))
        transport, protocol = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, os.fdopen(request_write, "wb")
        )
        writer = asyncio.StreamWriter(transport, protocol, None, loop)
        return cls(process, reader, source, writer, log)

    async def ask(self, frame: bytes, on_progress: Progress | None) -> dict[str, Any]:
        self._context = contextvars.copy_context()
        try:
            self._writer.write(frame)
            await self._writer.drain()
            while True:
                header = await self._reader.readexactly(framing.HEADER.size)
                (length,) = framing.HEADER.unpack(header)
                if length > framing.MAX_FRAME:
                    raise SandboxCrashed("The work's process spoke out of turn.")
                answer: dict[str, Any] = json.loads(await self._reader.readexactly(length))
                if "progress" not in answer:
                    return answer
                if on_progress is not None:
                    outcome = on_progress(answer["progress"])
                    if outcome is not None:
                        await outcome
        except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
            raise await self._epitaph() from error

    async def _epitaph(self) -> SandboxCrashed:
        """How the child died, for people."""
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
        self._kill_group()
        self._writer.close()
        self._source.close()
        await asyncio.shield(self.process.wait())
        # A grandchild that left the session may keep the pipe open; nobody waits for it.
        await asyncio.wait({self._listener}, timeout=_LAST_WORDS_SECONDS)
        self._listener.cancel()


def _rebuilt(failure: Mapping[str, Any]) -> ArtifexError:
    error = _class(failure).__new__(_class(failure), failure["message"])
    # Not the class's own constructor, which may ask for other things than the fields that travelled.
    ArtifexError.__init__(
        error,
        failure["message"],
        reason=failure["reason"],
        metadata=failure["metadata"],
        violations=[Violation(*violation) for violation in failure["violations"]],
        retry_after=failure["retry_after"],
    )
    return error


def _class(failure: Mapping[str, Any]) -> type[ArtifexError]:
    """The class that the child named if this process knows it: nothing is imported on the word of a child."""
    module, _, name = failure["class"].partition(":")
    known = getattr(sys.modules.get(module), name, None)
    if isinstance(known, type) and issubclass(known, ArtifexError):
        return known
    return CODES.get(failure["code"], Internal)
