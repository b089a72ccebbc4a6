"""What a job is said to wait for follows from the facts, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from artifex.common.v1 import types_pb2
from services.graph.domain.jobs import transitions
from services.graph.domain.jobs.changes import Signal
from services.graph.domain.jobs.explanation import Facts, Kind, Reason, explain
from services.graph.domain.jobs.job import Job, Priority
from services.graph.domain.jobs.shares import Waiting
from services.graph.domain.jobs.workers import SILENCE, Farm, Worker
from tests.unit.services.graph.domain.jobs.made import START, complete, hand_out, make_job, new_generation


def worker(name: str = "a:1", *, busy: int = 0, silent: float = 0.0, rests: float = 0.0) -> Worker:
    return Worker(
        id=name,
        host=name.partition(":")[0],
        slots=1,
        busy=busy,
        heard_time=START - timedelta(seconds=silent),
        start_time=START - timedelta(hours=1),
        rest_until=START + timedelta(seconds=rests) if rests else None,
        rest_reason="it failed at 3 tasks in a row, lastly: out of memory" if rests else "",
    )


def rendering(*, chunks: int = 3, audio: bool = False, generations: int = 0) -> Job:
    """A job that has begun."""
    job = make_job(chunks=chunks, audio=audio, generations=generations)
    transitions.begin(job, START)
    return job


def why(
    job: Job,
    *workers: Worker,
    out: dict[str, int] | None = None,
    waiting: tuple[Waiting, ...] = (),
    bus: bool = True,
) -> list[Reason]:
    return explain(Facts(job, Farm(START, workers), bus, out or {}, waiting, {}))


def kinds(reasons: list[Reason]) -> list[Kind]:
    return [reason.kind for reason in reasons]


def another(tenant: str, name: str = "01ja", priority: Priority = Priority.NORMAL) -> Waiting:
    return Waiting(name, tenant, priority, START - timedelta(seconds=60), START, [("frames:0", 1.0)])


def test_no_worker() -> None:
    (reason,) = why(rendering())
    assert reason.kind is Kind.NO_WORKER
    assert reason.message == "3 chunks of frames wait: no render worker is there"
    assert "graph worker" in reason.remedy
    assert reason.tasks == ["frames:0", "frames:1", "frames:2"]


def test_no_worker_any_more() -> None:
    job = rendering(chunks=1)
    hand_out(job)
    (reason,) = why(job, worker("a:1", silent=42))
    assert reason.kind is Kind.NO_WORKER
    assert reason.message == "frames 0 to 23 wait: no render worker is there; a:1 was heard of 42 s ago"


def test_all_busy() -> None:
    job = rendering()
    (reason,) = why(job, worker("a:1", busy=1), worker("b:2", busy=1), out={"rival": 4})
    assert reason.kind is Kind.WORKERS_BUSY
    assert "all 2 places of 2 render workers are taken, 0 of 4 tasks" in reason.message


def test_next_in_line_behind_busy_workers() -> None:
    job = rendering(chunks=1)
    hand_out(job)
    assert kinds(why(job, worker(busy=1), out={"studio": 1})) == [Kind.WORKERS_BUSY]
    assert kinds(why(job, worker(busy=0), out={"studio": 1})) == [Kind.STARTING]


def test_over_its_share_only_while_others_wait() -> None:
    job = rendering()
    workers = (worker("a:1", busy=1), worker("b:2", busy=1))
    (reason,) = why(job, *workers, out={"studio": 3, "rival": 1}, waiting=(another("rival"),))
    assert reason.kind is Kind.OVER_SHARE
    assert "another tenant waits too" in reason.message
    assert "3 of 4 places" in reason.message
    assert "its share being 2" in reason.message
    assert kinds(why(job, *workers, out={"studio": 3, "rival": 1})) == [Kind.WORKERS_BUSY]
    assert kinds(why(job, *workers, out={"studio": 1, "rival": 3}, waiting=(another("rival"),))) == [Kind.WORKERS_BUSY]


@pytest.mark.parametrize(
    ("priority", "words"),
    [
        (Priority.HIGH, "its priority is high, this one's normal"),
        (Priority.NORMAL, "it was submitted before this one"),
        (Priority.LOW, "it has waited longest for a turn"),
    ],
)
def test_behind_another_job_of_the_tenant(priority: Priority, words: str) -> None:
    ahead = another("studio", "01ja", priority)
    busy, behind = why(rendering(), worker(busy=1), out={"studio": 2}, waiting=(ahead,))
    assert busy.kind is Kind.WORKERS_BUSY
    assert behind.kind is Kind.BEHIND_ANOTHER_JOB
    assert behind.message == f"renderJobs/01ja of the same tenant goes first: {words}"


def test_waiting_for_a_generation() -> None:
    job = rendering(generations=1)
    (reason,) = why(job, worker())
    assert reason.kind is Kind.WAITING_FOR_GENERATION
    assert reason.message == 'the clip of node "g0" must be generated first: it waits for the generator'
    transitions.task_progressed(job, Signal(1, "generate:g0", 1), START, steps_done=3, steps_total=20)
    (reason,) = why(job, worker())
    assert reason.message.endswith("it is at step 3 of 20")


def test_waiting_for_an_analysis() -> None:
    job = make_job(chunks=0, generations=0, analyses=2)
    transitions.begin(job, START)
    nobody, waits = why(job)
    assert (nobody.kind, nobody.tasks) == (Kind.NO_WORKER, ["analyse:mix0"])
    assert nobody.message == 'the analysis for node "mix0" waits: no render worker is there'
    assert (waits.kind, waits.tasks) == (Kind.WAITING_FOR_ANALYSIS, ["analyse:mix0", "analyse:mix1", "audio"])
    assert waits.message == (
        'the analysis for node "mix1" and the sound wait for the analysis for node "mix0", which needs the whole clip '
        "first: it waits for its turn"
    )
    complete(job, "analyse:mix0")
    hand_out(job)
    transitions.task_started(job, Signal(1, "analyse:mix1", 1), "a:1", START)
    (reason,) = why(job, worker("a:1", busy=1))
    assert (reason.kind, reason.workers) == (Kind.WAITING_FOR_ANALYSIS, ["a:1"])
    assert reason.message == (
        'the sound waits for the analysis for node "mix1", which needs the whole clip first: a:1 is at it'
    )


def test_waiting_for_a_picture_to_go_on_from() -> None:
    job = make_job(chunks=1, audio=False, captures=True)
    transitions.begin(job, START)
    (reason,) = why(job)
    assert reason.message == 'the first picture for node "g0" waits: no render worker is there'
    hand_out(job)
    transitions.task_started(job, Signal(1, "capture-first:g0", 1), "a:1", START)
    (reason,) = why(job, worker("a:1", busy=1))
    assert (reason.kind, reason.workers) == (Kind.RENDERING, ["a:1"])
    assert reason.message == 'the first picture for node "g0" is rendered by a:1; 0 of 24 frames are done'


def test_waiting_for_assembly() -> None:
    job = rendering(chunks=1)
    complete(job, "frames:0")
    (reason,) = why(job, worker())
    assert (reason.kind, reason.tasks) == (Kind.WAITING_FOR_ASSEMBLY, ["assembly"])
    assert "wait to be joined" in reason.message
    transitions.task_started(job, Signal(1, "assembly", 1), "media", START)
    (reason,) = why(job, worker())
    assert "are being joined" in reason.message


def test_rendering_and_the_rest_in_line() -> None:
    job = rendering()
    transitions.release(job, {"frames:0": 1.0}, START)
    transitions.task_started(job, Signal(1, "frames:0", 1), "a:1", START)
    first, rest = why(job, worker("a:1", busy=1), out={"studio": 2})
    assert first.kind is Kind.RENDERING
    assert first.message == "frames 0 to 23 are rendered by a:1; 0 of 72 frames are done"
    assert rest.kind is Kind.WORKERS_BUSY


def test_a_worker_that_fell_silent() -> None:
    job = rendering(chunks=1)
    hand_out(job)
    transitions.task_started(job, Signal(1, "frames:0", 1), "a:1", START)
    (reason,) = why(job, worker("a:1", busy=1, silent=SILENCE.total_seconds() + 1), worker("b:2"))
    assert reason.kind is Kind.WORKER_LOST
    assert reason.workers == ["a:1"]


def fail(job: Job, reason: str) -> None:
    hand_out(job)
    failure = types_pb2.Failure(reason=f"ERROR_REASON_{reason}", message="it broke", metadata={"frame": "7"})
    attempt = job.tasks["frames:0"].attempt
    transitions.task_failed(job, Signal(1, "frames:0", attempt), failure, START, worker="a:1")


def test_retrying_after_a_failure_says_which_and_when() -> None:
    job = rendering(chunks=1)
    fail(job, "INTERNAL")
    fail(job, "INTERNAL")
    (reason,) = why(job, worker())
    assert reason.kind is Kind.RETRYING
    assert reason.message == (
        "frames 0 to 23: tried again in 1.0 s (attempt 3 of 3, on another worker if there is one); "
        "before: frame 7 failed twice: it broke"
    )
    assert reason.until == START + timedelta(seconds=1)
    assert reason.workers == ("a:1",)
    assert reason.failure is not None


def test_retrying_while_something_is_away() -> None:
    job = rendering(chunks=1)
    fail(job, "DEPENDENCY_UNAVAILABLE")
    (reason,) = why(job, worker())
    assert reason.kind is Kind.RETRYING
    assert "tried again in 1.0 s (for as long as it takes)" in reason.message


def test_workers_that_rest() -> None:
    job = rendering(chunks=1)
    (reason,) = why(job, worker("a:1", rests=20))
    assert reason.kind is Kind.WORKERS_RESTING
    assert reason.message == (
        "all render workers rest after failures: it failed at 3 tasks in a row, lastly: out of memory"
    )
    assert reason.remedy.startswith("a:1 takes work again in 20 s")
    assert reason.until == START + timedelta(seconds=20)
    # Where others work on, it is one reason of two.
    assert kinds(why(job, worker("a:1", rests=20), worker("b:2", busy=1), out={"studio": 2})) == [
        Kind.WORKERS_BUSY,
        Kind.WORKERS_RESTING,
    ]


def test_a_bus_that_is_away_comes_first() -> None:
    assert kinds(why(rendering(), bus=False))[0] is Kind.BUS_AWAY


def test_ended_jobs() -> None:
    job = rendering(chunks=1)
    complete(job, "frames:0")
    complete(job, "assembly")
    assert [(reason.kind, reason.message) for reason in why(job)] == [
        (Kind.SUCCEEDED, "the movie is done: assets/movie")
    ]
    job = rendering(chunks=1)
    fail(job, "MEDIA_TRUNCATED")
    (reason,) = why(job)
    assert (reason.kind, reason.message) == (Kind.FAILED, "it failed: frame 7: it broke")
    assert reason.remedy == "change the graph or its media, and render it anew"
    assert reason.tasks == ["frames:0"]
    transitions.retry(job, set(), START, new_generation)
    transitions.cancel(job, START)
    assert kinds(why(job)) == [Kind.CANCELLED]


def test_a_job_between_two_steps_is_told_of_too() -> None:
    job = rendering(chunks=1)
    job.tasks = {name: replace(task) for name, task in job.tasks.items() if name == "assembly"}
    assert kinds(why(job, worker())) == [Kind.STARTING]
