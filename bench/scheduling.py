"""What a node costs the engine when it does next to nothing: wide, chain and layered graphs of trivial nodes.

Cold is from the document's text to the first frame: parsing, checking, compiling and evaluating, in one process. Cached
is another pull of a frame that was made before: of the same compiled graph, and of the document compiled anew with the
cache of the first, as after an edit elsewhere. The graphs come twice: static, where nothing changes with time, and
animated, where every frame has to ask every node anew. Times are the processor's, since nothing here waits.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from artifex.nodes import VIDEO, Float, Frame, Input, Node, Output, RenderContext
from bench.studio import say
from services.graph.domain.collector import collector_held
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import Compiled, compile
from services.graph.domain.documents.document import parse_document
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller, Keep
from services.graph.nodes.output.file_output import FileOutput

SIZES: Final = (1_000, 10_000)
ROUNDS: Final = 5
COLD_GOAL: Final = 100.0
CACHED_GOAL: Final = 20.0
LINEAR_GOAL: Final = 1.15
"""How much dearer a node may be in ten times as large a graph."""

_COMFYUI: Final = {
    ("wide", 1_000): "1,370-1,560 / 390-405",
    ("wide", 10_000): "11,290 / 568",
    ("chain", 1_000): "55,300 / 58,500",
    ("layered", 1_000): "53,700 / more than 46,000",
}
"""Cold and second run, microseconds a node: ComfyUI 0.3.64's own PromptExecutor, headless, trivial nodes, measured on
two cores of the same kind; the chain of 1,000 only with Python's recursion limit raised."""


class Number(Node):
    """A pixel."""

    category = "Bench"
    video = Output(VIDEO, "One pixel.")
    level = Float(1.0, doc="Of all channels.")

    def render(self, context: RenderContext) -> Frame:
        return Frame(np.full((1, 1, 4), self.level, dtype=np.float32))


class Add(Node):
    """Adds to a pixel; with a second one to the mean of both, so that thousands of them stay finite."""

    category = "Bench"
    video = Input(VIDEO, "The pixel.")
    other = Input(VIDEO, "Another.", required=False)
    sum = Output(VIDEO, "The sum.", name="video")
    amount = Float(1.0, doc="What is added.")

    def render(self, context: RenderContext) -> Frame:
        pixels = context.read(self.video).pixels + np.float32(self.amount)
        if context.connected(self.other):
            pixels = (pixels + context.read(self.other).pixels) * np.float32(0.5)
        return Frame(pixels)


CATALOGUE: Final = Catalogue([Number, Add, FileOutput])


@dataclass(frozen=True)
class Row:
    """Microseconds a node."""

    compile: float
    first: float
    again: float
    edited: float

    @property
    def cold(self) -> float:
        return self.compile + self.first


