import copy
import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import AUDIO, CONTROL, IMAGE, MASK, VIDEO, Float, Frame, Input, Node, Output, RenderContext
from services.graph.domain.compile.catalogue import Catalogue, catalogue
from services.graph.domain.compile.compiler import (
    Compiled,
    Converter,
    asset_references,
    compile,
    output_nodes,
    validate,
)
from services.graph.domain.documents.problems import GraphInvalid, Problem, Reason
from services.graph.nodes import BUILTIN
from services.graph.nodes.input.text_input import TextInput
from tests.unit.services.graph.support import document, footage_info, output

SHOT = {"type": "T2VGenerator", "params": {"prompt": "a river", "frames": 17, "fps": 16}}
TEXT = {"type": "TextInput", "params": {"text": "x"}}
CLIP = {"type": "MediaInput", "params": {"asset": "assets/a"}}


def grade(source: str, **params: Any) -> dict[str, Any]:
    return {"type": "ColorCorrector", "inputs": {"video": source}, "params": params}


def found(nodes: dict[str, Any], assets: dict[str, media.MediaInfo] | None = None, **settings: Any) -> list[Problem]:
    return validate(document(nodes, **settings), catalogue(), assets or {})


def build(nodes: dict[str, Any], node: str = "", **settings: Any) -> Compiled:
    return compile(document(nodes, **settings), catalogue(), node, {"clip": footage_info()})


@pytest.mark.parametrize(
    ("nodes", "path", "reason", "says"),
    [
        ({"x": {"type": "TextInptu"}}, "nodes.x.type", Reason.UNKNOWN_NODE_TYPE, "did you mean TextInput?"),
        ({"x": {"type": "Zebra"}}, "nodes.x.type", Reason.UNKNOWN_NODE_TYPE, "nodes list"),
        ({"x": {**TEXT, "version": "2.0.0"}}, "nodes.x.version", Reason.UNSUPPORTED_VERSION, TextInput.schema.version),
        ({"x": {"type": "TextInput"}}, "nodes.x.params.text", Reason.MISSING_PARAMETER, "must be given"),
        ({"x": {"type": "TextInput", "params": {"text": "x", "colour": 1}}}, "nodes.x.params.colour",
         Reason.UNKNOWN_PARAMETER, 'did you mean "color"?'),
        ({"x": {"type": "TextInput", "params": {"text": 1}}}, "nodes.x.params.text", Reason.PARAMETER_TYPE, "text"),
        ({"x": {"type": "TextInput", "params": {"text": "x", "size": -1}}}, "nodes.x.params.size",
         Reason.PARAMETER_RANGE, "below the minimum 1 px"),
        ({"x": {"type": "TextInput", "params": {"text": "x", "font": {"keys": [[0, "Noto Sans"]]}}}},
         "nodes.x.params.font", Reason.NOT_ANIMATABLE, "one value"),
        ({"x": {"type": "TextInput", "params": {"text": "x", "size": {"keys": [[0, 1], [1, "a"]]}}}},
         "nodes.x.params.size.keys.1.1", Reason.PARAMETER_TYPE, "number"),
        ({"x": {"type": "TextInput", "params": {"text": {"keys": [[0, "a"], [1, "b", "ease_in"]]}}}},
         "nodes.x.params.text.keys.1.2", Reason.PARAMETER_TYPE, "step"),
        ({"t": TEXT, "x": {**grade("t"), "inputs": {"vido": "t"}}}, "nodes.x.inputs.vido", Reason.UNKNOWN_INPUT,
         "video"),
        ({"x": {"type": "ColorCorrector"}}, "nodes.x.inputs.video", Reason.MISSING_INPUT, "must be connected"),
        ({"tex": TEXT, "x": grade("text")}, "nodes.x.inputs.video", Reason.UNKNOWN_SOURCE, 'did you mean "tex"?'),
        ({"t": TEXT, "x": grade("t.vid")}, "nodes.x.inputs.video", Reason.UNKNOWN_SOURCE, "video, mask"),
        ({"x": TEXT, "y": grade("out")}, "nodes.y.inputs.video", Reason.UNKNOWN_SOURCE, "no outputs"),
        ({"t": TEXT, "x": grade("t.mask")}, "nodes.x.inputs.video", Reason.TYPE_MISMATCH, 'connect "t.video"'),
        ({"x": grade("y"), "y": grade("z"), "z": grade("x")}, "nodes.x.inputs", Reason.CYCLE, "→"),
        ({"x": grade("x")}, "nodes.x.inputs", Reason.CYCLE, "x → x"),
        ({"x": CLIP}, "nodes.x.params.asset", Reason.ASSET_NOT_FOUND, "assets/a"),
        ({"x": {"type": "MediaInput", "params": {"asset": "clip.mp4"}}}, "nodes.x.params.asset",
         Reason.PARAMETER_RANGE, "upload"),
        ({"x": {"type": "T2VGenerator", "params": {"prompt": "p", "frames": 16}}}, "nodes.x.params.frames",
         Reason.PARAMETER_RANGE, "13 and 17"),
        ({"t": TEXT, "x": {**grade("t"), "params": {"exposure": {"expr": "t +"}}}}, "nodes.x.params.exposure",
         Reason.INVALID_EXPRESSION, ""),
    ],
)  # fmt: skip
def test_each_problem_names_place_reason_and_remedy(
    nodes: dict[str, Any], path: str, reason: Reason, says: str
) -> None:
    matching = [problem for problem in found({**nodes, "out": output()}) if problem.path == path]
    assert [problem.reason for problem in matching] == [reason]
    assert says in matching[0].message
    assert matching[0].node == path.split(".")[1]


