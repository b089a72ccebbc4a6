"""Child processes of tests: started from wheels, on free ports, gone when the test run is gone however it ends."""

import asyncio
import ctypes
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def free_port() -> int:
    """A TCP port that nobody listened on a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def executable(name: str) -> str:
    """The path of a program that a wheel put beside the interpreter."""
    return str(Path(sys.executable).parent / name)


def accepts(port: int) -> bool:
    """True when something listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], *, what: str, timeout: float = 30.0) -> None:
    """Poll every 10 ms until `condition()` holds; raises TimeoutError that names `what`."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} took longer than {timeout} s")
        time.sleep(0.01)


async def eventually(condition: Callable[[], bool], *, what: str = "the condition", timeout: float = 30.0) -> None:
    """`wait_until` for async tests."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} took longer than {timeout} s")
        await asyncio.sleep(0.01)


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own that is killed with this process; its output goes to `log`."""

    def before_exec() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            start_new_session=True,
            user=user,
            group=user and pwd.getpwnam(user).pw_gid,
            extra_groups=[] if user else None,
            preexec_fn=before_exec,
        )


class Server(ABC):
    """A real server for tests, as a context manager of either kind; its files and `server.log` lie in `folder`."""

    ready_timeout = 30.0
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.user: str | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What starts it; makes what it needs in `folder` first."""

    @abstractmethod
    def is_ready(self) -> bool:
        """True once it answers."""

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def start(self) -> None:
        """Start it on the same port and files as before, and wait until it answers."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = spawn(self.command(), log=self.log, user=self.user)

    def wait_ready(self) -> None:
        def answered() -> bool:
            assert self.process is not None
            if self.process.poll() is not None:
                raise RuntimeError(f"{type(self).__name__} ended at once:\n{self.log.read_text()[-2000:]}")
            return self.is_ready()

        wait_until(answered, what=type(self).__name__, timeout=self.ready_timeout)

    def remove(self) -> None:  # noqa: B027 - most servers have nothing there
        """Remove what lies outside of `folder`, at the very end."""

    def kill9(self) -> None:
        """Kill it and all its children without a warning."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def wait_gone(self) -> None:
        """Wait until nothing listens any more: also what the killed process left behind."""
        wait_until(self._is_gone, what=f"the end of {type(self).__name__}")

    def _is_gone(self) -> bool:
        return not self.is_ready()

    def stop(self) -> None:
        """Ask it to end, and see that it did."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.kill9()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.remove()

    async def __aenter__(self) -> Self:
        # Launched by this thread: the child is bound to the life of the thread that forked it.
        self.launch()
        await asyncio.to_thread(self.wait_ready)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)
        await asyncio.to_thread(self.remove)
