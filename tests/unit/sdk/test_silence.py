"""How long a watcher waits for an answer."""

from __future__ import annotations

import pytest

from artifex.errors import InvalidArgument, Unavailable
from artifex.transport import LONGEST_PAUSE, Silence

BROKEN = Unavailable("the gateway went away", code="UNAVAILABLE")


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_stream_that_said_nothing_for_long_may_break_once() -> None:
    clock = Clock()
    silence = Silence(120.0, clock)
    silence.asks()
    silence.ends()
    clock.seconds += 7200.0
    silence.goes_on(BROKEN)
    # The one after it is as quiet: of a paused generation there is nothing to tell.
    silence.asks()
    clock.seconds += 900.0
    silence.goes_on(BROKEN)


def test_nobody_is_waited_for_longer_than_patience_lasts() -> None:
    clock = Clock()
    silence = Silence(120.0, clock)
    for _ in range(12):
        silence.asks()
        silence.goes_on(BROKEN)
        clock.seconds += 10.0
    silence.goes_on(BROKEN)
    clock.seconds += 0.1
    with pytest.raises(Unavailable):
        silence.goes_on(BROKEN)


def test_an_answer_ends_it() -> None:
    clock = Clock()
    silence = Silence(120.0, clock)
    silence.goes_on(BROKEN)
    clock.seconds += 100.0
    silence.ends()
    silence.goes_on(BROKEN)
    clock.seconds += 100.0
    silence.goes_on(BROKEN)


def test_what_another_try_does_not_help_is_raised_at_once() -> None:
    with pytest.raises(InvalidArgument):
        Silence(120.0, Clock()).goes_on(InvalidArgument("no such name", code="INVALID_ARGUMENT"))


def test_tries_grow_rarer_until_an_answer() -> None:
    silence = Silence(120.0, Clock())
    assert silence.pause() <= 0.1
    for _ in range(8):
        silence.goes_on(BROKEN)
    assert LONGEST_PAUSE / 2 <= silence.pause() <= LONGEST_PAUSE
    silence.ends()
    assert silence.pause() <= 0.1
