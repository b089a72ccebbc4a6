"""A service's life, in a process of its own where signals and exit codes matter."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from libs.chassis.runtime import Runtime
from libs.chassis.settings import PlatformSettings

PROGRAM = """
import asyncio, sys
from contextlib import asynccontextmanager
from libs.chassis.runtime import Runtime
from libs.chassis.settings import PlatformSettings

@asynccontextmanager
async def resource(name):
    print("open", name, flush=True)
    try:
        yield
    finally:
        print("close", name, flush=True)

async def work():
    print("work begins", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        print("work ends", flush=True)

async def crash():
    await asyncio.sleep(0)
    raise RuntimeError("the relay lost its way")

async def build(runtime):
    await runtime.enter(resource("database"))
    runtime.spawn("work", work())
    await runtime.enter(resource("server"))
    {extra}

sys.exit(Runtime.main("graph", PlatformSettings(), build))
"""


class Child:
    """The program above as a running process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.logs: list[dict[str, Any]] = []

    async def until(self, message: str) -> None:
        """Reads the log up to a message."""
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            self.logs.append(json.loads(line))
            if self.logs[-1]["message"] == message:
                return
        raise AssertionError(f"{message!r} was never logged: {self.logs}")

    async def end(self) -> tuple[int, list[str]]:
        """Exit code and what was printed."""
        out, err = await self.process.communicate()
        self.logs += map(json.loads, err.splitlines())
        assert self.process.returncode is not None
        return self.process.returncode, out.decode().splitlines()


@asynccontextmanager
async def running(tmp_path: Path, extra: str = "pass") -> AsyncIterator[Child]:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.replace("{extra}", extra))
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield Child(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_the_reverse_order(tmp_path: Path, number: signal.Signals) -> None:
    async with running(tmp_path) as child:
        await child.until("ready")
        child.process.send_signal(number)
        assert await child.end() == (
            0,
            ["open database", "open server", "work begins", "close server", "work ends", "close database"],
        )
    assert [line["message"] for line in child.logs][-2:] == [f"received {number.name}", "stopping"]
    assert {line["service"] for line in child.logs} == {"graph"}


async def test_two_signals_end_it_once(tmp_path: Path) -> None:
    async with running(tmp_path) as child:
        await child.until("ready")
        child.process.send_signal(signal.SIGINT)
        child.process.send_signal(signal.SIGTERM)
        code, printed = await child.end()
    assert (code, printed[-1]) == (0, "close database")


async def test_a_crashing_task_stops_the_process_with_1(tmp_path: Path) -> None:
    async with running(tmp_path, 'runtime.spawn("relay", crash())') as child:
        code, printed = await child.end()
    assert (code, printed[-1]) == (1, "close database")
    [line] = [line for line in child.logs if line["level"] == "ERROR"]
    assert line["message"] == "background task 'relay' crashed"
    assert "the relay lost its way" in line["exception"]


async def test_a_failing_start_is_logged_and_closes_what_was_open(tmp_path: Path) -> None:
    async with running(tmp_path, 'raise OSError("no such database")') as child:
        code, printed = await child.end()
    assert (code, printed[-1]) == (1, "close database")
    assert "no such database" in child.logs[-1]["exception"]


@pytest.mark.parametrize(
    ("extra", "code"), [("await asyncio.Event().wait()", 0), ('runtime.spawn("relay", crash()); await work()', 1)]
)
async def test_a_start_that_waits_can_be_ended(tmp_path: Path, extra: str, code: int) -> None:
    async with running(tmp_path, extra) as child:
        assert child.process.stdout is not None
        while (await child.process.stdout.readline()) != b"work begins\n":
            pass
        if code == 0:
            child.process.send_signal(signal.SIGTERM)
        ended, printed = await child.end()
    assert (ended, printed[-1]) == (code, "close database")


async def test_inside_a_test_it_is_a_plain_context_manager() -> None:
    closed = []

    @asynccontextmanager
    async def resource() -> AsyncIterator[str]:
        yield "a database"
        closed.append("a database")

    async with Runtime("graph", PlatformSettings(otlp_endpoint="")) as runtime:
        assert await runtime.enter(resource()) == "a database"
        runtime.stop()
        await runtime.run_until_stopped()
        assert closed == []
    assert closed == ["a database"]
    assert runtime.exit_code == 0
