"""How long chunks are, from what frames cost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.graph.domain.jobs import costs
from services.graph.domain.jobs.job import TaskKind
from services.graph.domain.jobs.planner import chunk_sizes


@given(st.floats(1e-5, 600.0), st.integers(1, 200_000))
def test_a_chunk_lasts_half_a_second_to_four_where_its_frames_allow(seconds: float, frames: int) -> None:
    chunk = costs.chunk_frames(seconds, frames)
    assert costs.LEAST_FRAMES <= chunk <= costs.MOST_FRAMES
    if costs.LEAST_FRAMES < chunk < costs.MOST_FRAMES:
        assert costs.LEAST_SECONDS - seconds / 2 <= chunk * seconds <= costs.MOST_SECONDS + seconds / 2


def test_two_workers_end_together() -> None:
    """A job of twenty seconds, dealt to two workers as they become free, takes them no more than 1/1.9 of it."""
    chunk = costs.chunk_frames(20 / 480, 480)
    ends = [0.0, 0.0]
    for size in chunk_sizes(480, chunk):
        ends[ends.index(min(ends))] += size * 20 / 480
    assert max(ends) <= 20 / 1.9


def test_rates_follow_what_was_measured() -> None:
    rate = None
    for _ in range(3):
        rate = costs.learnt(rate, 2.0)
    assert rate == 2.0
    for _ in range(16):
        rate = costs.learnt(rate, 1.0)
    assert 1.0 < rate < 1.02


def test_graphs_of_one_kind_have_one_shape() -> None:
    shape = costs.shape(["Blur", "MediaInput"], 1920, 1080)
    assert shape == costs.shape(["MediaInput", "Blur"], 1920, 1080)
    assert shape != costs.shape(["MediaInput", "Blur", "Blur"], 1920, 1080)
    assert shape != costs.shape(["MediaInput", "Blur"], 1280, 720)
    assert len(shape) == 32


def test_a_charge_before_anything_is_known() -> None:
    assert costs.estimate(TaskKind.FRAMES, 0.0, 24, 240) == 24 * costs.DEFAULT_FRAME_SECONDS
    assert costs.estimate(TaskKind.FRAMES, 0.5, 24, 240) == 12.0
    assert 0 < costs.estimate(TaskKind.AUDIO, 0.5, 0, 240) < 12.0
