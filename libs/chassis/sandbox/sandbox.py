"""Work on untrusted files in a killable child process with limits.

Decoders are large C libraries that meet hostile input. In a child a crash, an endless loop or a memory bomb costs one
task: the call fails with a typed error, the child is replaced, and the service goes on. Calls are cancelled by killing
the child, which no library can refuse.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

from libs.chassis.errors import CODES, ArtifexError, Internal, Violation
from libs.chassis.sandbox import framing
from libs.chassis.sandbox.process import ChildProcess, Limits, SandboxCrashed, SandboxTimeout, environment

_log = logging.getLogger(__name__)

Progress = Callable[[dict[str, Any]], Awaitable[None] | None]


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
        self._env = environment(env)
        self._log = _log.getChild(name or target.replace(":", "."))
        self._turn = asyncio.Lock()
        self._child: ChildProcess | None = None
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
                    self._child = await ChildProcess.start(self._target, "calls", self._limits, self._env, self._log)
                    self._calls = 0
                self._calls += 1
                async with asyncio.timeout(self._limits.wall_seconds):
                    answer = await _ask(self._child, frame, on_progress)
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


async def _ask(child: ChildProcess, frame: bytes, on_progress: Progress | None) -> dict[str, Any]:
    child.log_here()
    try:
        child.writer.write(frame)
        await child.writer.drain()
        while True:
            header = await child.reader.readexactly(framing.HEADER.size)
            (length,) = framing.HEADER.unpack(header)
            if length > framing.MAX_FRAME:
                raise SandboxCrashed("The work's process spoke out of turn.")
            answer: dict[str, Any] = json.loads(await child.reader.readexactly(length))
            if "progress" not in answer:
                return answer
            if on_progress is not None:
                outcome = on_progress(answer["progress"])
                if outcome is not None:
                    await outcome
    except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
        raise await child.epitaph() from error


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
