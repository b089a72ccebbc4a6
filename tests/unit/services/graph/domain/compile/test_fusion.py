"""Runs of grades and of moves: what joins, what does not, and that members keep their names."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import PyOpenColorIO as ocio
import pytest

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import EMPTY, Frame, Motion, Request, Window
from libs.chassis.errors import Internal
from services.graph.domain.compile.compiler import RunStep
from services.graph.domain.compile.fusion import MAX_MEMBERS
from services.graph.domain.compile.runs import GradeRun, MotionRun, RunSources, moved_window
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from tests.unit.services.graph.domain.compile.made import CLIP, TEXT, Gain, Shift, animated, build, merge, one
from tests.unit.services.graph.support import Context, footage_info, picture

COLOUR = WorkingColour("ACEScg")


class Source(RunSources):
    """Media that is only told apart."""

    def __init__(self, key: str) -> None:
        super().__init__({})
        self._key = key

    @property
    def key(self) -> str:
        return self._key


FAR = Window(-(10**6), -(10**6), 2 * 10**6, 2 * 10**6)


def names(nodes: dict[str, Any], last: str, **options: Any) -> list[tuple[str, ...]]:
    return [step.nodes for step in build(nodes, last, **options).steps]


def request(**fields: Any) -> Request:
    size = Window(0, 0, 64, 36)
    given: dict[str, Any] = {"output": GradeRun.graded, "region": size, "source": None, **fields}
    return Request(Fraction(0), Fraction(25), 64, 36, **given)


def test_neighbouring_grades_are_one_step() -> None:
    nodes = {
        "t": TEXT,
        "a": one("Gain", "t", factor=2),
        "b": one("ColorCorrector", "a", exposure=1),
        "c": one("Gain", "b", factor=3),
    }
    compiled = build(nodes, "c")
    assert [step.nodes for step in compiled.steps] == [("t",), ("a", "b", "c")]
    run = compiled.steps[1]
    assert isinstance(run, RunStep)
    assert run.type is GradeRun
    assert set(run.signals) >= {"a.factor", "b.exposure", "c.factor"}
    assert compiled.picture is not None
    assert (compiled.picture.step, compiled.picture.output.name) == (1, "video")
    assert names(nodes, "c", optimise=False) == [("t",), ("a",), ("b",), ("c",)]


def test_a_result_that_somebody_else_reads_ends_a_run() -> None:
    nodes = {"t": TEXT, "a": one("Gain", "t", factor=2), "b": one("Gain", "a", factor=3),
             "c": one("Gain", "b", factor=4), "m": merge("b", "c")}  # fmt: skip
    assert names(nodes, "m") == [("t",), ("a", "b"), ("c",), ("m",)]


def test_the_output_is_a_reader_too() -> None:
    nodes = {"t": TEXT, "a": one("Gain", "t", factor=2), "b": one("Gain", "a", factor=3), "m": merge("b", "a")}
    assert names(nodes, "m") == [("t",), ("a",), ("b",), ("m",)]


def test_kinds_do_not_mix() -> None:
    nodes = {"t": TEXT, "a": one("Gain", "t", factor=2), "b": one("Shift", "a"), "c": one("Grow", "b"),
             "d": one("Gain", "c", factor=2), "e": one("Blur", "d"), "f": one("Gain", "e", factor=2)}  # fmt: skip
    assert names(nodes, "f") == [("t",), ("a",), ("b", "c"), ("d",), ("e",), ("f",)]


def test_a_still_is_graded_once_before_what_changes() -> None:
    nodes = {"t": TEXT, "a": one("Gain", "t", factor=2), "b": one("Gain", "a", factor=3),
             "c": one("Gain", "b", factor=animated(1, 2)), "d": one("Gain", "c", factor=2)}  # fmt: skip
    compiled = build(nodes, "d")
    assert [(step.nodes, step.static) for step in compiled.steps] == [
        (("t",), True), (("a", "b"), True), (("c", "d"), False),
    ]  # fmt: skip
    moves = {"t": TEXT, "a": one("Shift", "t"), "b": one("Shift", "a", by=animated(0, 5))}
    assert names(moves, "b") == [("t",), ("a", "b")], "two resamplings would cost sharpness"


def test_what_changes_nothing_is_passed_by_and_joins_its_neighbours() -> None:
    nodes = {
        "t": TEXT,
        "a": one("Gain", "t", factor=2),
        "i": one("Gain", "a", factor=1),
        "b": one("Gain", "i", factor=3),
    }
    compiled = build(nodes, "b")
    assert [step.nodes for step in compiled.steps] == [("t",), ("a", "b")]
    assert compiled.simplified.identities == {"i": "a"}
    assert "i" in [step.node for step in build(nodes, "b", optimise=False).steps]


def test_what_only_an_identity_reads_is_dropped() -> None:
    nodes = {"t": TEXT, "u": {**TEXT, "params": {"text": "u"}}, "m": merge("t", "u", mix=0)}
    compiled = build(nodes, "m")
    assert [step.node for step in compiled.steps] == ["u"]
    assert compiled.simplified.identities == {"m": "u"}
    assert compiled.simplified.dropped == ("t",)


def test_a_look_that_is_mixed_in_stays_alone() -> None:
    nodes = {
        "t": TEXT,
        "a": one("Gain", "t", factor=2),
        "h": one("HalfGain", "a", mix=0.5),
        "b": one("Gain", "h", factor=2),
    }
    assert names(nodes, "b") == [("t",), ("a",), ("h",), ("b",)]
    whole = {**nodes, "h": one("HalfGain", "a", mix=1)}
    assert names(whole, "b") == [("t",), ("a", "h", "b")]


def test_long_runs_are_several() -> None:
    nodes: dict[str, Any] = {"g0": TEXT}
    for number in range(1, 2 * MAX_MEMBERS + 2):
        nodes[f"g{number}"] = one("Gain", f"g{number - 1}", factor=2)
    assert [len(step.nodes) for step in build(nodes, f"g{2 * MAX_MEMBERS + 1}").steps] == [
        1,
        MAX_MEMBERS,
        MAX_MEMBERS,
        1,
    ]


def test_a_run_has_all_transforms_in_order() -> None:
    run = GradeRun({"a": Gain({"factor": 2.0}), "b": Gain({"factor": 3.0})})
    transforms = run.grade(COLOUR, None)
    assert transforms is not None
    processor = ocio.Config.CreateRaw().getProcessor(ocio.GroupTransform(list(transforms))).getDefaultCPUProcessor()
    assert processor.applyRGB([1.0, 0.5, 0.25]) == pytest.approx([6.0, 3.0, 1.5])


def test_a_run_at_a_time_when_one_is_no_mere_grade_does_them_in_turn() -> None:
    nodes = {"clip": CLIP, "a": one("Gain", "clip", factor=2), "h": one("HalfGain", "a", mix=animated(0.5, 1)),
             "b": one("Gain", "h", factor=2)}  # fmt: skip
    compiled = build(nodes, "b", sources={"clip": footage_info()})
    run = compiled.steps[1].at(Fraction(0))
    assert run.grade(COLOUR, None) is None
    frame = Frame(picture(3, 8, 4), opaque=False)
    rendered = run.render(Context({"video": frame}, GradeRun.graded))
    np.testing.assert_allclose(rendered.pixels[..., :3], frame.pixels[..., :3] * 6.0, rtol=1e-5)
    np.testing.assert_array_equal(rendered.pixels[..., 3], frame.pixels[..., 3])
    assert compiled.steps[1].at(Fraction(1)).grade(COLOUR, None) is not None


def test_each_member_of_a_run_has_its_own_source() -> None:
    look = media.MediaInfo()
    look.look.SetInParent()
    nodes = {"clip": CLIP, "a": one("LUT", "clip", asset="assets/a"), "b": one("Gain", "a", factor=2),
             "c": one("LUT", "b", asset="assets/c")}  # fmt: skip
    compiled = build(nodes, "c", sources={"clip": footage_info(), "a": look, "c": look})
    assert [step.nodes for step in compiled.steps] == [("clip",), ("a", "b", "c")]
    assert compiled.assets == {"clip": "assets/a", "a": "assets/a", "c": "assets/c"}
    first, last = Source("first"), Source("last")
    source = compiled.steps[1].source({"clip": Source("clip"), "a": first, "c": last})
    assert isinstance(source, RunSources)
    assert (source.of("a"), source.of("b"), source.of("c")) == (first, None, last)
    assert source.key == "first last"
    for ask in (lambda: source.path, lambda: source.info, lambda: source.picture(Fraction(0))):
        with pytest.raises(TypeError, match="of its own"):
            ask()


def test_motions_multiply_and_the_last_filter_counts() -> None:
    nodes = {
        "t": TEXT,
        "a": one("Shift", "t", by=3),
        "b": one("Grow", "a", by=2),
        "c": one("Shift", "b", by=animated(5, 7)),
    }
    (_, run) = build(nodes, "c").steps
    window = Window(10, 20, 8, 6)
    motion = run.at(Fraction(1)).motion(window, request())
    assert isinstance(motion, Motion)
    assert motion.filter == "cubic"
    # The middle (14, 23) is moved by 3, stays in growing around itself, and is moved by 7.
    np.testing.assert_allclose(motion.matrix @ [14, 23, 1], [24, 23, 1])
    np.testing.assert_allclose(motion.matrix @ [10, 20, 1], [24 - 8, 23 - 6, 1])


def test_members_that_fail_are_named() -> None:
    class Broken(Gain):
        """Fails."""

        category = "Test"

        def grade(self, colour: Any, source: Any) -> Any:
            raise ZeroDivisionError

    run = GradeRun({"fine": Gain({"factor": 2.0}), "bad": Broken({"factor": 3.0})})
    with pytest.raises(Internal, match=r'"bad" \(Broken\)') as caught:
        run.grade(COLOUR, None)
    assert caught.value.metadata["node"] == "bad"


def test_fingerprints_tell_members_apart() -> None:
    def printed(*factors: float) -> str:
        return repr(
            GradeRun({f"n{n}": Gain({"factor": factor}) for n, factor in enumerate(factors)}).fingerprint(request())
        )

    assert len({printed(2, 3), printed(3, 2), printed(2), printed(2, 3, 1)}) == 4
    assert GradeRun({"a": Gain({"factor": 1.0})}).identity(request()) == "video"
    assert MotionRun({"a": Shift({"by": 1.0})}).identity(request()) is None


def test_digests_tell_a_run_from_its_members() -> None:
    nodes = {"t": TEXT, "a": one("Shift", "t", by=0.5), "b": one("Shift", "a", by=0.25), "c": one("Blur", "b")}
    fused, alone = build(nodes, "c").steps[-1], build(nodes, "c", optimise=False).steps[-1]
    assert fused.digest != alone.digest
    assert build(nodes, "c").steps[-1].digest == fused.digest


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (np.eye(3), Window(2, 3, 10, 20)),
        (np.array([[1.0, 0, 0.5], [0, 1, -0.5], [0, 0, 1]]), Window(2, 2, 11, 21)),
        (np.array([[-1.0, 0, 0], [0, 1, 0], [0, 0, 1]]), Window(-12, 3, 10, 20)),
        (np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), Window(-23, 2, 20, 10)),
        (np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 2]]), Window(1, 1, 5, 11)),
        (np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, -1]]), Window(2, 3, 0, 0)),
    ],
)
def test_the_window_moves_with_its_corners(matrix: Any, expected: Window) -> None:
    assert moved_window(Window(2, 3, 10, 20), matrix) == expected
    assert moved_window(EMPTY, matrix).empty


def test_a_window_that_reaches_behind_the_eye_is_as_large_as_windows_are() -> None:
    matrix = np.array([[1.0, 0, 0], [0, 1, 0], [-0.2, 0, 1]])
    assert moved_window(Window(0, 0, 10, 10), matrix).contains(FAR)


def test_fused_pictures_are_the_unfused_ones() -> None:
    nodes = {"t": {"type": "TextInput", "params": {"text": "Ag", "size": 24, "color": [0.9, 0.4, 0.1]}},
             "a": one("ColorCorrector", "t", exposure=animated(0, 1), saturation=0.5),
             "b": one("ColorCorrector", "a", gamma=[1.2, 1.0, 0.8]), "c": one("Gain", "b", factor=0.5),
             "s": one("Shift", "c", by=2), "u": one("Shift", "s", by=-5)}  # fmt: skip
    fused, alone = (
        FramePuller(build(nodes, "u", optimise=optimise), {}, COLOUR, fuse=optimise).frame(12)
        for optimise in (True, False)
    )
    whole = Window(0, 0, 64, 36)
    assert np.abs(alone.filled(whole)).max() > 0.1
    np.testing.assert_allclose(fused.filled(whole), alone.filled(whole), atol=1e-5)
