"""Which analyses a plan needs, in what order, and what their keys follow from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from artifex.nodes import VIDEO, Analysis, Clip, DeclarationError, Float, Input, MediaSource, Node, Output
from libs.chassis.errors import Internal
from services.graph.domain.compile.analyses import analyses_of, awaited, decode, encode, keys_of, with_analysed
from services.graph.domain.compile.catalogue import Catalogue, catalogue
from services.graph.domain.compile.compiler import Compiled, compile
from services.graph.domain.jobs.job import TaskKind
from services.graph.domain.jobs.planner import plan
from tests.unit.services.graph.support import document, footage_info

NORMAL = {"normalize": "loudness"}


def mixer(of: str, **params: Any) -> dict[str, Any]:
    return {"type": "AudioMixer", "inputs": {"audio": f"{of}.audio"}, "params": params}


def compiled(nodes: Mapping[str, Any], sound: str = "mix", **settings: Any) -> Compiled:
    clip = {"type": "MediaInput", "params": {"asset": "assets/a"}}
    out = {"type": "FileOutput", "inputs": {"video": "clip", "audio": sound}, "params": {"path": "x.mp4"}}
    whole = {"clip": clip, **nodes, "out": out}
    return compile(document(whole, **settings), catalogue(), "", {"clip": footage_info()})


def key(content: str = "c0ffee", *, before: dict[str, Any] | None = None, duration: object = 1, **params: Any) -> str:
    nodes = {"pre": mixer("clip", **(before or {})), "mix": mixer("pre", **NORMAL, **params)}
    made = compiled(nodes, duration=duration, **({"width": params.pop("width")} if "width" in params else {}))
    return keys_of(made, analyses_of(made), {"clip": content})["mix"]


def test_only_what_normalises_is_analysed() -> None:
    made = compiled({"pre": mixer("clip"), "mix": mixer("pre", **NORMAL), "unused": mixer("clip", **NORMAL)})
    (planned,) = analyses_of(made).values()
    assert (planned.node, planned.type, planned.analysis.name, list(planned.reads)) == (
        "mix", "AudioMixer", "loudness", ["audio"],
    )  # fmt: skip
    assert analyses_of(compiled({"mix": mixer("clip")})) == {}


def test_a_key_tells_all_that_the_result_follows_from() -> None:
    first = key()
    assert key() == first
    assert len(first) == 64
    for other in (
        key("other bytes"),
        key(gain=-3),
        key(master=1),
        key(pan={"keys": [[0, 0], [1, 1]]}),
        key(before={"gain": -3}),
        key(duration=2),
        # What was normalised before is another sound for another target.
        key(before=NORMAL),
        key(before={**NORMAL, "loudness": -16}),
    ):
        assert other != first
    assert key(before=NORMAL) != key(before={**NORMAL, "loudness": -16})


def test_a_key_tells_nothing_else() -> None:
    first = key()
    assert key(loudness=-16) == key(true_peak=-3) == key(gain=0) == first
    renamed = compiled({"a": mixer("clip"), "b": mixer("a", **NORMAL)}, sound="b", width=128, fps="50")
    assert keys_of(renamed, analyses_of(renamed), {"clip": "c0ffee"}) == {"b": first}


def test_another_version_of_the_analysis_is_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    first = key()
    node_type = catalogue()["AudioMixer"]
    analysis = node_type.analysis
    assert analysis is not None
    newer = Analysis(analysis.name, analysis.inputs, analysis.parameters, version="2")
    monkeypatch.setattr(node_type, "analysis", newer)
    assert key() != first


def test_media_that_is_not_there_gives_no_key() -> None:
    made = compiled({"mix": mixer("clip", **NORMAL)})
    assert keys_of(made, analyses_of(made), {}) == {}


def test_analyses_run_in_order_and_before_what_needs_them() -> None:
    made = compiled({"a": mixer("clip", **NORMAL), "b": mixer("a", **NORMAL), "mix": mixer("b")})
    tasks = {task.id: task for task in plan(made, 10).tasks}
    assert tasks["analyse:a"].depends_on == ()
    assert tasks["analyse:b"].depends_on == ("analyse:a",)
    assert tasks["audio"].depends_on == ("analyse:a", "analyse:b")
    assert (tasks["analyse:b"].kind, tasks["analyse:b"].frame_count) == (TaskKind.ANALYSIS, 0)
    # Pictures wait for no analysis of the sound.
    assert tasks["frames:0"].depends_on == ()
    assert list(tasks).index("analyse:b") < list(tasks).index("frames:0")
    assert awaited(made, analyses_of(made), made.picture) == []


def test_equal_analyses_are_one() -> None:
    both = {"type": "AudioMixer", "inputs": {"audio": "a.audio", "audio.1": "b.audio"}}
    made = compiled({"a": mixer("clip", **NORMAL), "b": mixer("clip", **NORMAL), "mix": both})
    assert list(analyses_of(made)) == ["a"]


def test_what_was_found_reaches_the_node_and_nobody_else() -> None:
    made = compiled({"pre": mixer("clip"), "mix": mixer("pre", **NORMAL)})
    bound = with_analysed(made, {"mix": decode('{"lufs":-20}'), "pre": decode("1")})
    found = {step.node: step.at(made.settings.fps).analysed for step in bound.steps}
    assert found == {"clip": None, "pre": None, "mix": {"lufs": -20}}


@pytest.mark.parametrize("value", [None, math.nan, {1, 2}, b"bytes", "x" * 5_000_000])
def test_what_json_cannot_say_is_refused_with_the_node(value: object) -> None:
    with pytest.raises(Internal, match='node "mix"'):
        encode(value, "mix")


def test_stored_results_read_back() -> None:
    value = {"b": [1, 2.5], "a": None}
    assert encode(value, "mix") == b'{"a":null,"b":[1,2.5]}'
    assert decode(encode(value, "mix").decode()).value == value


def test_declarations_are_checked() -> None:
    stray = Input(VIDEO, "Of nobody.")
    stray.__set_name__(Node, "video")
    with pytest.raises(DeclarationError, match="no input 'video'"):

        class Stray(Node):
            """Reads an input that it does not have."""

            category = "Test"
            mask = Input(VIDEO, "The picture.")
            out = Output(VIDEO, "The picture.")
            analysis = Analysis("light", inputs=[stray])

            def analyse(self, clip: Clip) -> int:
                return 1

    with pytest.raises(DeclarationError, match="or neither"):

        class Half(Node):
            """Declares an analysis and has none."""

            category = "Test"
            video = Input(VIDEO, "The picture.")
            out = Output(VIDEO, "The picture.")
            analysis = Analysis("light", inputs=[video])


class Exposing(Node):
    """A change of colour by what the whole clip looks like."""

    category = "Test"
    video = Input(VIDEO, "The picture.")
    out = Output(VIDEO, "The picture.", name="video")
    amount = Float(1.0, doc="How much.")
    analysis = Analysis("light", inputs=[video])

    def analyse(self, clip: Clip) -> int:
        return 1

    def grade(self, colour: object, source: MediaSource | None) -> list[Any]:
        return []


def test_a_node_with_an_analysis_joins_no_run_and_its_pictures_wait() -> None:
    nodes: dict[str, Any] = {"clip": {"type": "MediaInput", "params": {"asset": "assets/a"}}}
    grade = {"type": "ColorCorrector", "params": {"exposure": 1}}
    for name, before, spec in (("g1", "clip", grade), ("auto", "g1", {"type": "Exposing"}), ("g2", "auto", grade)):
        nodes[name] = {**spec, "inputs": {"video": f"{before}.video"}}
    nodes["out"] = {"type": "FileOutput", "inputs": {"video": "g2"}, "params": {"path": "x.mp4"}}
    types = Catalogue([*catalogue().values(), Exposing])
    made = compile(document(nodes), types, "", {"clip": footage_info()})
    assert [step.nodes for step in made.steps] == [("clip",), ("g1",), ("auto",), ("g2",)]
    tasks = {task.id: task for task in plan(made, 10).tasks}
    assert tasks["analyse:auto"].frame_count == made.frame_count
    assert tasks["frames:0"].depends_on == ("analyse:auto",)
