"""The life of a service's process: set up, run until told to stop, take down in the reverse order.

    async def build(runtime: Runtime) -> None:
        database = await runtime.enter(Database(...))
        runtime.spawn("outbox relay", outbox.relay())
        await runtime.enter(GrpcServer(...))

    sys.exit(Runtime.main("graph", PlatformSettings(), build))

What was entered last is left first: the server drains while the relay and the database still work.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from libs.chassis.logs import setup_logging
from libs.chassis.memory import return_freed_memory
from libs.chassis.settings import PlatformSettings
from libs.chassis.telemetry import setup_telemetry

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_Build = Callable[["Runtime"], Awaitable[object]]
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Runtime:
    """Async context manager. `stopping` is set by SIGTERM, SIGINT, `stop()` or the crash of a background task."""

    def __init__(self, service: str, settings: PlatformSettings) -> None:
        self.service = service
        self.settings = settings
        self.stopping = asyncio.Event()
        self.exit_code = 0
        self._stack = AsyncExitStack()
        self._starting: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> Self:
        setup_logging(self.service, level=self.settings.log_level, style=self.settings.log_format)
        await self._stack.enter_async_context(setup_telemetry(self.service, self.settings))
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
            self._stack.callback(loop.remove_signal_handler, number)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        await self._stack.__aexit__(kind, error, trace)

    async def enter(self, resource: AbstractAsyncContextManager[_T]) -> _T:
        """Open a resource; it is closed when the runtime ends, after everything that was entered later."""
        return await self._stack.enter_async_context(resource)

    def spawn(self, name: str, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run a background task until the runtime ends. Should it raise, the process stops with exit code 1."""
        task = asyncio.create_task(coroutine, name=name)
        task.add_done_callback(self._finished)
        self._stack.push_async_callback(_cancel, task)

    def stop(self, exit_code: int = 0) -> None:
        """Ask the process to end gracefully; the highest exit code asked for is the one it gets."""
        self.exit_code = max(self.exit_code, exit_code)
        if self._starting is not None and not self.stopping.is_set():
            self._starting.cancel()
        self.stopping.set()

    async def run_until_stopped(self) -> None:
        """Wait until `stopping` is set."""
        _log.info("ready")
        await self.stopping.wait()
        _log.info("stopping")

    def _signalled(self, number: signal.Signals) -> None:
        # A second signal changes nothing: a terminal's Ctrl-C and the supervisor's SIGTERM often come together.
        if not self.stopping.is_set():
            _log.info("received %s", number.name)
            self.stop()

    def _finished(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            _log.error("background task %r crashed", task.get_name(), exc_info=error)
            self.stop(1)

    @classmethod
    def main(cls, service: str, settings: PlatformSettings, build: _Build) -> int:
        """Run a whole service: `build` enters and spawns its parts; returns the exit code."""
        return_freed_memory()
        return asyncio.run(cls._main(service, settings, build))

    @classmethod
    async def _main(cls, service: str, settings: PlatformSettings, build: _Build) -> int:
        runtime = cls(service, settings)
        try:
            async with runtime:
                await runtime._start(build)
                await runtime.run_until_stopped()
        except Exception:  # noqa: BLE001 - logged whole; the exit code tells the supervisor
            _log.exception("%s failed", service)
            return 1
        return runtime.exit_code

    async def _start(self, build: _Build) -> None:
        # A signal, or the crash of a task that is already running, must also end a start that waits for something.
        self._starting = asyncio.current_task()
        try:
            await build(self)
        except asyncio.CancelledError:
            if self._starting is None or not self.stopping.is_set() or self._starting.uncancel() > 0:
                raise
        finally:
            self._starting = None


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
