"""A playback's clock: every frame at its time, late ones counted, never more ahead than allowed."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from services.graph.preview.pacer import PREROLL, Pacer, Range

FPS = Fraction(24)


def pacer(first: int = 0, end: int = 100, start: int = 0, *, loop: bool = False, ahead: int = 8) -> Pacer[int]:
    return Pacer(Range(first, end, start, loop), FPS, ahead)


def test_steps_are_frames_from_the_start_and_round_in_a_loop() -> None:
    once = Range(10, 14, 12, loop=False)
    assert [once.frame(step) for step in range(int(once.steps))] == [12, 13]
    again = Range(10, 14, 12, loop=True)
    assert [again.frame(step) for step in range(6)] == [12, 13, 10, 11, 12, 13]


def test_the_clock_starts_when_enough_is_ready_and_then_each_frame_has_its_time() -> None:
    playing = pacer()
    for step in range(PREROLL - 1):
        playing.offer(step, step)
        assert playing.take(5.0) is None
        assert playing.wait(5.0) is None
    playing.offer(PREROLL - 1, PREROLL - 1)
    assert playing.take(10.0) == (0, 0)
    assert playing.take(10.01) is None
    wait = playing.wait(10.01)
    assert wait is not None
    assert abs(wait - (1 / 24 - 0.01)) < 1e-9
    assert playing.take(10.01 + wait) == (1, 1)
    assert playing.dropped == 0


def test_a_late_frame_is_sent_unless_the_next_is_there_and_gaps_are_counted() -> None:
    playing = pacer(ahead=4)
    for step in range(4):
        playing.offer(step, step)
    assert playing.take(0.0) == (0, 0)
    # Two frames were due meanwhile: the newer one is sent.
    assert playing.take(2.5 / 24) == (2, 2)
    assert playing.dropped == 1
    assert playing.take(3 / 24) == (3, 3)
    # Nothing for a while; what comes now is late, and the newest that there is.
    playing.offer(5, 5)
    assert playing.take(7.5 / 24) == (5, 5)
    assert playing.dropped == 2
    assert playing.window(7.5 / 24) == (8, 12)


def test_the_end_counts_what_never_came() -> None:
    playing = pacer(end=6, ahead=4)
    for step in range(4):
        playing.offer(step, step)
    for step in range(4):
        assert playing.take(step / 24) == (step, step)
    assert not playing.over(5.9 / 24)
    assert playing.wait(5 / 24) is not None
    assert playing.over(6 / 24)
    assert playing.dropped == 2
    assert playing.frame == 5


def test_what_waits_is_let_go_but_for_the_very_next() -> None:
    playing = pacer(ahead=6)
    for step in range(6):
        playing.offer(step, step)
    assert playing.take(0.0) == (0, 0)
    playing.flush(0.0)
    assert playing.window(0.0) == (2, 7)
    assert playing.take(1 / 24) == (1, 1)
    assert playing.take(2 / 24) is None


@settings(max_examples=150, deadline=None)
@given(
    costs=st.lists(st.floats(0.001, 0.2), min_size=1, max_size=40),
    end=st.integers(1, 60),
    start=st.integers(0, 59),
    ahead=st.integers(2, 16),
    loop=st.booleans(),
)
def test_any_renderer_is_kept_within_bounds_and_every_frame_is_sent_or_counted(
    costs: list[float], end: int, start: int, ahead: int, loop: bool
) -> None:
    """One renderer that takes what `costs` say for each frame, and a clock of a millisecond."""
    playing = pacer(end=end, start=min(start, end - 1), loop=loop, ahead=ahead)
    sent: list[int] = []
    now, done_at, rendering, turn, next_step = 0.0, 0.0, -1, 0, 0
    while now < 8.0 and not playing.over(now):
        if rendering >= 0 and now >= done_at:
            playing.offer(rendering, rendering)
            rendering = -1
        begin, until = playing.window(now)
        next_step = max(next_step, begin)
        if rendering < 0 and next_step < until:
            assert next_step - max([-1, *sent[-1:], playing.due(now)]) <= ahead
            rendering, next_step = next_step, next_step + 1
            done_at = now + costs[turn % len(costs)]
            turn += 1
        if (taken := playing.take(now)) is not None:
            step, item = taken
            assert step == item <= playing.due(now)
            sent.append(step)
        now += 0.001
    assert sent == sorted(set(sent))
    if loop:
        assert playing.dropped == (sent[-1] + 1 - len(sent) if sent else 0)
    else:
        assert len(sent) + playing.dropped == playing.range.steps or now >= 8.0
    if max(costs) < 1 / 24 - 0.003:
        assert playing.dropped == 0
