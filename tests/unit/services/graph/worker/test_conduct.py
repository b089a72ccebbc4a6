"""A worker that fails at one job after the other rests, longer and longer; one that does its work never does."""

from __future__ import annotations

from datetime import timedelta

from libs.chassis.clock import utcnow
from services.graph.worker.conduct import JOBS, TASKS, Conduct


class Told:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def rest(conduct: Conduct) -> timedelta:
    assert conduct.rest_until is not None
    return conduct.rest_until - utcnow()


def test_three_different_jobs_in_a_row_are_enough() -> None:
    told = Told()
    conduct = Conduct(timedelta(seconds=30), told)
    for job in range(JOBS - 1):
        conduct.failed_at(f"job {job}", "frames:0", "out of memory")
        conduct.failed_at(f"job {job}", "frames:0", "out of memory")
    assert (conduct.rest_until, told.times) == (None, 0)
    conduct.failed_at("another", "frames:0", "out of memory")
    assert timedelta(seconds=25) < rest(conduct) <= timedelta(seconds=30)
    assert conduct.rest_reason == "it failed at 3 tasks of 3 jobs in a row, lastly: out of memory"
    assert told.times == 1


def test_one_broken_graph_is_not_enough_and_a_worker_that_does_nothing_right_in_it_is() -> None:
    conduct = Conduct(timedelta(seconds=30), Told())
    for task in range(TASKS - 1):
        conduct.failed_at("job", f"frames:{task}", "")
        conduct.failed_at("job", f"frames:{task}", "")
    assert conduct.rest_until is None
    conduct.failed_at("job", "another", "")
    assert conduct.rest_until is not None


def test_work_done_between_makes_good() -> None:
    conduct = Conduct(timedelta(seconds=30), Told())
    for job in range(9):
        conduct.failed_at(f"job {job}", "frames:0", "")
        conduct.did()
    assert conduct.rest_until is None
    assert (conduct.done, conduct.failed) == (9, 9)


async def test_rests_grow_while_nothing_is_done() -> None:
    conduct = Conduct(timedelta(milliseconds=1), Told())
    rests = []
    for job in range(12):
        conduct.failed_at(f"job {job}", "frames:0", "")
        if conduct.rest_until is not None:
            rests.append(round(rest(conduct) / timedelta(milliseconds=1)))
            await conduct.fit()
            assert conduct.rest_reason == ""
    assert len(rests) == 10
    assert rests == sorted(rests)
    assert max(rests) <= 20
