"""Turns on the workers: over any arrivals of any work, nothing is handed out twice or beyond the places, nobody gets
ahead of a share or starves, and no place is empty while work waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.graph.domain.jobs.job import Priority
from services.graph.domain.jobs.shares import (
    AGEING,
    PREFETCH,
    Ledger,
    Waiting,
    contenders,
    fair_part,
    pick,
    urgency,
    window,
)
from tests.unit.services.graph.domain.jobs.made import START

TENANTS = ("ada", "bob", "cyd")
COSTS = st.sampled_from([0.25, 1.0, 4.0, 16.0])


def job(name: str, tenant: str, costs: list[float], priority: Priority = Priority.NORMAL, age: float = 0.0) -> Waiting:
    """A job submitted `age` seconds ago that had no turn yet."""
    time = START - timedelta(seconds=age)
    return Waiting(name, tenant, priority, time, time, [(f"{name}/{index}", cost) for index, cost in enumerate(costs)])


@st.composite
def crowds(draw: st.DrawFn) -> list[Waiting]:
    return [
        job(
            f"j{number}",
            draw(st.sampled_from(TENANTS)),
            draw(st.lists(COSTS, max_size=6)),
            draw(st.sampled_from(Priority)),
            draw(st.integers(0, 600)),
        )
        for number in range(draw(st.integers(0, 8)))
    ]


@given(crowds(), st.integers(0, 20))
def test_all_places_and_no_more_are_given_each_task_once_in_the_order_of_its_job(
    crowd: list[Waiting], free: int
) -> None:
    turns = pick(crowd, Ledger(), {}, free, START)
    tasks = [task for waiting in crowd for task, _ in waiting.tasks]
    given = [turn.task for turn in turns]
    assert len(given) == min(free, len(tasks))
    assert len(set(given)) == len(given)
    for waiting in crowd:
        mine = [turn.task for turn in turns if turn.job == waiting.job]
        assert mine == [task for task, _ in waiting.tasks][: len(mine)]


@given(crowds(), st.integers(1, 6))
def test_contenders_are_enough(crowd: list[Waiting], free: int) -> None:
    crowd = [waiting for waiting in crowd if waiting.tasks]
    some = [replace(waiting, tasks=waiting.tasks[:free]) for waiting in contenders(crowd, free, START)]
    assert pick(some, Ledger(), {}, free, START) == pick(crowd, Ledger(), {}, free, START)
    assert len(some) <= free * len(TENANTS)


@settings(max_examples=40)
@given(data=st.data())
def test_shares_stay_within_the_bound_whoever_comes_when(data: st.DataObject) -> None:
    """Start-time fair queueing: in any interval in which two tenants both have work waiting, what they got, over their
    weights, differs by no more than the longest task of each over its weight."""
    weights = {name: data.draw(st.sampled_from([0.5, 1.0, 3.0])) for name in TENANTS}
    ledger = Ledger()
    queues: dict[str, list[float]] = {name: [] for name in TENANTS}
    served: list[dict[str, float]] = [dict.fromkeys(TENANTS, 0.0)]
    backlogged: list[set[str]] = []
    for _ in range(data.draw(st.integers(10, 40))):
        for name in TENANTS:
            # Bursts, trickles and pauses.
            queues[name] += data.draw(st.lists(COSTS, max_size=data.draw(st.sampled_from([0, 0, 1, 4]))))
        backlogged.append({name for name in TENANTS if queues[name]})
        crowd = [job(name, name, queues[name]) for name in TENANTS]
        now = dict(served[-1])
        for turn in pick(crowd, ledger, weights, 1, START):
            queues[turn.job].pop(0)
            now[turn.job] += turn.cost / weights[turn.job]
        served.append(now)
    for first in range(len(backlogged)):
        both = set(TENANTS)
        for last in range(first, len(backlogged)):
            both &= backlogged[last]
            for one in both:
                for other in both - {one}:
                    got = {name: served[last + 1][name] - served[first][name] for name in (one, other)}
                    bound = 16.0 / weights[one] + 16.0 / weights[other]
                    assert got[one] - got[other] <= bound + 1e-9


def test_weights_are_the_ratio_in_which_busy_tenants_are_served() -> None:
    ledger, weights = Ledger(), {"ada": 3.0}
    crowd = [job("a", "ada", [1.0] * 400), job("b", "bob", [2.0] * 400)]
    turns = pick(crowd, ledger, weights, 200, START)
    seconds = {name: sum(turn.cost for turn in turns if turn.job == name) for name in ("a", "b")}
    assert seconds["a"] / seconds["b"] == pytest.approx(3.0, rel=0.03)


def test_who_was_idle_is_owed_nothing_and_has_its_turn_at_once() -> None:
    ledger = Ledger()
    pick([job("a", "ada", [1.0] * 100)], ledger, {}, 100, START)
    turns = pick([job("a", "ada", [1.0] * 10), job("b", "bob", [1.0] * 10)], ledger, {}, 6, START)
    assert [turn.job for turn in turns] == ["b", "a", "b", "a", "b", "a"]


def test_a_charge_that_was_too_high_is_made_good() -> None:
    ledger = Ledger()
    crowd = [job("a", "ada", [8.0] * 9), job("b", "bob", [1.0] * 9)]
    assert [turn.job for turn in pick(crowd, ledger, {}, 3, START)] == ["a", "b", "b"]
    # The task of eight seconds took one.
    ledger.times["ada"] -= 7.0
    assert [turn.job for turn in pick(crowd, ledger, {}, 2, START)] == ["a", "b"]


def test_the_ledger_goes_on_where_it_was_stored() -> None:
    crowd = [job("a", "ada", [1.0] * 9), job("b", "bob", [3.0] * 9)]
    whole = pick(crowd, Ledger(), {}, 8, START)
    ledger = Ledger()
    part = pick(crowd, ledger, {}, 3, START)
    taken = {name: sum(turn.job == name for turn in part) for name in ("a", "b")}
    rest = [replace(waiting, tasks=waiting.tasks[taken[waiting.job] :]) for waiting in crowd]
    stored = Ledger(ledger.clock, dict(ledger.times))
    assert part + pick(rest, stored, {}, 5, START) == whole


def test_the_more_urgent_job_of_a_tenant_first_and_of_equals_the_older() -> None:
    crowd = [
        job("young", "ada", [1.0], age=1),
        job("old", "ada", [1.0], age=9),
        job("low", "ada", [1.0], Priority.LOW, age=20),
        job("high", "ada", [1.0], Priority.HIGH),
    ]
    assert [turn.job for turn in pick(crowd, Ledger(), {}, 4, START)] == ["high", "old", "young", "low"]


@given(st.lists(st.integers(1, 40), min_size=20, max_size=200))
def test_nothing_starves_however_much_that_is_urgent_comes(seconds: list[int]) -> None:
    """A low job beside an endless supply of high ones has a turn every so often."""
    low = job("low", "ada", [1.0] * 500, Priority.LOW)
    high = job("high", "ada", [1.0] * 500, Priority.HIGH)
    now, last, ledger = START, START, Ledger()
    longest = timedelta(0)
    for pause in seconds:
        now += timedelta(seconds=pause)
        (turn,) = pick([low, high], ledger, {}, 1, now)
        if turn.job == "low":
            low, last = replace(low, since=now), now
        else:
            high = replace(high, since=now)
        longest = max(longest, now - last)
    assert longest <= 4 * AGEING + timedelta(seconds=40)


def test_urgency_grows_with_waiting() -> None:
    assert urgency(Priority.LOW, START, START) == 2
    assert urgency(Priority.LOW, START, START + 2 * AGEING) == urgency(Priority.HIGH, START, START)


def test_places_are_filled_and_one_task_more_waits_for_each() -> None:
    assert [window(places) for places in (0, 1, 2, 16)] == [2, 2, 4, 32]
    assert fair_part(8, "ada", ["bob"], {}) == 4
    assert fair_part(8, "ada", ["bob", "ada"], {"ada": 3.0}) == 6
    assert fair_part(8, "ada", [], {}) == 8


@settings(max_examples=40)
@given(data=st.data())
def test_no_worker_is_idle_while_work_waits_and_what_is_urgent_waits_for_little(data: st.DataObject) -> None:
    """Workers take what was handed out in its order; whoever ends a task finds the next one there."""
    places = data.draw(st.integers(1, 5))
    waiting = {f"j{number}": [1.0] * data.draw(st.integers(1, 30)) for number in range(3)}
    urgent_at = data.draw(st.integers(0, 20))
    ledger, handed, hands = Ledger(), list[str](), list[float]()
    begun_before_urgent: int | None = None
    for step in range(400):
        if step == urgent_at:
            waiting["urgent"] = [1.0]
            begun_before_urgent = 0
        crowd = [
            replace(job(name, "ada" if name == "urgent" else TENANTS[index % 3], left), since=START)
            if name != "urgent"
            else job(name, "ada", left, Priority.HIGH)
            for index, (name, left) in enumerate(waiting.items())
        ]
        for turn in pick(crowd, ledger, {}, window(places) - len(handed) - len(hands), START):
            handed.append(turn.job)
            waiting[turn.job].pop(0)
        while handed and len(hands) < places:
            name = handed.pop(0)
            hands.append(float(data.draw(st.integers(1, 4))))
            if name == "urgent":
                assert begun_before_urgent is not None
                # What had been handed out before it came, and what its tenant was ahead of the others.
                assert begun_before_urgent <= PREFETCH * places + 2 * len(TENANTS)
                begun_before_urgent = None
            elif begun_before_urgent is not None:
                begun_before_urgent += 1
        assert len(handed) + len(hands) <= window(places)
        if any(waiting.values()):
            assert len(hands) == places
            assert handed
        hands = [left - 1 for left in hands if left > 1]
        if not handed and not hands and step > urgent_at:
            break
    assert not any(waiting.values())
