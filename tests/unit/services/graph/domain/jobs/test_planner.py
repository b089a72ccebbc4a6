from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import Compiled, compile
from services.graph.domain.jobs.job import TaskKind
from services.graph.domain.jobs.planner import plan
from tests.unit.services.graph.support import document, footage_info, output

SHOT: dict[str, Any] = {"type": "T2VGenerator", "params": {"prompt": "p"}}
CLIP: dict[str, Any] = {"type": "MediaInput", "params": {"asset": "assets/a"}}


def compiled(frames: int = 100, **extra: Any) -> Compiled:
    nodes = {"shot": SHOT, "clip": CLIP, "m": {"type": "Merge", "inputs": {"a": "shot", "b": "clip"}},
             "out": output("m", **extra)}  # fmt: skip
    return compile(document(nodes, duration=f"{frames}/25"), catalogue(), "", {"clip": footage_info()})


def test_a_job_generates_then_renders_then_assembles() -> None:
    tasks = plan(compiled(audio="clip.audio"), 40).tasks
    frames = [task.id for task in tasks if task.kind == TaskKind.FRAMES]
    assert frames[:3] == ["frames:0", "frames:1", "frames:2"]
    assert [task.id for task in tasks] == ["generate:shot", *frames, "audio", "assembly"]
    assert tasks[0].generation is not None
    assert tasks[0].node == "shot"
    assert all(task.depends_on == ("generate:shot",) for task in tasks[1:-2])
    assert tasks[-2].depends_on == ()
    assert tasks[-1].depends_on == (*frames, "audio")
    assert tasks[-1].frame_count == 100


def test_a_silent_movie_has_no_audio_task() -> None:
    assert TaskKind.AUDIO not in {task.kind for task in plan(compiled(), 40).tasks}


@given(st.integers(1, 2000), st.integers(1, 300))
def test_chunks_cover_every_frame_once_and_shrink_towards_the_end(frames: int, chunk: int) -> None:
    chunks = [task for task in plan(PLANNED[frames], chunk).tasks if task.kind == TaskKind.FRAMES]
    position = 0
    for task in chunks:
        assert task.first_frame == position
        position += task.frame_count
    assert position == frames
    sizes = [task.frame_count for task in chunks]
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) <= chunk
    assert min(sizes) >= 1
    assert len(sizes) <= -(-frames // chunk) + 7
    # Whoever takes the last chunk while all others end keeps them waiting for a fraction of a full one.
    assert frames < 4 * chunk or sizes[-1] <= -(-chunk // 4) + 1


class _Planned(dict[int, Compiled]):
    def __missing__(self, frames: int) -> Compiled:
        self[frames] = compiled(frames)
        return self[frames]


PLANNED = _Planned()


def test_a_chunk_has_frames() -> None:
    with pytest.raises(ValueError, match="at least one"):
        plan(compiled(), 0)
