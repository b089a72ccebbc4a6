"""Starting, watching, restarting and stopping a set of child processes that depend on one another.

A child starts when all that it needs is ready, and is stopped after all that need it. One that ends by itself is
started again after a pause that doubles; one that keeps ending is reported, and still tried. None outlives the
supervisor: the kernel kills each child with it, and a warden process kills whatever those had started (`_warden`).
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, TextIO

from artifex.up import _leash, _warden
from artifex.up.probes import Probe

MARK = "ARTIFEX_UP_CHILD"
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
CRASH_LOOP_EXITS, CRASH_LOOP_SECONDS = 5, 60.0
START_ATTEMPTS = 3
TAIL_LINES = 40
MAX_LINE_BYTES = 64 * 1024
MAX_LOG_BYTES = 16 * 1024 * 1024

Report = Callable[[str, str], None]
"""Called with a child's name and a line: of its output, or of what the supervisor has to say about it."""


class StackError(Exception):
    """The studio cannot be started; the message says which child, why, and shows its last words."""


@dataclass(frozen=True)
class Child:
    """A process to keep running."""

    name: str
    command: Sequence[str]
    ready: Probe
    env: Mapping[str, str] = field(default_factory=dict)
    needs: Sequence[str] = ()
    """Children that must be ready before this one starts."""
    start_timeout: float = 60.0
    """Seconds until it must be ready."""
    grace: float = 12.0
    """Seconds between SIGTERM and SIGKILL."""


@dataclass
class ChildState:
    """What became of a child."""

    child: Child
    state: Literal["waiting", "starting", "ready", "restarting", "crash-looping", "stopped"] = "waiting"
    pid: int = 0
    """Zero while it does not run."""
    restarts: int = 0
    last_exit: str = ""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    tail: collections.deque[str] = field(default_factory=lambda: collections.deque(maxlen=TAIL_LINES))
    process: asyncio.subprocess.Process | None = None
    stopping: bool = False
    exits: collections.deque[float] = field(default_factory=lambda: collections.deque(maxlen=CRASH_LOOP_EXITS))