def test_a_cycle_names_its_path() -> None:
    (problem,) = found({"x": grade("y"), "y": grade("z"), "z": grade("x"), "out": output()})
    assert "→" in problem.message
    assert {"x", "y", "z"} <= set(problem.message.replace(";", "").split())


def test_without_output_nothing_can_be_rendered() -> None:
    (problem,) = found({"x": TEXT})
    assert problem.reason == Reason.NO_OUTPUT


def test_a_good_document_has_no_problems() -> None:
    nodes = {"clip": CLIP, "x": grade("clip"), "out": output("x", audio="clip.audio")}
    assert found(nodes, {"assets/a": footage_info()}) == []


def test_a_stream_that_is_used_must_be_there() -> None:
    silent = media.MediaInfo()
    silent.CopyFrom(footage_info())
    del silent.audio_streams[:]
    (problem,) = found({"clip": CLIP, "out": output("clip", audio="clip.audio")}, {"assets/a": silent})
    assert (problem.reason, problem.path) == (Reason.NO_STREAM, "nodes.out.inputs.audio")


def test_the_frame_count_is_that_of_the_duration_or_of_the_longest_media() -> None:
    nodes = {"clip": CLIP, "out": output("clip")}
    assert build(nodes, duration="132/25", fps="24000/1001").frame_count == 127
    assert build(nodes, duration=None).frame_count == 132
    trimmed = {**CLIP, "params": {"asset": "assets/a", "trim": 2, "start": 1}}
    assert build({"clip": trimmed, "out": output("clip")}, duration=None).frame_count == 107
    shot = {"type": "T2VGenerator", "params": {"prompt": "p", "frames": 161, "fps": 16}}
    both = {"clip": CLIP, "s": shot, "m": {"type": "Merge", "inputs": {"a": "s", "b": "clip"}}, "out": output("m")}
    assert build(both, duration=None).frame_count == 252


def test_a_document_without_media_needs_a_duration() -> None:
    (problem,) = found({"x": TEXT, "out": output()}, duration=None)
    assert (problem.reason, problem.path) == (Reason.UNKNOWN_DURATION, "settings.duration")


def test_the_output_must_be_clear() -> None:
    nodes = {"x": TEXT, "out": output(), "again": output()}
    assert output_nodes(document(nodes), catalogue()) == ["out", "again"]
    with pytest.raises(GraphInvalid, match="several outputs"):
        build(nodes)
    with pytest.raises(GraphInvalid, match="no output node"):
        build(nodes, "x")
    assert build(nodes, "again").output_node == "again"


def test_what_reaches_no_output_is_dropped_and_named() -> None:
    nodes = {"x": TEXT, "y": grade("x"), "dead": grade("y"), "lost": {**TEXT, "params": {"text": "z"}}, "out": output()}
    compiled = build(nodes)
    assert [step.node for step in compiled.steps] == ["x"]
    assert compiled.unused == ("y", "dead", "lost")


