"""Several at a time, in order, within bounds."""

import threading

import pytest

from services.graph.domain.evaluate.ahead import in_order


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_order(threads: int) -> None:
    assert list(in_order(lambda number, unwanted: number * number, 3, 20, threads)) == [n * n for n in range(3, 23)]


def test_they_are_made_side_by_side() -> None:
    # Each waits for the other: one thread alone would never get through.
    meeting = threading.Barrier(2, timeout=30)

    def make(number: int, unwanted: threading.Event) -> int:
        meeting.wait()
        return number

    assert list(in_order(make, 0, 6, 2)) == list(range(6))


@pytest.mark.parametrize("threads", [2, 4])
def test_no_more_are_made_ahead_than_is_promised(threads: int) -> None:
    lock = threading.Lock()
    begun = 0
    most_ahead = 0

    def make(number: int, unwanted: threading.Event) -> int:
        nonlocal begun
        with lock:
            begun += 1
        return number

    for given, _ in enumerate(in_order(make, 0, 50, threads), start=1):
        with lock:
            most_ahead = max(most_ahead, begun - given)
    assert most_ahead <= threads + 1


def test_an_error_comes_in_its_place_and_stops_the_others() -> None:
    stopped: list[int] = []

    def make(number: int, unwanted: threading.Event) -> int:
        if number == 2:
            raise KeyError("two")
        if number > 2:
            assert unwanted.wait(30)
            stopped.append(number)
        return number

    given: list[int] = []
    with pytest.raises(KeyError, match="two"):
        given.extend(in_order(make, 0, 100, 3))
    assert set(stopped) <= {3, 4, 5}


def test_who_leaves_early_waits_for_nothing_that_is_not_wanted() -> None:
    events: list[threading.Event] = []

    def make(number: int, unwanted: threading.Event) -> int:
        if number:
            assert unwanted.wait(30)
        events.append(unwanted)
        return number

    frames = in_order(make, 0, 100, 2)
    assert next(frames) == 0
    frames.close()
    assert all(event.is_set() for event in events)