class Supervisor:
    """Async context manager: entering starts all children and waits for them, leaving stops them."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        env: Mapping[str, str],
        folder: Path,
        state_file: Path,
        report: Report,
        on_change: Callable[[], None],
    ) -> None:
        self.children = {child.name: ChildState(child) for child in children}
        self._env = dict(env)
        self._folder = folder
        self._state_file = state_file
        self._report = report
        self._on_change = on_change
        self._mark = uuid.uuid4().hex
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failure: StackError | None = None
        self._changed = asyncio.Event()
        self._warden: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Supervisor:
        (self._folder / "logs").mkdir(parents=True, exist_ok=True)
        (self._folder / "run").mkdir(exist_ok=True)
        try:
            await self._start_warden()
            for name, state in self.children.items():
                self._tasks[name] = self._begin(state)
            await self._all_ready()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _start_warden(self) -> None:
        command = [sys.executable, "-I", "-S", _warden.__file__, f"{MARK}={self._mark}:", str(self._state_file)]
        self._warden = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, start_new_session=True, cwd="/"
        )

    async def _all_ready(self) -> None:
        await self.until(
            lambda: self._failure is not None or all(state.ready.is_set() for state in self.children.values())
        )
        if self._failure is not None:
            raise self._failure

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition over the children's states holds."""
        while not condition():
            await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
        self._on_change()

    async def stop(self) -> None:
        """Stop every child, those first that no other needs; returns when nothing of them is left."""
        left = set(self._tasks)
        while left:
            needed = {name for user in left for name in self.children[user].child.needs}
            # A cycle of needs cannot have started; should there be one, stop all that is left.
            layer = (left - needed) or left
            await asyncio.gather(*(self.stop_child(name) for name in layer))
            left -= layer
        self._tasks.clear()
        if self._warden is not None:
            assert self._warden.stdin is not None
            self._warden.stdin.close()
            await self._warden.wait()
            self._warden = None

    async def stop_child(self, name: str) -> None:
        """Stop one child for good: SIGTERM, and SIGKILL to it and all that it started when its grace is over."""
        state = self.children[name]
        state.stopping = True
        process = state.process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(state.child.grace):
                    await process.wait()
            except TimeoutError:
                self._report(name, f"did not stop within {state.child.grace:.0f} s and is killed")
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        task = self._tasks.get(name)
        if task is not None:
            if process is None:
                task.cancel()
            # Not awaited itself, which could not tell its cancellation from ours.
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()
        await self._sweep(name)
        state.state, state.pid = "stopped", 0

    def _begin(self, state: ChildState) -> asyncio.Task[None]:
        task = asyncio.create_task(self._tend(state), name=f"tend {state.child.name}")
        task.add_done_callback(lambda done: self._tended(state, done))
        return task

    def _tended(self, state: ChildState, task: asyncio.Task[None]) -> None:
        # The machine has no processes, descriptors or memory left: what the child itself does never ends its tending.
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = StackError(f"{state.child.name} is not looked after any more: {error!r}")
            self._report(state.child.name, str(self._failure))
            self._notify()

    async def _sweep(self, name: str) -> None:
        await asyncio.to_thread(_warden.sweep, f"{MARK}={self._mark}:{name}:".encode())

    async def _tend(self, state: ChildState) -> None:
        child = state.child
        for name in child.needs:
            await self.children[name].ready.wait()
        pause, failures = FIRST_PAUSE, 0
        while True:
            state.state = "starting"
            started = time.monotonic()
            process, pipe = await self._spawn(state)
            output = asyncio.create_task(self._pump(state, pipe))
            was_ready = await self._until_ready(state, process)
            await process.wait()
            # First, because whatever it started may hold its output open.
            await self._sweep(child.name)
            await output
            state.ready.clear()
            state.pid, state.process = 0, None
            state.exits.append(time.monotonic())
            state.last_exit = _describe(process.returncode)
            if state.stopping:
                return
            failures = 0 if was_ready else failures + 1
            if time.monotonic() - started > CRASH_LOOP_SECONDS:
                pause = FIRST_PAUSE
            self._on_exit(state, failures, pause)
            state.restarts += 1
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)

    def _on_exit(self, state: ChildState, failures: int, pause: float) -> None:
        name, words = state.child.name, "\n".join(f"    {line}" for line in list(state.tail)[-12:])
        looping = len(state.exits) == CRASH_LOOP_EXITS and state.exits[-1] - state.exits[0] < CRASH_LOOP_SECONDS
        state.state = "crash-looping" if looping else "restarting"
        self._report(name, f"{state.last_exit}; starting it again in {pause:.1f} s")
        if looping:
            self._report(name, f"CRASH LOOP: ended {CRASH_LOOP_EXITS} times within a minute. Its last words:\n{words}")
        if failures >= START_ATTEMPTS and self._failure is None:
            self._failure = StackError(f"{name} does not start: {state.last_exit}\n{words}")
        self._notify()

    async def _spawn(self, state: ChildState) -> tuple[asyncio.subprocess.Process, BinaryIO]:
        """Start the child's process; returns it with the read end of its output.

        The pipe is ours and not asyncio's, whose wait() also waits for the pipe: a grandchild that keeps it open would
        hide the child's end.
        """
        child = state.child
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *[sys.executable, "-I", "-S", _leash.__file__, str(os.getpid()), *child.command],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env={
                    **os.environ,
                    **self._env,
                    **child.env,
                    MARK: f"{self._mark}:{child.name}:",
                    "PYTHONUNBUFFERED": "1",
                },
                # An empty folder: Python looks for modules in the one it runs in, and "triton" is also a module's name.
                cwd=self._folder / "run",
                # Away from the terminal's Ctrl-C, so that the supervisor decides the order.
                start_new_session=True,
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        state.process, state.pid = process, process.pid
        self._stop_late_starter(state)
        return process, os.fdopen(reading, "rb", buffering=0)

    def _stop_late_starter(self, state: ChildState) -> None:
        # stop_child() came while the process was being made, and found nothing to signal.
        if state.stopping and state.process is not None:
            state.process.kill()

    async def _until_ready(self, state: ChildState, process: asyncio.subprocess.Process) -> bool:
        """Probe until the child is ready; False when it ended first, or was killed for taking too long."""
        deadline = time.monotonic() + state.child.start_timeout
        ended = asyncio.create_task(process.wait())
        try:
            while time.monotonic() < deadline:
                probe = asyncio.ensure_future(state.child.ready())
                await asyncio.wait([probe, ended], return_when=asyncio.FIRST_COMPLETED)
                if ended.done():
                    probe.cancel()
                    await asyncio.wait([probe])
                    return False
                if probe.result():
                    state.state = "ready"
                    state.ready.set()
                    self._notify()
                    return True
                await asyncio.wait([ended], timeout=0.05)
        finally:
            ended.cancel()
            await asyncio.wait([ended])
        self._report(state.child.name, f"is not ready after {state.child.start_timeout:.0f} s and is killed")
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        return False

    async def _pump(self, state: ChildState, pipe: BinaryIO) -> None:
        """Copy the child's output line by line to its log file and to the report, until the pipe ends."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        log = _Log(self._folder / "logs" / f"{state.child.name}.log")
        try:
            rest = b""
            while data := await reader.read(65536):
                *lines, rest = (rest + data).split(b"\n")
                if len(rest) > MAX_LINE_BYTES:
                    lines, rest = [*lines, rest], b""
                self._lines(state, log, lines)
            self._lines(state, log, [rest])
        finally:
            transport.close()
            log.close()

    def _lines(self, state: ChildState, log: _Log, lines: Sequence[bytes]) -> None:
        texts = [text for line in lines if (text := line.decode("utf-8", "replace").rstrip())]
        if complaint := log.write(texts):
            self._report(state.child.name, complaint)
        for text in texts:
            state.tail.append(text)
            self._report(state.child.name, text)


class _Log:
    """A child's log file, appended to; one that has grown large becomes `.1` first.

    A full disk must not stop the reading of a child's output, which would stop the child: what cannot be written is
    lost.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._complained = False

    def write(self, lines: Sequence[str]) -> str:
        """Write lines; returns what to complain of, once."""
        try:
            if self._file is None:
                if self._path.exists() and self._path.stat().st_size > MAX_LOG_BYTES:
                    self._path.replace(self._path.with_suffix(".log.1"))
                self._file = self._path.open("a", encoding="utf-8")
            self._file.write("".join(f"{line}\n" for line in lines))
            self._file.flush()
        except OSError as error:
            if not self._complained:
                self._complained = True
                return f"its log {self._path} cannot be written: {error}"
        return ""

    def close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()


def _describe(status: int | None) -> str:
    if status is None:
        return "ended"
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"
