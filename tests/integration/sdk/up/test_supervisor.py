"""The supervisor's promises, on real processes: order, restarts, and above all that nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from artifex.up.probes import Probe, always, http_ok
from artifex.up.stack import binary
from artifex.up.supervisor import MARK, Child, StackError, Supervisor

# Two children in sessions of their own that ignore SIGTERM, as an unruly server's helpers would be.
UNRULY = "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 300 & wait' & sleep 300 & wait"


def supervise(
    folder: Path, *children: Child, report: Callable[[str, str], None] = lambda name, line: None
) -> Supervisor:
    return Supervisor(
        children, env={}, folder=folder, state_file=folder / "up.json", report=report, on_change=lambda: None
    )


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def file_exists(path: Path) -> Probe:
    async def probe() -> bool:
        return await asyncio.to_thread(path.exists)

    return probe


def marked(text: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if text in process.environ().get(MARK, ""):
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


async def test_children_start_after_and_stop_before_what_they_need(tmp_path: Path) -> None:
    journal = tmp_path / "journal"

    def child(name: str, *needs: str) -> Child:
        script = (
            f"trap 'echo stop {name} >> {journal}; exit 0' TERM; echo start {name} >> {journal};"
            f" touch {tmp_path}/{name}; while :; do sleep 0.02; done"
        )
        return Child(name, shell(script), file_exists(tmp_path / name), needs=needs)

    async with supervise(tmp_path, child("roof", "wall"), child("wall", "floor"), child("floor")) as supervisor:
        assert {name: state.state for name, state in supervisor.children.items()} == dict.fromkeys(
            ("roof", "wall", "floor"), "ready"
        )
    assert journal.read_text().split("\n")[:6] == [
        "start floor",
        "start wall",
        "start roof",
        "stop roof",
        "stop wall",
        "stop floor",
    ]


async def test_a_killed_child_comes_back(tmp_path: Path, unused_tcp_port_factory: Callable[[], int]) -> None:
    port, monitor = unused_tcp_port_factory(), unused_tcp_port_factory()
    command = [binary("nats-server"), "-a", "127.0.0.1", "-p", str(port), "-m", str(monitor)]
    async with supervise(tmp_path, Child("nats", command, http_ok(monitor, "/healthz"))) as supervisor:
        state = supervisor.children["nats"]
        first = state.pid
        assert psutil.Process(first).name() == "nats-server", "the leash becomes the server: signals meet it directly"
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(10):
            await supervisor.until(lambda: state.pid not in (0, first) and state.ready.is_set())
        assert state.restarts == 1
        assert state.last_exit == "was killed by SIGKILL"
    assert not psutil.pid_exists(state.pid) or state.pid == 0


async def test_what_a_dead_child_had_started_dies_too(tmp_path: Path) -> None:
    async with supervise(tmp_path, Child("unruly", shell(UNRULY), always())) as supervisor:
        state = supervisor.children["unruly"]
        mark = f"{supervisor._mark}:unruly:"
        assert await asyncio.to_thread(wait_until, lambda: len(marked(mark)) == 4)
        former = {process.pid for process in marked(mark)}
        os.kill(state.pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            await supervisor.until(lambda: state.restarts == 1 and state.ready.is_set())
        assert not former & {process.pid for process in marked(mark)}


async def test_stopping_kills_what_ignores_sigterm(tmp_path: Path) -> None:
    async with supervise(tmp_path, Child("unruly", shell(UNRULY), always(), grace=0.2)) as supervisor:
        mark = supervisor._mark
    assert marked(mark) == []


async def test_a_child_that_never_starts_is_named_with_its_last_words(tmp_path: Path) -> None:
    broken = Child("broken", shell("echo no such disk; exit 7"), file_exists(tmp_path / "never"))
    with pytest.raises(StackError, match=r"broken does not start: ended with status 7\n.*no such disk"):
        async with supervise(tmp_path, broken):
            pytest.fail("it must not be entered")
    assert "no such disk" in (tmp_path / "logs" / "broken.log").read_text()


async def test_a_child_that_is_not_ready_in_time_is_killed(tmp_path: Path) -> None:
    slow = Child("slow", shell("exec sleep 300"), file_exists(tmp_path / "never"), start_timeout=0.2)
    with pytest.raises(StackError, match="slow does not start: was killed by SIGKILL"):
        async with supervise(tmp_path, slow):
            pytest.fail("it must not be entered")


async def test_a_crash_loop_is_reported(tmp_path: Path) -> None:
    lines: list[str] = []
    looping = Child("looping", shell("echo out of luck; exit 3"), always())
    async with supervise(tmp_path, looping, report=lambda name, line: lines.append(line)) as supervisor:
        async with asyncio.timeout(30):
            await supervisor.until(lambda: supervisor.children["looping"].state == "crash-looping")
    assert any(line.startswith("CRASH LOOP: ended 5 times") and "out of luck" in line for line in lines)


async def test_output_without_line_ends_is_kept_within_bounds(tmp_path: Path) -> None:
    lines: list[str] = []
    script = "head -c 300000 /dev/zero | tr '\\0' x; touch ../done; exec sleep 300"
    child = Child("chatty", shell(script), file_exists(tmp_path / "done"))
    async with supervise(tmp_path, child, report=lambda name, line: lines.append(line)):
        pass
    assert sum(map(len, lines)) == 300_000
    assert max(map(len, lines)) < 200_000


SUPERVISOR_SCRIPT = f"""
import asyncio, json, sys
from pathlib import Path
from artifex.up.probes import always
from artifex.up.supervisor import Child, Supervisor

async def main(folder):
    children = [Child(f"unruly-{{n}}", ["sh", "-c", {UNRULY!r}], always()) for n in range(3)]
    state = folder / "up.json"
    state.write_text("running")
    supervisor = Supervisor(
        children, env={{}}, folder=folder, state_file=state, report=lambda *_: None, on_change=lambda: None
    )
    async with supervisor:
        print(json.dumps({{"mark": supervisor._mark, "warden": supervisor._warden.pid}}), flush=True)
        await asyncio.sleep(300)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("also_the_group", [False, True])
def test_nothing_is_left_when_the_supervisor_is_killed(tmp_path: Path, also_the_group: bool) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR_SCRIPT, str(tmp_path)], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert wait_until(lambda: len(marked(told["mark"])) == 12), "three children with three descendants each"
        if also_the_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    assert wait_until(lambda: not marked(told["mark"]))
    assert wait_until(lambda: not psutil.pid_exists(told["warden"])), "the warden ends when its work is done"
    assert not (tmp_path / "up.json").exists()
