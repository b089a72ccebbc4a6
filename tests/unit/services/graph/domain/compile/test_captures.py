"""Which frames generations go on from, what waits for what, and what the keys of the pictures follow from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from services.graph.domain.compile.captures import Place, capture_keys, captures_of
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import Compiled, compile
from services.graph.domain.jobs.job import TaskKind
from services.graph.domain.jobs.planner import PlannedTask, plan
from tests.unit.services.graph.support import document, footage_info, output

CLIP: dict[str, Any] = {"type": "MediaInput", "params": {"asset": "assets/a"}}
FIRST = Place("shot", "first")


def shot(of: str = "clip", kind: str = "I2VGenerator", **params: Any) -> dict[str, Any]:
    return {"type": kind, "inputs": {"image": of}, "params": {"prompt": "p", **params}}


def compiled(nodes: Mapping[str, Any], shown: str = "shot", **settings: Any) -> Compiled:
    whole = {"clip": CLIP, **nodes, "out": output(shown)}
    return compile(document(whole, **settings), catalogue(), "", {"clip": footage_info()})


def tasks(made: Compiled) -> dict[str, PlannedTask]:
    return {task.id: task for task in plan(made, 100).tasks}


def key(content: str = "c0ffee", *, graded: dict[str, Any] | None = None, **params: Any) -> str:
    settings = {name: params.pop(name) for name in ("width", "duration", "fps") if name in params}
    grade = {"type": "ColorCorrector", "inputs": {"video": "clip.video"}, "params": graded or {}}
    made = compiled({"grade": grade, "shot": shot("grade", **params)}, **settings)
    return capture_keys(made, captures_of(made), {"clip": content})[FIRST]


def test_a_picture_is_captured_before_the_shot_that_begins_with_it() -> None:
    planned = tasks(compiled({"shot": shot(image_time=2)}))
    captured = planned["capture-first:shot"]
    assert (captured.kind, captured.node, captured.first_frame, captured.frame_count) == (
        TaskKind.CAPTURE, "shot", 50, 1,
    )  # fmt: skip
    assert captured.depends_on == ()
    assert planned["generate:shot"].depends_on == ("capture-first:shot",)
    assert planned["frames:0"].depends_on == ("generate:shot",)


def test_shots_go_on_from_one_another_in_order() -> None:
    first = {"type": "T2VGenerator", "params": {"prompt": "p"}}
    made = compiled({"a": first, "b": shot("a", "TI2VGenerator", image_time=1), "shot": shot("b", image_time=2)})
    planned = tasks(made)
    assert list(planned)[:5] == [
        "generate:a", "capture-first:b", "generate:b", "capture-first:shot", "generate:shot",
    ]  # fmt: skip
    assert planned["generate:a"].depends_on == ()
    assert planned["capture-first:b"].depends_on == ("generate:a",)
    assert planned["capture-first:shot"].depends_on == ("generate:a", "generate:b")
    # The bytes of what is generated are not known before: the first picture has no key yet, nor has what follows.
    captures = captures_of(made)
    assert capture_keys(made, captures, {"clip": "c"}) == {}
    assert capture_keys(made, captures, {"a": "1"}).keys() == {Place("b", "first")}
    both = capture_keys(made, captures, {"a": "1", "b": "2"})
    assert both.keys() == {Place("b", "first"), FIRST}
    assert capture_keys(made, captures, {"a": "1", "b": "3"})[FIRST] != both[FIRST]


def test_a_shot_may_have_a_first_and_a_last_picture() -> None:
    both = shot(last_image_time="1/25")
    both["inputs"]["last_image"] = "clip"
    planned = tasks(compiled({"shot": both}))
    assert planned["generate:shot"].depends_on == ("capture-first:shot", "capture-last:shot")
    assert planned["capture-last:shot"].first_frame == 1


def test_without_a_picture_words_are_enough_for_some() -> None:
    made = compiled({"shot": {"type": "TI2VGenerator", "params": {"prompt": "p"}}})
    assert captures_of(made) == {}
    assert tasks(made)["generate:shot"].depends_on == ()


def test_equal_shots_capture_once() -> None:
    nodes = {"shot": shot(), "again": shot(), "m": {"type": "Merge", "inputs": {"a": "shot", "b": "again"}}}
    made = compiled(nodes, "m")
    assert list(captures_of(made)) == [FIRST]
    assert list(made.generations) == ["shot"]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"prompt": "another"}, True),
        ({"width": 128, "seed": 3}, False),
        ({"seed": 3, "steps": 5}, True),
        # The same frame, by another time.
        ({"image_time": "1/50"}, True),
        ({"image_time": "1/25"}, False),
        ({"graded": {"exposure": 1}}, False),
        ({"content": "decaf"}, False),
        ({"fps": "50"}, False),
        ({"duration": 2}, False),
    ],
)
def test_a_key_tells_the_picture_and_nothing_of_the_shot(changed: dict[str, Any], same: bool) -> None:
    assert (key(**changed) == key()) is same


def test_what_is_captured_lends_a_shot_no_length() -> None:
    assert compiled({"shot": shot(frames=17, fps=16)}, duration=None).frame_count == 27
    assert compiled({}, "clip", duration=None).frame_count == 132
    # Switched off, the shot is what it would have begun with.
    bypassed = {**shot(frames=17, fps=16), "bypass": True}
    assert compiled({"shot": bypassed}, duration=None).frame_count == 132
    assert captures_of(compiled({"shot": bypassed})) == {}
