"""Plans that stay between renders: found again for the same work alone, never changed by a render, and bounded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artifex.media.v1.messages_pb2 import MediaInfo
from services.graph.domain.compile.plan import Compiled
from services.graph.domain.documents.problems import GraphInvalid
from services.graph.domain.evaluate.evaluator import render_audio, render_frames
from services.graph.domain.evaluate.plans import Plans
from services.graph.domain.evaluate.sources import SourceFile
from tests.unit.services.graph.support import footage, footage_info

SOURCES = {"clip": SourceFile(footage(), footage_info(), "c0ffee")}


def text(exposure: Any = None, *, more: int = 0) -> str:
    """A comp with whatever a plan may hold: keys, expressions, a run of grades, a still, sound."""
    nodes: dict[str, Any] = {
        "clip": {"type": "MediaInput", "params": {"asset": "assets/a"}},
        "grade": {
            "type": "ColorCorrector",
            "inputs": {"video": "clip"},
            "params": {"exposure": exposure or {"keys": [[0, -1], [1, 1, {"bezier": [0.4, 0, 0.6, 1]}]]}},
        },
        "again": {"type": "ColorCorrector", "inputs": {"video": "grade"}, "params": {"saturation": 0.5}},
        "title": {"type": "TextInput", "params": {"text": "Artifex", "size": 24}},
        "comp": {"type": "Merge", "inputs": {"a": "title", "b": "again"}, "params": {"mix": {"expr": "0.5 + t / 4"}}},
        "mix": {"type": "AudioMixer", "inputs": {"audio": "clip.audio"}, "params": {"gain": {"expr": "-6 * t"}}},
        "out": {"type": "FileOutput", "inputs": {"video": "comp", "audio": "mix"}},
    }
    for number in range(more):
        nodes[f"title{number}"] = {"type": "TextInput", "params": {"text": str(number)}}
        nodes["out"]["inputs"]["video"] = f"comp{number}"
        nodes[f"comp{number}"] = {"type": "Merge", "inputs": {"a": f"title{number}", "b": f"comp{number - 1}"}}
    if more:
        nodes["comp0"]["inputs"]["b"] = "comp"
    settings = {"width": 160, "height": 90, "fps": "25", "duration": 1}
    return json.dumps({"schema": "artifex.graph/1", "settings": settings, "nodes": nodes})


def render(compiled: Compiled, path: Path, first: int = 3) -> bytes:
    render_frames(compiled, SOURCES, first, 5, path, 2, lambda done: None)
    return path.read_bytes()


def test_renders_of_one_plan_are_those_of_a_plan_each(tmp_path: Path) -> None:
    plans = Plans()
    kept = plans.of(text(), "", SOURCES)
    said = repr(kept)
    first = render(kept, tmp_path / "first.mp4")
    # Something else of the same plan in between.
    render(kept, tmp_path / "later.mp4", 12)
    render_audio(kept, SOURCES, tmp_path / "sound.m4a", lambda done: None)
    assert plans.of(text(), "", SOURCES) is kept
    assert render(kept, tmp_path / "second.mp4") == first
    assert render(Plans().of(text(), "", SOURCES), tmp_path / "fresh.mp4") == first
    assert repr(kept) == said


def test_a_plan_is_found_for_the_same_work_alone() -> None:
    plans = Plans()
    kept = plans.of(text(), "", SOURCES)
    moved = {"clip": SourceFile(Path("elsewhere"), footage_info(), "beef")}
    assert plans.of(text(), "", moved) is kept
    assert plans.of(text(0.5), "", SOURCES) is not kept
    assert plans.of(text(), "out", SOURCES) is not kept
    longer = MediaInfo()
    longer.CopyFrom(footage_info())
    longer.video_streams[0].frame_count += 1
    assert plans.of(text(), "", {"clip": SourceFile(footage(), longer, "c0ffee")}) is not kept
    assert plans.of(text(), "", SOURCES) is kept


def test_what_was_used_last_stays() -> None:
    plans = Plans(max_plans=2)
    one, two = plans.of(text(1.0), "", SOURCES), plans.of(text(2.0), "", SOURCES)
    assert plans.of(text(1.0), "", SOURCES) is one
    plans.of(text(3.0), "", SOURCES)
    assert plans.of(text(1.0), "", SOURCES) is one
    assert plans.of(text(2.0), "", SOURCES) is not two


def test_large_plans_leave_no_room_for_others_but_stay_themselves() -> None:
    plans = Plans(max_steps=12)
    small = plans.of(text(), "", SOURCES)
    large = plans.of(text(more=9), "", SOURCES)
    assert len(small.steps) < 12 < len(large.steps)
    assert plans.of(text(more=9), "", SOURCES) is large
    assert plans.of(text(), "", SOURCES) is not small


def test_a_document_that_is_wrong_is_wrong_each_time() -> None:
    plans = Plans()
    for _ in range(2):
        with pytest.raises(GraphInvalid):
            plans.of(text("bright"), "", SOURCES)
