"""The collector rests while documents are made, and goes on afterwards, however blocks overlap."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from services.graph.domain.collector import OVERDUE, collector_held


def test_it_rests_inside_and_goes_on_after() -> None:
    assert gc.isenabled()
    with collector_held(), collector_held():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), collector_held():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_blocks_of_several_threads_overlap() -> None:
    entered, leave = threading.Barrier(3), threading.Event()

    def hold() -> None:
        with collector_held():
            entered.wait(10)
            leave.wait(10)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    entered.wait(10)
    with collector_held():
        leave.set()
        for thread in threads:
            thread.join()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_is_overdue_goes_though_another_thread_still_holds_it_off() -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with collector_held():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(10)
    try:
        with collector_held():
            with collector_held():
                first = _circle()
                rest = [_circle() for _ in range(OVERDUE)]
            del rest
            assert first() is not None, "a block within a block was taken for the end"
        assert not gc.isenabled()
        assert first() is None
    finally:
        leave.set()
        thread.join()
    assert gc.isenabled()


class _Round:
    pass


def _circle() -> weakref.ref[_Round]:
    """What only the collector can free."""
    made = _Round()
    made.__dict__["self"] = made
    return weakref.ref(made)


def test_who_keeps_it_off_finds_it_off() -> None:
    gc.disable()
    try:
        with collector_held():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
