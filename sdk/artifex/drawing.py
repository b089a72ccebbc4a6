"""Draws a render plan: as SVG, laid out here in layers, or as a graph description in the DOT language.

The layout is that of K. Sugiyama, S. Tagawa and M. Toda (Methods for Visual Understanding of Hierarchical System
Structures, 1981): each step in the column after the last one it reads, and within columns in the order of the middle
of their neighbours, which keeps lines from crossing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from artifex.graph.v1 import plan_pb2 as plan_pb

_WIDTH, _LINE, _PAD = 190, 15, 8
_GAP_X, _GAP_Y, _MARGIN = 60, 18, 24
_MOST_LINES = 8
_LONGEST = 26
_SWEEPS = 4
_MOST_BENDS = 5000
"""Of lines led around boxes; in larger drawings the rest pass behind them."""
_PASSES = ("#dbeafe", "#dcfce7", "#fef3c7", "#fce7f3", "#ede9fe", "#ffedd5", "#ccfbf1", "#e0e7ff")
"""Fills of steps that are done together, strip by strip."""
_ALONE = "#ffffff"
_REASONS = {
    plan_pb.SetAside.REASON_UNUSED: "reaches no output",
    plan_pb.SetAside.REASON_DROPPED: "feeds only what is passed by",
    plan_pb.SetAside.REASON_MERGED: "same as",
    plan_pb.SetAside.REASON_IDENTITY: "changes nothing, passes on",
    plan_pb.SetAside.REASON_BYPASSED: "bypassed",
    plan_pb.SetAside.REASON_MUTED: "muted",
}


@dataclass(frozen=True)
class _Box:
    """A step, or the output, in the drawing."""

    index: int
    lines: Sequence[str]
    fill: str
    dashed: bool
    sources: Sequence[tuple[int, str]]
    """Boxes that it reads, and by which input."""

    @property
    def height(self) -> int:
        return 2 * _PAD + _LINE * len(self.lines)


def set_aside_text(entry: plan_pb.SetAside) -> str:
    """Why a node has no step of its own: "same as grade"."""
    return f"{_REASONS.get(entry.reason, 'left out')} {entry.instead}".rstrip()


def title(plan: plan_pb.RenderPlan) -> str:
    """The plan in one line."""
    rate = plan.frame_rate.numerator / max(1, plan.frame_rate.denominator)
    return (
        f"{plan.output_node}: {plan.frame_count} frames of {plan.width}x{plan.height} at {rate:g} fps, "
        f"{plan.step_count} steps, about {plan.frame_ms:.1f} ms a frame on one core"
    )


def draw_dot(plan: plan_pb.RenderPlan) -> str:
    """The plan in DOT, for whatever reads it."""
    lines = ["digraph plan {", "  rankdir=LR;", '  node [shape=box, style=filled, fontname="sans-serif"];']
    for box in _boxes(plan):
        style = ', style="filled,dashed"' if box.dashed else ""
        label = "\\n".join(_quoted(line) for line in box.lines)
        lines.append(f'  s{box.index} [label="{label}", fillcolor="{box.fill}"{style}];')
        lines += [f'  s{source} -> s{box.index} [label="{_quoted(name)}"];' for source, name in box.sources]
    lines += [
        f'  "{_quoted(entry.node)}" [label="{_quoted(entry.node)}\\n{_quoted(set_aside_text(entry))}", style=dotted];'
        for entry in plan.set_aside
    ]
    return "\n".join([*lines, "}", ""])


def draw_svg(plan: plan_pb.RenderPlan) -> str:
    """The plan as an SVG document: sources on the left, the output on the right."""
    boxes = {box.index: box for box in _boxes(plan)}
    layout = _Layout(boxes)
    parts = [layout.line(box, place, name) for box in boxes.values() for place, (_, name) in enumerate(box.sources)]
    parts += [_drawn(box, layout.places[box.index]) for box in boxes.values()]
    notes = ["Steps of one colour are done together, strip by strip; dashed ones never change."] if plan.steps else []
    if len(plan.steps) < plan.step_count:
        notes.append(f"{plan.step_count - len(plan.steps)} more steps are not shown")
    notes += [f"{entry.node}: {set_aside_text(entry)}" for entry in plan.set_aside]
    below = layout.bottom + _LINE
    parts += [_text(_MARGIN, below + number * _LINE, note, "#64748b") for number, note in enumerate(notes)]
    width = max(layout.width, _MARGIN * 2 + 7 * len(title(plan)))
    height = below + len(notes) * _LINE + _MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
            f'<rect width="{width}" height="{height}" fill="#f8fafc"/>',
            _text(_MARGIN, _MARGIN, title(plan), "#0f172a"),
            *parts,
            "</svg>",
            "",
        ]
    )


def _boxes(plan: plan_pb.RenderPlan) -> list[_Box]:
    shown = {step.index for step in plan.steps}
    together = Counter(getattr(step, "pass") for step in plan.steps)
    boxes = [
        _Box(
            step.index,
            _lines(step),
            _fill(getattr(step, "pass"), together),
            step.constant,
            [(source.step, source.name) for source in step.inputs if source.step in shown],
        )
        for step in plan.steps
    ]
    ends = [(source.step, source.name) for source in plan.output_inputs if source.step in shown]
    after = max(shown, default=-1) + 1
    return [*boxes, _Box(after, [plan.output_node, "output"], "#e2e8f0", False, ends)]


def _fill(number: int, together: Mapping[int, int]) -> str:
    return _PASSES[number % len(_PASSES)] if number and together[number] > 1 else _ALONE


def _lines(step: plan_pb.PlanStep) -> list[str]:
    names = [f"{node} ({kind})" if kind else node for node, kind in zip(step.nodes, step.types, strict=False)]
    if len(names) > _MOST_LINES:
        names = [*names[: _MOST_LINES - 1], f"… {len(names) - _MOST_LINES + 1} more"]
    lines = names
    if step.kind in (plan_pb.PlanStep.KIND_GRADE_RUN, plan_pb.PlanStep.KIND_MOTION_RUN):
        what = "one processor" if step.kind == plan_pb.PlanStep.KIND_GRADE_RUN else "one resampling"
        lines = [*lines, f"= {what}"]
    cost = "sound" if step.sound else f"{step.cost_ms:.1f} ms"
    if step.cache == plan_pb.PlanStep.CACHE_ONCE:
        cost += ", once"
    elif step.cache == plan_pb.PlanStep.CACHE_WINDOW:
        cost += ", kept"
    return [_cut(line) for line in [*lines, cost]]


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


class _Layout:
    """Where boxes are, and the ways of lines between them: past the boxes of the columns that they cross."""

    def __init__(self, boxes: Mapping[int, _Box]) -> None:
        self._boxes = boxes
        self._heights = {index: box.height for index, box in boxes.items()}
        self._ways: dict[tuple[int, int], list[int]] = {}
        """Of each line, by its box and which of its sources: what it passes through, from the source to the box."""
        column_of = _depths(boxes)
        columns: list[list[int]] = [[] for _ in range(max(column_of.values()) + 1)]
        for index, column in column_of.items():
            columns[column].append(index)
        self._lead_lines(column_of, columns)
        self._order(columns)
        self.places: dict[int, tuple[int, int]] = {}
        """The top left corners."""
        heights = [sum(self._heights[index] + _GAP_Y for index in column) - _GAP_Y for column in columns]
        for number, (members, height) in enumerate(zip(columns, heights, strict=True)):
            y = 2 * _MARGIN + (max(heights) - height) // 2
            for index in members:
                self.places[index] = (_MARGIN + number * (_WIDTH + _GAP_X), y)
                y += self._heights[index] + _GAP_Y
        self.width = 2 * _MARGIN + len(columns) * (_WIDTH + _GAP_X) - _GAP_X
        self.bottom = 3 * _MARGIN + max(heights)

    def line(self, box: _Box, place: int, name: str) -> str:
        """The line to a box from one of its sources."""
        points: list[tuple[int, int]] = []
        source, *between, _ = self._ways[box.index, place]
        x, y = self.places[source]
        points.append((x + _WIDTH, y + self._heights[source] // 2))
        for index in between:
            x, y = self.places[index]
            points += [(x, y), (x + _WIDTH, y)]
        x, y = self.places[box.index]
        points.append((x, y + box.height * (place + 1) // (len(box.sources) + 1)))
        path = f"M{points[0][0]} {points[0][1]}"
        for number, ((x1, y1), (x2, y2)) in enumerate(pairwise(points)):
            half = (x2 - x1) // 2
            # Every other stretch lies beside a column's boxes and is straight.
            path += f"C{x1 + half} {y1} {x2 - half} {y2} {x2} {y2}" if number % 2 == 0 else f"H{x2}"
        return f'<path d="{path}" fill="none" stroke="#94a3b8" stroke-width="1.5"><title>{escape(name)}</title></path>'

    def _lead_lines(self, column_of: Mapping[int, int], columns: list[list[int]]) -> None:
        """Gives lines that cross columns a place of their own in each."""
        free = _MOST_BENDS
        for box in self._boxes.values():
            for place, (source, _) in enumerate(box.sources):
                crossed = range(column_of[source] + 1, column_of[box.index])
                way = [source]
                if len(crossed) <= free:
                    free -= len(crossed)
                    for column in crossed:
                        bend = -1 - len(self._heights)
                        self._heights[bend] = 0
                        columns[column].append(bend)
                        way.append(bend)
                self._ways[box.index, place] = [*way, box.index]

    def _order(self, columns: Sequence[list[int]]) -> None:
        before: dict[int, list[int]] = {index: [] for index in self._heights}
        after: dict[int, list[int]] = {index: [] for index in self._heights}
        for way in self._ways.values():
            for source, target in pairwise(way):
                before[target].append(source)
                after[source].append(target)
        for sweep in range(_SWEEPS):
            towards = after if sweep % 2 else before
            rank = {index: float(place) for column in columns for place, index in enumerate(column)}
            for column in reversed(columns) if sweep % 2 else columns:
                middle = {
                    index: sum(rank[near] for near in towards[index]) / len(towards[index])
                    if towards[index]
                    else rank[index]
                    for index in column
                }
                column.sort(key=middle.__getitem__)
                rank.update({index: float(place) for place, index in enumerate(column)})


def _depths(boxes: Mapping[int, _Box]) -> dict[int, int]:
    """The column of each box: after its last source, and what has no source right before its first reader."""
    depth: dict[int, int] = {}
    for index in sorted(boxes):
        depth[index] = 1 + max((depth[source] for source, _ in boxes[index].sources), default=-1)
    first: dict[int, int] = {}
    for box in boxes.values():
        for source, _ in box.sources:
            first[source] = min(first.get(source, depth[box.index]), depth[box.index])
    depth.update({index: first[index] - 1 for index in first if not boxes[index].sources})
    return depth


def _drawn(box: _Box, place: tuple[int, int]) -> str:
    x, y = place
    dashes = ' stroke-dasharray="5 3"' if box.dashed else ""
    lines = [
        _text(x + _PAD, y + _PAD + _LINE * number + 11, line, "#0f172a" if number == 0 else "#475569")
        for number, line in enumerate(box.lines)
    ]
    frame = f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{box.height}" rx="6" fill="{box.fill}" stroke="#334155"'
    return "\n".join([f"{frame}{dashes}/>", *lines])


def _text(x: int, y: int, text: str, colour: str) -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}">{escape(text)}</text>'


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