def wide(count: int) -> dict[str, Any]:
    """Chains of ten, added up one after the other."""
    nodes: dict[str, Any] = {}
    previous = ""
    for chain in range(count // 11):
        nodes[f"n{chain}x0"] = {"type": "Number", "params": {"level": chain}}
        for place in range(1, 10):
            inputs = {"video": f"n{chain}x{place - 1}"}
            nodes[f"n{chain}x{place}"] = {"type": "Add", "inputs": inputs, "params": {"amount": place}}
        inputs = {"video": f"n{chain}x9"} | ({"other": previous} if previous else {})
        previous = f"s{chain}"
        nodes[previous] = {"type": "Add", "inputs": inputs, "params": {"amount": 0.5}}
    return nodes


def chain(count: int) -> dict[str, Any]:
    """One after the other."""
    nodes: dict[str, Any] = {"n0": {"type": "Number"}}
    nodes |= {f"n{n}": {"type": "Add", "inputs": {"video": f"n{n - 1}"}} for n in range(1, count)}
    return nodes


def layered(count: int) -> dict[str, Any]:
    """Layers of ten, each node of which reads two of the layer before."""
    nodes: dict[str, Any] = {f"l0x{n}": {"type": "Number", "params": {"level": n}} for n in range(10)}
    for layer in range(1, count // 10):
        for n in range(10):
            inputs = {"video": f"l{layer - 1}x{n}", "other": f"l{layer - 1}x{(n + 1) % 10}"}
            nodes[f"l{layer}x{n}"] = {"type": "Add", "inputs": inputs, "params": {"amount": n}}
    last = count // 10 - 1
    previous = f"l{last}x0"
    for n in range(1, 10):
        nodes[f"end{n}"] = {"type": "Add", "inputs": {"video": previous, "other": f"l{last}x{n}"}}
        previous = f"end{n}"
    return nodes


SHAPES: Final[dict[str, Callable[[int], dict[str, Any]]]] = {"wide": wide, "chain": chain, "layered": layered}


async def run() -> bool:
    """Prints the table; whether all goals were reached."""
    rows: dict[tuple[str, bool, int], Row] = {}
    growths: list[float] = []
    for animated in (False, True):
        for shape in SHAPES:
            small, large, growth = measure(shape, animated=animated)
            rows[shape, animated, SIZES[0]], rows[shape, animated, SIZES[1]] = small, large
            growths.append(growth)
    say(f"\nscheduling: microseconds a node, medians of {ROUNDS} runs")
    say("| graph | nodes | compile | first frame | cold | cached | cached, compiled anew | ComfyUI cold / cached |")
    say("|---|---|---|---|---|---|---|---|")
    for (shape, animated, size), row in rows.items():
        name = f"{shape}, {'animated' if animated else 'static'}"
        figures = " | ".join(f"{figure:.2f}" for figure in (row.compile, row.first, row.cold, row.again, row.edited))
        say(f"| {name} | {size:,} | {figures} | {_COMFYUI.get((shape, size), '')} |")
    goals = (
        ("cold", max(row.cold for row in rows.values()), COLD_GOAL),
        ("cached", max(row.again for row in rows.values()), CACHED_GOAL),
        ("cached, compiled anew", max(row.edited for row in rows.values()), CACHED_GOAL),
        ("growth", max(growths), LINEAR_GOAL),
    )
    for name, figure, goal in goals:
        say(f"goal: {name} at most {goal:g}: {'reached' if figure <= goal else 'NOT reached'} ({figure:.2f})")
    return all(figure <= goal for _, figure, goal in goals)


def measure(shape: str, *, animated: bool) -> tuple[Row, Row, float]:
    """The medians of a small and a large graph, and how much dearer a node of the large one is.

    Sizes take turns, and only neighbours are compared: a machine that others use is faster now and slower then.
    """
    texts = [_document(shape, size, animated=animated) for size in SIZES]
    smalls, larges, growths = [], [], []
    for _ in range(ROUNDS):
        before, large, after = (_once(*texts[which]) for which in (0, 1, 0))
        smalls += [before, after]
        larges.append(large)
        growths.append(large.cold / statistics.mean((before.cold, after.cold)))
    return _median(smalls), _median(larges), statistics.median(growths)


def _median(rows: list[Row]) -> Row:
    return Row(*(statistics.median(getattr(row, field.name) for row in rows) for field in fields(Row)))


def _document(shape: str, size: int, *, animated: bool) -> tuple[str, int]:
    """A document, and how many nodes it has."""
    nodes = SHAPES[shape](size)
    if animated:
        for spec in nodes.values():
            name = "level" if spec["type"] == "Number" else "amount"
            spec.setdefault("params", {})[name] = {"keys": [[0, 0.0], [1, spec.get("params", {}).get(name, 1.0)]]}
    return text_of(nodes), len(nodes)


def text_of(nodes: dict[str, Any]) -> str:
    """The document of these nodes, whose last is shown."""
    last = next(reversed(nodes))
    nodes = {**nodes, "out": {"type": "FileOutput", "inputs": {"video": last}}}
    settings = {"width": 16, "height": 16, "fps": "25", "duration": 1}
    return json.dumps({"schema": "artifex.graph/1", "settings": settings, "nodes": nodes})


def _once(text: str, count: int) -> Row:
    colour, cache = WorkingColour("ACEScg"), FrameCache(1 << 30)
    gc.collect()
    begin = time.process_time()
    compiled = _compiled(text)
    compile_seconds = time.process_time() - begin
    begin = time.process_time()
    puller = FramePuller(compiled, {}, colour, cache=cache, keep=Keep.COSTLY)
    first = puller.frame(10)
    first_seconds = time.process_time() - begin
    begin = time.process_time()
    again = puller.frame(10)
    again_seconds = time.process_time() - begin
    compiled = _compiled(text)
    begin = time.process_time()
    edited = FramePuller(compiled, {}, colour, cache=cache, keep=Keep.COSTLY).frame(10)
    edited_seconds = time.process_time() - begin
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.pixels, edited.pixels)
    micro = 1e6 / count
    return Row(compile_seconds * micro, first_seconds * micro, again_seconds * micro, edited_seconds * micro)


def _compiled(text: str) -> Compiled:
    """As a worker does it (plans.py)."""
    with collector_held():
        return compile(parse_document(text), CATALOGUE, "", {})