def test_equal_subgraphs_are_merged() -> None:
    nodes = {
        "t1": TEXT, "t2": {"type": "TextInput", "params": {"size": 64.0, "text": "x"}},
        "g1": grade("t1", exposure=1), "g2": grade("t2.video", exposure=1.0), "g3": grade("t2", exposure=2),
        "m": {"type": "Merge", "inputs": {"a": "g1", "b": "g2"}},
        "n": {"type": "Merge", "inputs": {"a": "m", "b": "g3"}}, "out": output("n"),
    }  # fmt: skip
    compiled = build(nodes)
    assert [step.node for step in compiled.steps] == ["t1", "g1", "m", "g3", "n"]
    merged = compiled.steps[2]
    assert merged.inputs["a"] == merged.inputs["b"]


def test_animated_parameters_are_told_apart() -> None:
    def keyed(last: float) -> dict[str, Any]:
        return grade("t", exposure={"keys": [[0, 0], [1, last]]})

    nodes = {"t": TEXT, "g1": keyed(1), "g2": keyed(1), "g3": keyed(2),
             "m": {"type": "Merge", "inputs": {"a": "g1", "b": "g2"}},
             "n": {"type": "Merge", "inputs": {"a": "m", "b": "g3"}}, "out": output("n")}  # fmt: skip
    assert [step.node for step in build(nodes).steps] == ["t", "g1", "m", "g3", "n"]


def test_what_never_changes_is_known() -> None:
    nodes = {
        "clip": CLIP, "t": TEXT, "g": grade("t", exposure=1), "k": grade("g", exposure={"keys": [[0, 0], [1, 1]]}),
        "m": {"type": "Merge", "inputs": {"a": "k", "b": "clip"}}, "out": output("m"),
    }  # fmt: skip
    assert {step.node: step.static for step in build(nodes).steps} == {
        "t": True, "g": True, "k": False, "clip": False, "m": False,
    }  # fmt: skip


def test_generations_and_assets_are_listed() -> None:
    nodes = {"clip": CLIP, "s": SHOT, "same": SHOT,
             "m": {"type": "Merge", "inputs": {"a": "s", "b": "same"}},
             "n": {"type": "Merge", "inputs": {"a": "m", "b": "clip"}},
             "out": output("n", audio="clip.audio")}  # fmt: skip
    compiled = build(nodes)
    assert compiled.assets == {"clip": "assets/a"}
    assert list(compiled.generations) == ["s"]
    spec = compiled.generations["s"]
    assert (spec.prompt, spec.frame_count, spec.frame_rate.numerator) == ("a river", 17, 16)
    assert compiled.has_audio
    assert (compiled.path, compiled.codec) == ("movie.mp4", "h264")
    assert asset_references(document(nodes), catalogue()) == {"clip": "assets/a"}


def test_parameters_of_connections_need_their_connection() -> None:
    mixer = {"type": "AudioMixer", "inputs": {"audio": "clip.audio", "audio.1": "clip.audio"},
             "params": {"gain.1": -6, "gain.2": 0, "master.1": 0}}  # fmt: skip
    nodes = {"clip": CLIP, "mix": mixer, "out": output("clip", audio="mix")}
    bad = found(nodes, {"assets/a": footage_info()})
    assert {problem.path for problem in bad} == {"nodes.mix.params.gain.2", "nodes.mix.params.master.1"}


class Still(Node):
    """Makes an image."""

    category = "Test"
    image = Output(IMAGE, "The image.")
    mask = Output(MASK, "The mask.")
    number = Output(CONTROL, "A number.")
    level = Float(0.0, doc="d")

    def render(self, context: RenderContext) -> Frame:
        return Frame.empty()


class Develop(Node):
    """Takes an image."""

    category = "Test"
    image = Input(IMAGE, "The image.")
    video = Output(VIDEO, "The video.")


def test_converters_are_inserted_and_listed() -> None:
    types = Catalogue([*BUILTIN, Still, Develop])
    nodes = {
        "s": {"type": "Still"}, "d": {"type": "Develop", "inputs": {"image": "s.mask"}},
        "e": {"type": "Develop", "inputs": {"image": "d"}},
        "m": {"type": "Merge", "inputs": {"a": "s", "b": "e"}}, "out": output("m"),
    }  # fmt: skip
    compiled = compile(document(nodes), types, "", {})
    assert set(compiled.converters) == {
        Converter("d", "image", MASK, IMAGE),
        Converter("e", "image", VIDEO, IMAGE),
        Converter("m", "a", IMAGE, VIDEO),
    }
    assert sorted(step.type.schema.type for step in compiled.steps) == [
        "Develop", "Develop", "ImageToVideo", "MaskToImage", "Merge", "Still", "VideoToImage",
    ]  # fmt: skip


