"""A long talk with one child: messages both ways, in any order, while it keeps what it has opened and computed."""

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from libs.chassis.sandbox import framing
from libs.chassis.sandbox.process import ChildProcess, Limits, SandboxCrashed, environment

_log = logging.getLogger(__name__)


class SandboxSession:
    """One child for one talk; an async context manager that starts it and kills it.

    `target` is "module:function", a `def serve(requests: BinaryIO, answers: BinaryIO) -> None` that talks in the frames
    of `libs.chassis.sandbox.framing` until `requests` ends. It has the limits of `Limits` but those of one call. What
    the child sees of the environment is as in `Sandbox`.
    """

    def __init__(
        self, target: str, *, limits: Limits | None = None, env: Mapping[str, str] | None = None, name: str = ""
    ) -> None:
        self._target = target
        self._limits = limits or Limits()
        self._env = environment(env)
        self._log = _log.getChild(name or target.replace(":", "."))
        self._child: ChildProcess | None = None

    async def __aenter__(self) -> Self:
        self._child = await ChildProcess.start(self._target, "session", self._limits, self._env, self._log)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.kill()

    @property
    def _running(self) -> ChildProcess:
        if self._child is None:
            raise RuntimeError("the session has not begun")
        return self._child

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._running.process.pid

    async def send(self, body: bytes) -> None:
        """Hand a message over; waits while the child does not read. Raises SandboxCrashed."""
        child = self._running
        try:
            child.writer.write(framing.pack(body))
            await child.writer.drain()
        except (ConnectionError, RuntimeError) as error:
            raise await child.epitaph() from error

    async def receive(self) -> bytes:
        """The child's next message. Raises SandboxCrashed once it has died, with how. For one reader at a time."""
        child = self._running
        try:
            header = await child.reader.readexactly(framing.HEADER.size)
            (length,) = framing.HEADER.unpack(header)
            if length > framing.MAX_FRAME:
                raise SandboxCrashed("The work's process spoke out of turn.")
            return await child.reader.readexactly(length)
        except (EOFError, ConnectionError) as error:  # IncompleteReadError is an EOFError
            raise await child.epitaph() from error
