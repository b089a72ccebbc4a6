"""The sandbox against children that crash, hang, hoard and lie."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from libs.chassis.errors import ArtifexError, Internal, InvalidArgument, Violation
from libs.chassis.sandbox import Limits, Sandbox, SandboxCrashed, SandboxPool, SandboxSession, SandboxTimeout
from libs.chassis.testing import eventually, wait_until
from libs.frames.errors import MediaUnreadable

TARGET = "tests.integration.chassis.sandbox_targets:run"
CONVERSATION = "tests.integration.chassis.sandbox_targets:converse"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(TARGET, limits=Limits(memory_bytes=512 * 1024**2, open_files=64)) as box:
        yield box


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_calls_share_one_child_and_report_progress_in_order(sandbox: Sandbox) -> None:
    updates: list[Any] = []
    first = await sandbox.call({"do": "echo", "value": "1/24", "steps": 3}, on_progress=updates.append)
    second = await sandbox.call({"do": "echo", "value": {"nested": [None, 1.5]}})
    assert first["echo"] == "1/24"
    assert second["echo"] == {"nested": [None, 1.5]}
    assert first["pid"] == second["pid"] != os.getpid()
    assert updates == [{"step": 0}, {"step": 1}, {"step": 2}]


async def test_concurrent_calls_take_turns(sandbox: Sandbox) -> None:
    answers = await asyncio.gather(*(sandbox.call({"do": "echo", "value": n}) for n in range(20)))
    assert [answer["echo"] for answer in answers] == list(range(20))


async def test_large_messages_pass_both_ways(sandbox: Sandbox) -> None:
    value = "x" * 5_000_000
    assert (await sandbox.call({"do": "echo", "value": value}))["echo"] == value


async def test_a_child_is_replaced_after_its_number_of_calls() -> None:
    async with Sandbox(TARGET, idle_restart_after=2) as box:
        pids = [(await box.call({"do": "echo", "value": 0}))["pid"] for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]
    assert all(gone(pid) for pid in pids)


@pytest.mark.parametrize(
    ("do", "told"),
    [("abort", "SIGABRT"), ("segfault", "SIGSEGV"), ("leave", "status 3"), ("bomb", "more memory")],
)
async def test_a_crash_is_a_typed_error_and_the_next_call_works(sandbox: Sandbox, do: str, told: str) -> None:
    with pytest.raises(SandboxCrashed, match=told) as caught:
        await sandbox.call({"do": do})
    assert caught.value.reason == "ERROR_REASON_DECODER_CRASHED"
    assert (await sandbox.call({"do": "echo", "value": 1}))["echo"] == 1


async def test_a_crash_logs_the_last_words(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(SandboxCrashed):
        await sandbox.call({"do": "abort"})
    assert "last words" in caplog.text


async def test_cancelling_kills_a_child_that_ignores_signals(sandbox: Sandbox) -> None:
    running = asyncio.Event()
    pids: list[int] = []

    def note(update: dict[str, Any]) -> None:
        pids.append(update["pid"])
        running.set()

    call = asyncio.create_task(sandbox.call({"do": "spin"}, on_progress=note))
    await running.wait()
    before = time.monotonic()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert time.monotonic() - before < 0.5
    assert gone(pids[0])
    assert (await sandbox.call({"do": "echo", "value": 1}))["echo"] == 1


async def test_a_second_cancellation_leaves_no_child_behind(sandbox: Sandbox) -> None:
    """As when a server stops and then its loop ends: the status of the child is taken all the same."""
    running: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    call = asyncio.create_task(
        sandbox.call({"do": "spin"}, on_progress=lambda update: running.set_result(update["pid"]))
    )
    pid = await running
    call.cancel()
    while not call.done():
        await asyncio.sleep(0)
        call.cancel()
    assert call.cancelled()
    assert not psutil.pid_exists(pid)


async def test_cancelling_reaches_grandchildren(sandbox: Sandbox) -> None:
    running: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
    call = asyncio.create_task(
        sandbox.call({"do": "family"}, on_progress=lambda update: running.set_result(update["pids"]))
    )
    pids = await running
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await eventually(lambda: all(gone(pid) for pid in pids), what="the end of the family")


async def test_the_wall_limit_is_a_timeout() -> None:
    async with Sandbox(TARGET, limits=Limits(wall_seconds=1.5)) as box:
        with pytest.raises(SandboxTimeout) as caught:
            await box.call({"do": "spin"})
        assert caught.value.permanent
        assert box.pid is None


async def test_the_processor_limit_holds_for_each_call() -> None:
    async with Sandbox(TARGET, limits=Limits(cpu_seconds=1)) as box:
        assert (await box.call({"do": "echo", "value": 1}))["echo"] == 1
        with pytest.raises(SandboxCrashed, match="processor time"):
            await box.call({"do": "spin"})


async def test_the_limit_of_open_files_holds(sandbox: Sandbox) -> None:
    assert await sandbox.call({"do": "files", "count": 20}) == {"held": 20}
    with pytest.raises(Internal):
        await sandbox.call({"do": "files", "count": 100})


async def test_typed_errors_cross_whole(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await sandbox.call({"do": "refuse"})
    error = caught.value
    assert (error.message, error.reason, error.metadata) == (
        "no such thing",
        "ERROR_REASON_GRAPH_INVALID",
        {"problems": "1"},
    )
    assert error.violations == (Violation("nodes.a", "is wrong", "unknown_type"),)
    with pytest.raises(MediaUnreadable) as media:
        await sandbox.call({"do": "unreadable"})
    assert media.value.reason == "ERROR_REASON_MEDIA_UNREADABLE"
    assert media.value.metadata == {"file": "clip.mp4"}


async def test_an_unexpected_error_keeps_its_details_in_the_log(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ArtifexError) as caught:
        await sandbox.call({"do": "fail"})
    assert "internal detail" not in str(caught.value)
    assert "an internal detail" in caplog.text


async def test_secrets_of_the_parent_do_not_reach_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("ARTIFEX_TOKEN", "secret")
    async with Sandbox(TARGET, env={"OMP_NUM_THREADS": "1"}) as box:
        seen = await box.call({"do": "environment"})
    assert "secret" not in seen.values()
    assert "HOME" not in seen
    assert seen["OMP_NUM_THREADS"] == "1"


async def test_a_pool_runs_its_children_side_by_side() -> None:
    async with SandboxPool(2, TARGET) as pool:
        gate = asyncio.Barrier(3)

        async def held(_: dict[str, Any]) -> None:
            await gate.wait()

        calls = [pool.call({"do": "echo", "value": n, "steps": 1}, on_progress=held) for n in range(2)]
        answers, _ = await asyncio.gather(asyncio.gather(*calls), gate.wait())
    assert len({answer["pid"] for answer in answers}) == 2


async def test_a_failing_progress_callback_stops_the_work(sandbox: Sandbox) -> None:
    def fail(_: dict[str, Any]) -> None:
        raise LookupError("nobody listens")

    with pytest.raises(LookupError):
        await sandbox.call({"do": "echo", "value": 1, "steps": 1}, on_progress=fail)
    assert (await sandbox.call({"do": "echo", "value": 1}))["echo"] == 1


def test_a_killed_parent_leaves_no_child_behind() -> None:
    program = textwrap.dedent(f"""
        import asyncio
        from libs.chassis.sandbox import Sandbox

        async def main():
            async with Sandbox({TARGET!r}) as box:
                await box.call({{"do": "spin"}}, on_progress=lambda update: print(update["pid"], flush=True))

        asyncio.run(main())
    """)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    assert not gone(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: gone(child), what="the child's end", timeout=5)


async def test_a_session_talks_both_ways_in_any_order() -> None:
    async with SandboxSession(CONVERSATION) as session:
        large = b"x" * 3_000_000
        await session.send(b"abc")
        await session.send(b"")
        assert [await session.receive() for _ in range(4)] == [b"cba", b"cba", b"", b""]
        sending = asyncio.create_task(session.send(large))
        assert await session.receive() == large
        assert await session.receive() == large
        await sending
        pid = session.pid
        assert not gone(pid)
    assert gone(pid)


@pytest.mark.parametrize(("word", "told"), [(b"die", "SIGKILL"), (b"hoard", "more memory")])
async def test_the_end_of_a_session_tells_how_it_died(word: bytes, told: str) -> None:
    async with SandboxSession(CONVERSATION, limits=Limits(memory_bytes=512 * 1024**2)) as session:
        await session.send(word)
        with pytest.raises(SandboxCrashed, match=told):
            await session.receive()
        with pytest.raises(SandboxCrashed, match=told):
            await session.send(b"x" * 3_000_000)