def test_types_without_a_conversion_do_not_join() -> None:
    types = Catalogue([*BUILTIN, Still])
    (problem,) = validate(document({"s": {"type": "Still"}, "out": output("s.number")}), types, {})
    assert problem.reason == Reason.TYPE_MISMATCH
    assert str(AUDIO) not in problem.message


@pytest.mark.parametrize("shape", ["chain", "wide", "layered"])
def test_ten_thousand_nodes_are_checked_and_compiled_within_seconds(shape: str) -> None:
    nodes: dict[str, Any] = {"n0": TEXT}
    for n in range(1, 10_000):
        if shape == "chain":
            nodes[f"n{n}"] = grade(f"n{n - 1}", exposure=0.001 * n)
        elif shape == "wide":
            nodes[f"n{n}"] = {"type": "Merge", "inputs": {"a": "n0", "b": f"n{max(n - 1, 0)}"}, "params": {"mix": 0.5}}
        else:
            a, b = max(0, n - 10), max(0, n - 1 - n % 10)
            nodes[f"n{n}"] = {"type": "Merge", "inputs": {"a": f"n{a}", "b": f"n{b}"}, "params": {"mix": n / 10_000}}
    nodes["out"] = output("n9999")
    parsed = document(nodes)
    start = time.process_time()
    assert validate(parsed, catalogue(), {}) == []
    compiled = compile(parsed, catalogue(), "", {})
    taken = time.process_time() - start
    assert sum(len(step.nodes) for step in compiled.steps) > 900
    assert all(edge.step < step.index for step in compiled.steps for edge in step.inputs.values())
    assert taken < 4.0, f"took {taken:.2f} s of processor time"


def test_times_stay_exact() -> None:
    compiled = build({"x": TEXT, "out": output()}, fps="30000/1001", duration="1001/30")
    assert compiled.fps == Fraction(30000, 1001)
    assert compiled.frame_count == 1000


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_mutated_document_is_good_or_has_problems_and_never_fails_otherwise(data: st.DataObject) -> None:
    nodes: dict[str, Any] = {
        "clip": CLIP, "t": TEXT, "s": SHOT, "g": grade("clip.video", exposure={"keys": [[0, 0], [1, 1, "ease_in"]]}),
        "k": {"type": "Transform2D", "inputs": {"video": "s"}, "params": {"scale": 0.5, "rotate": {"expr": "t * 3"}}},
        "m": {"type": "Merge", "inputs": {"a": "k", "b": "g"}, "params": {"mix": 0.5}},
        "a": {"type": "AudioMixer", "inputs": {"audio": "clip.audio"}, "params": {"gain": -3}},
        "out": {"type": "FileOutput", "inputs": {"video": "m", "audio": "a"}, "params": {"path": "x.mp4"}},
    }  # fmt: skip
    nodes = copy.deepcopy(nodes)
    junk = st.sampled_from([
        None, True, 0, -1, 1e300, 10**30, "", "t", "clip", "clip.audio", "m", "assets/a", [], [1], [1, 2, 3], {},
        {"keys": [[0, 0], [1, "x"]]}, {"keys": [[0, [1, 2]]]}, {"expr": "gain + t"}, {"expr": "1/0"}, {"a": 1},
    ])  # fmt: skip
    for _ in range(data.draw(st.integers(1, 3))):
        node = nodes[data.draw(st.sampled_from(sorted(nodes)))]
        place = data.draw(st.sampled_from(["type", "inputs", "params", "entry"]))
        if place == "entry":
            section = node.get(data.draw(st.sampled_from(["inputs", "params"])))
            if isinstance(section, dict):
                name = st.sampled_from([*section, "audio.1", "gain.1", "size", "video", "mask", "seed"])
                section[data.draw(name)] = copy.deepcopy(data.draw(junk))
        else:
            node[place] = copy.deepcopy(data.draw(junk))
    info = {"assets/a": footage_info()}
    try:
        parsed = document(nodes)
    except GraphInvalid as error:
        problems = list(error.problems)
    else:
        problems = validate(parsed, catalogue(), info)
        if not problems:
            sources = {node: info[asset] for node, asset in asset_references(parsed, catalogue()).items()}
            assert compile(parsed, catalogue(), "", sources).frame_count == 25
    assert all(problem.message and problem.reason for problem in problems)
