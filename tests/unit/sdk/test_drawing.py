"""Drawings of plans: every step and connection is there, no box lies on another, and any XML reader takes them."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest

from artifex.drawing import draw_dot, draw_svg, set_aside_text, title
from artifex.graph.v1 import plan_pb2 as pb

SVG = "{http://www.w3.org/2000/svg}"


def plan(steps: list[tuple[list[str], list[int]]], **fields: object) -> pb.RenderPlan:
    made = pb.RenderPlan(output_node="out", frame_count=25, width=64, height=36, step_count=len(steps), frame_ms=12.5)
    made.frame_rate.numerator, made.frame_rate.denominator = 24000, 1001
    for index, (nodes, sources) in enumerate(steps):
        step = made.steps.add(
            index=index, kind=pb.PlanStep.KIND_NODE, nodes=nodes, types=["Blur"] * len(nodes), cost_ms=1.5
        )
        for source in sources:
            step.inputs.add(name="video", step=source, output="video")
    made.output_inputs.add(name="picture", step=len(steps) - 1, output="video")
    return made


COMP = plan([(["fg"], []), (["key"], [0]), (["bg"], []), (["over"], [1, 2]), (["a", "b"], [3]), (["late"], [4, 0])])


def boxes(root: ET.Element) -> list[tuple[float, float, float, float]]:
    found = []
    for rect in root.iter(f"{SVG}rect"):
        if rect.get("rx"):
            x, y, width, height = (float(rect.get(name, "")) for name in ("x", "y", "width", "height"))
            found.append((x, y, x + width, y + height))
    return found


def test_every_step_and_line_is_drawn_and_no_boxes_overlap() -> None:
    root = ET.fromstring(draw_svg(COMP))
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    for name in ("fg (Blur)", "key (Blur)", "bg (Blur)", "over (Blur)", "a (Blur)", "b (Blur)", "late (Blur)", "out"):
        assert name in texts
    assert len(list(root.iter(f"{SVG}path"))) == 7
    found = boxes(root)
    assert len(found) == 7
    for (x1, y1, x2, y2), (x3, y3, x4, y4) in combinations(found, 2):
        assert x2 <= x3 or x4 <= x1 or y2 <= y3 or y4 <= y1
    width, height = float(root.get("width", "")), float(root.get("height", ""))
    assert all(x1 >= 0 and y1 >= 0 and x2 <= width and y2 <= height for x1, y1, x2, y2 in found)


def test_sources_lie_left_of_what_reads_them() -> None:
    root = ET.fromstring(draw_svg(COMP))
    for path in root.iter(f"{SVG}path"):
        line = path.get("d", "")
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", line)]
        start, end = numbers[0], numbers[-1] if "H" in line.rpartition("C")[2] else numbers[-2]
        assert start < end


def test_names_cannot_break_the_drawing() -> None:
    odd = plan([(['<script>&"\\'], [])])
    odd.set_aside.add(node='"quoted"', reason=pb.SetAside.REASON_MERGED, instead="<other>")
    root = ET.fromstring(draw_svg(odd))
    assert any("<script>" in (element.text or "") for element in root.iter(f"{SVG}text"))
    dot = draw_dot(odd)
    assert '\\"quoted\\"' in dot
    assert dot.count("{") == dot.count("}") == 1


def test_dot_names_every_step_and_connection() -> None:
    dot = draw_dot(COMP)
    assert dot.startswith("digraph plan {")
    for source, target in ((0, 1), (1, 3), (2, 3), (3, 4), (4, 5), (0, 5), (5, 6)):
        assert f"s{source} -> s{target} " in dot


def test_a_long_chain_and_a_wide_layer_are_drawn() -> None:
    chain = plan([([f"n{index}"], [index - 1] if index else []) for index in range(1000)])
    assert len(boxes(ET.fromstring(draw_svg(chain)))) == 1001
    wide = plan([*[([f"n{index}"], []) for index in range(500)], (["all"], list(range(500)))])
    assert len(boxes(ET.fromstring(draw_svg(wide)))) == 502


def test_what_is_left_out_is_said() -> None:
    cut = plan([(["a"], [])])
    cut.step_count = 2000
    assert "1999 more steps are not shown" in draw_svg(cut)
    assert "about 12.5 ms a frame" in title(cut)


@pytest.mark.parametrize("reason", [value for value in pb.SetAside.Reason.values() if value])
def test_every_reason_has_words(reason: pb.SetAside.Reason.ValueType) -> None:
    assert set_aside_text(pb.SetAside(node="a", reason=reason)) != "left out"
