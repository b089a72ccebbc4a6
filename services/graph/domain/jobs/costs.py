"""What rendering costs, learnt from what it has cost: how long the chunks of a job are, and what a tenant is charged.

Rates are worker seconds, from taking a work item to its stored segment, per frame or per unit of work. They are
exponentially weighted means (Brown, 1956), so that a faster machine or a better kernel shows after a few chunks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from services.graph.domain.jobs.job import TaskKind

LEARNING: Final = 0.25
"""Weight of the newest chunk in a rate."""
ANY_SHAPE: Final = ""
"""Under this shape a tenant's rate per unit of work is kept, for graphs that it never rendered."""
DEFAULT_FRAME_SECONDS: Final = 0.1
"""What a frame is charged before anything was measured."""
DEFAULT_CHUNK_FRAMES: Final = 24
"""Frames of a chunk where nothing is known of their cost."""
LEAST_FRAMES: Final = 6
"""Shorter segments would spend more on their keyframes and their start than on frames."""
MOST_FRAMES: Final = 240
LEAST_SECONDS: Final = 0.5
MOST_SECONDS: Final = 4.0
"""What a killed worker costs at most, and how long an urgent job waits for a place."""
CHUNKS_WANTED: Final = 16
"""So many at least, where they are not too short, so that a few workers end together."""
_SOUND_SHARE: Final = 0.02
"""The sound of a movie costs about so much of its frames."""


def frame_work(width: int, height: int, steps: int) -> float:
    """The size of a frame's work: megapixels written, summed over the steps of the plan."""
    return width * height / 1e6 * max(1, steps)


def shape(types: Iterable[str], width: int, height: int) -> str:
    """The key under which a graph's cost is learnt: which node types how often, at what size; 32 hexadecimal digits.

    Parameters are left out: a slider that moved should not make us forget what the graph costs.
    """
    text = f"{width}x{height} {' '.join(sorted(types))}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def learnt(rate: float | None, measured: float) -> float:
    """The rate after one more measurement."""
    return measured if rate is None else rate + LEARNING * (measured - rate)


def chunk_frames(frame_seconds: float, frame_count: int) -> int:
    """Frames of a full chunk for a movie whose frames cost so much: a sixteenth of its work, but at least half a second
    and at most four seconds of one worker, and 6 to 240 frames."""
    total = frame_seconds * frame_count
    seconds = min(max(total / CHUNKS_WANTED, LEAST_SECONDS), MOST_SECONDS)
    return min(max(round(seconds / max(frame_seconds, 1e-9)), LEAST_FRAMES), MOST_FRAMES)


def estimate(kind: TaskKind, frame_seconds: float, frame_count: int, movie_frames: int) -> float:
    """What a task of so many frames, made or looked at, or one for the sound of a movie will cost in worker seconds."""
    rate = frame_seconds or DEFAULT_FRAME_SECONDS
    pictures = kind in (TaskKind.FRAMES, TaskKind.CAPTURE) or (kind is TaskKind.ANALYSIS and frame_count > 0)
    return rate * frame_count if pictures else rate * movie_frames * _SOUND_SHARE
