"""The collector rests while documents are made, and goes on afterwards, however blocks overlap."""

from __future__ import annotations

import gc
import threading

import pytest

from services.graph.domain.documents.collector import collector_held


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


def test_who_keeps_it_off_finds_it_off() -> None:
    gc.disable()
    try:
        with collector_held():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
