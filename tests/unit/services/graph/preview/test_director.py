"""What is drawn next: newest wins, drafts first where it is slow, and nobody starves."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from services.graph.preview.director import PATIENCE, QUICK, SMALLEST, Director, Order

QUARTER = Fraction(1, 4)


def draw(director: Director, now: float, seconds: float) -> Order:
    order = director.next(now)
    assert order is not None
    director.drew(order, now + seconds)
    return order


def test_nothing_is_drawn_before_something_is_wanted() -> None:
    director = Director()
    assert director.idle
    assert director.next(0.0) is None


def test_a_slow_picture_has_a_draft_ahead_and_a_quick_one_none() -> None:
    director = Director()
    director.want(QUARTER, 1080, drafts=True)
    first = draw(director, 0.0, 0.004)
    assert first.draft
    assert first.scale < QUARTER
    second = draw(director, 1.0, 4 * QUICK)
    assert (second.scale, second.draft, second.first) == (QUARTER, False, False)
    assert director.idle
    # Now it is known to be slow.
    director.want(QUARTER, 1080, drafts=True)
    assert draw(director, 2.0, 0.5 * QUICK).draft
    draw(director, 3.0, 0.5 * QUICK)
    # And now to be quick, as when what is slow lies upstream of what is changed.
    director.want(QUARTER, 1080, drafts=True)
    only = draw(director, 4.0, 0.5 * QUICK)
    assert (only.scale, only.draft, only.first) == (QUARTER, False, True)
    assert director.next(5.0) is None


def test_no_draft_where_none_is_wanted_or_it_would_be_too_small_to_see() -> None:
    director = Director()
    director.want(QUARTER, 1080, drafts=False)
    assert director.next(0.0) == Order(1, QUARTER, draft=False, first=True, begun=0.0)
    director.want(SMALLEST, 1080, drafts=True)
    order = director.next(0.0)
    assert order is not None
    assert not order.draft
    director.want(Fraction(1), 48, drafts=True)
    order = director.next(0.0)
    assert order is not None
    assert not order.draft


def test_a_refinement_is_given_up_at_once_and_a_first_picture_once_it_is_late() -> None:
    director = Director()
    director.want(QUARTER, 1080, drafts=True)
    draft = director.next(0.0)
    assert draft is not None
    assert not director.may_give_up(draft, PATIENCE / 2)
    assert director.may_give_up(draft, 2 * PATIENCE)
    director.gave_up(draft)
    director.want(QUARTER, 1080, drafts=True)
    again = director.next(1.0)
    assert again is not None
    # Never twice in a row.
    assert not director.may_give_up(again, 100.0)
    director.drew(again, 2.0)
    full = director.next(2.0)
    assert full is not None
    assert director.may_give_up(full, 2.0)


def test_what_cannot_be_drawn_is_not_tried_for_ever() -> None:
    director = Director()
    director.want(QUARTER, 1080, drafts=True)
    order = director.next(0.0)
    assert order is not None
    director.failed(order)
    assert director.next(1.0) is None


@settings(max_examples=200, deadline=None)
@given(
    costs=st.lists(st.floats(0.001, 2.0), min_size=1, max_size=60),
    pause=st.floats(0.001, 0.5),
    wishes=st.integers(1, 80),
    drafts=st.booleans(),
)
def test_somebody_who_never_stops_changing_still_sees_pictures(
    costs: list[float], pause: float, wishes: int, drafts: bool
) -> None:
    """A wish every `pause` seconds; each picture takes what `costs` say. Time goes on as work is done."""
    director = Director()
    now, made, next_wish, turn = 0.0, 0, 0.0, 0
    given_up_in_a_row = 0
    last: Order | None = None
    while True:
        while made < wishes and next_wish <= now:
            director.want(QUARTER, 1080, drafts=drafts)
            made, next_wish = made + 1, next_wish + pause
        order = director.next(now)
        if order is None:
            if made == wishes:
                break
            now = next_wish
            continue
        assert order.wish == director.wish == made
        # Coarse before fine, and each at most once.
        if last is not None and last.wish == order.wish and not order.first:
            assert last.draft
            assert order.scale == QUARTER
        end = now + costs[turn % len(costs)]
        turn += 1
        stopped = None
        while made < wishes and next_wish < end and stopped is None:
            moment = max(next_wish, now)
            if director.may_give_up(order, moment):
                stopped = moment
            else:
                late = order.begun + PATIENCE + 1e-6
                if order.first and late < end and director.may_give_up(order, late):
                    stopped = late
                else:
                    break
        if stopped is not None:
            director.gave_up(order)
            given_up_in_a_row += order.first
            assert given_up_in_a_row <= 1
            now = stopped
        else:
            director.drew(order, end)
            given_up_in_a_row = 0
            now = end
        last = order
    assert director.idle
    assert last is not None
    assert (last.wish, last.scale) == (wishes, QUARTER)
