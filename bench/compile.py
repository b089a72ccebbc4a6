"""What it takes to check and compile a document: wide, chain and layered graphs of 1,000 and 10,000 usual nodes.

From the document's text to the plan, in one process on one core: parsing, checking, merging, fusing. The times are of
the processor, so that what else the machine does counts little. The last column is 1 where time is linear in nodes.
"""

from __future__ import annotations

import gc
import itertools
import json
import statistics
import time
from collections.abc import Callable
from typing import Any, Final

from bench.studio import say
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import check, compile_checked, validate_checked
from services.graph.domain.documents.document import parse_document

SIZES: Final = (1_000, 10_000)
ROUNDS: Final = 5
GOAL: Final = 1.0
"""Seconds for 10,000 nodes."""
_COMFYUI: Final = 6.4
"""Microseconds a node that ComfyUI 0.3.64 takes to validate a wide graph; it compiles nothing."""

Nodes = dict[str, Any]


async def run() -> bool:
    catalogue()
    say(f"\ncompile: from a document's text to its plan; median of {ROUNDS} runs, processor time on one core")
    say("| graph | nodes | parse | check | compile | µs a node | s in all | against 1,000 |")
    say("|---|---|---|---|---|---|---|---|")
    reached = True
    for name, shape in _SHAPES.items():
        small, large = (_measure(shape(size)) for size in SIZES)
        for size, parts in zip(SIZES, (small, large), strict=True):
            cells = " | ".join(f"{1e6 * part / size:.1f}" for part in parts)
            ratio = f"{sum(parts) / size / (sum(small) / SIZES[0]):.2f}" if size != SIZES[0] else ""
            say(f"| {name} | {size:,} | {cells} | {1e6 * sum(parts) / size:.1f} | {sum(parts):.3f} | {ratio} |")
        reached = reached and sum(large) <= GOAL
    say(f"ComfyUI: {_COMFYUI} µs a node to validate the wide graph, without compiling anything")
    say(f"claimed: 10,000 nodes within {GOAL} s: {'reached' if reached else 'NOT reached'}")
    return reached


def _measure(nodes: Nodes) -> tuple[float, float, float]:
    """Seconds of parsing, checking and compiling."""
    settings = {"width": 1920, "height": 1080, "fps": "25", "duration": 1}
    text = json.dumps({"schema": "artifex.graph/1", "settings": settings, "nodes": nodes})
    rounds = []
    for _ in range(ROUNDS):
        gc.collect()
        times = [time.process_time()]
        document = parse_document(text)
        times.append(time.process_time())
        checked = check(document, catalogue())
        if problems := validate_checked(checked, {}):
            raise ValueError(problems[0].message)
        times.append(time.process_time())
        compile_checked(checked, "", {})
        times.append(time.process_time())
        rounds.append([end - start for start, end in itertools.pairwise(times)])
    parse, checking, compiling = (statistics.median(part) for part in zip(*rounds, strict=True))
    return parse, checking, compiling


def _text(number: int) -> Nodes:
    return {"type": "TextInput", "params": {"text": str(number)}}


def _grade(source: str, number: int) -> Nodes:
    return {"type": "ColorCorrector", "inputs": {"video": source}, "params": {"exposure": 0.001 * (number + 1)}}


def _merge(a: str, b: str, number: int) -> Nodes:
    return {"type": "Merge", "inputs": {"a": a, "b": b}, "params": {"mix": 0.5 + 0.4 / (number + 1)}}


def _chain(size: int) -> Nodes:
    """Every node reads the one before it."""
    nodes: Nodes = {"n0": _text(0)}
    nodes |= {f"n{number}": _grade(f"n{number - 1}", number) for number in range(1, size - 1)}
    return nodes | {"out": {"type": "FileOutput", "inputs": {"video": f"n{size - 2}"}}}


def _wide(size: int) -> Nodes:
    """Chains of ten from sources of their own, joined one after the other."""
    nodes: Nodes = {}
    last, number = "", 0
    while len(nodes) + 12 <= size:
        nodes[f"n{number}"] = _text(number)
        for step in range(1, 11):
            nodes[f"n{number + step}"] = _grade(f"n{number + step - 1}", number + step)
        end = f"n{number + 10}"
        if last:
            nodes[f"m{number}"] = _merge(end, last, number)
        last = f"m{number}" if last else end
        number += 11
    return nodes | {"out": {"type": "FileOutput", "inputs": {"video": last}}}


def _layered(size: int) -> Nodes:
    """Layers of ten merges, each reading two of the layer before: the shape of a comp with shared branches."""
    nodes: Nodes = {f"n{number}": _text(number) for number in range(10)}
    for number in range(10, size - 1):
        first = number - number % 10 - 10
        nodes[f"n{number}"] = _merge(f"n{number - 10}", f"n{first + (number + 3) % 10}", number)
    last = (size - 1) // 10 * 10 - 10
    return nodes | {"out": {"type": "FileOutput", "inputs": {"video": f"n{last + 9}"}}}


_SHAPES: Final[dict[str, Callable[[int], Nodes]]] = {"wide": _wide, "chain": _chain, "layered": _layered}
