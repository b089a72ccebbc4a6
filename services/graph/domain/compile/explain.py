"""What a plan comes to, frame by frame: what is done together, what is kept, and what it costs.

The evaluator decides anew for every frame, from what is cached then. This is what it decides for a frame in the middle
of a movie, with nothing cached but what never changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import AUDIO, Frame, MediaSource, Node, Output, Request, Window
from services.graph.domain.compile.costs import cost
from services.graph.domain.compile.plan import Compiled, Step
from services.graph.domain.compile.unknown import UNKNOWN, Asked
from services.graph.domain.evaluate.schedule import MAX_INPUTS


class Cache(StrEnum):
    """What becomes of a result."""

    PASSING = "passing"
    """It is let go as soon as its last reader has read it."""
    ONCE = "once"
    """It never changes, and what reads it does: it is computed once and kept."""
    WINDOW = "window"
    """It is read at several times, and the next frame reads most of them again."""


@dataclass(frozen=True, slots=True)
class ExplainedStep:
    """A step, and what is expected of it."""

    step: Step
    cache: Cache
    group: int
    """Steps of one number, from 1, are evaluated strip by strip together; 0 for whole pictures and for sound."""
    sound: bool
    cost_ms: float
    """Of one result at the document's size, on one core."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A plan's steps, in its order."""

    steps: tuple[ExplainedStep, ...]

    @property
    def frame_ms(self) -> float:
        """Of all that is done anew for every frame."""
        return sum(item.cost_ms for item in self.steps if not item.step.static)

    @property
    def once_ms(self) -> float:
        """Of all that is done once."""
        return sum(item.cost_ms for item in self.steps if item.step.static)


def explain(compiled: Compiled, sources: Mapping[str, media.MediaInfo]) -> Explanation:
    """`sources`: what is known of each node's media, as for `compile`."""
    asked = _Asked(compiled, {node: _Described(info) for node, info in sources.items()})
    pixels = compiled.width * compiled.height
    groups = _groups(asked)
    explained = [
        ExplainedStep(
            step,
            asked.cache(step),
            groups[step.index],
            asked.sound[step.index],
            0.0
            if asked.sound[step.index] or step.index not in asked.shown
            else cost(asked.nodes[step.index], asked.requests[step.index]) * pixels / 1e6,
        )
        for step in compiled.steps
    ]
    return Explanation(tuple(explained))


class _Asked:
    """The nodes of a plan at time 0, with what they are asked there and who reads them."""

    def __init__(self, compiled: Compiled, known: Mapping[str, MediaSource]) -> None:
        steps = compiled.steps
        self.ends = [end for end in (compiled.picture, compiled.sound) if end is not None]
        self.readers: list[list[tuple[Step | None, str, Output]]] = [[] for _ in steps]
        """Of each step: who reads it (None for the output node), by which input, and which output of it."""
        for end in self.ends:
            self.readers[end.step].append((None, "", end.output))
        for step in steps:
            for name, edge in step.inputs.items():
                self.readers[edge.step].append((step, name, edge.output))
        self.steps = steps
        whole = Window(0, 0, compiled.width, compiled.height)
        self.requests = [
            Request(
                _START,
                compiled.fps,
                compiled.width,
                compiled.height,
                whole,
                self.readers[step.index][0][2],
                step.source(known),
            )
            for step in steps
        ]
        self.nodes: list[Node] = [step.asked(request) for step, request in zip(steps, self.requests, strict=True)]
        self.sound = [all(output.kind == AUDIO for _, _, output in readers) for readers in self.readers]
        self.shown = self._shown()

    def _shown(self) -> set[int]:
        """The steps that frames are made of; others are only read ahead of rendering, where a generation goes on from
        them."""
        shown = {end.step for end in self.ends}
        for step in reversed(self.steps):
            if step.index in shown:
                shown.update(edge.step for name, edge in step.inputs.items() if self._reads(step, name))
        return shown

    def _reads(self, step: Step, name: str) -> bool:
        if step.type.frames_needed is Node.frames_needed:
            return True
        try:
            return bool(self.nodes[step.index].frames_needed(name, self.requests[step.index]))
        except Asked:
            return True

    def is_point(self, step: Step) -> bool:
        node, request = self.nodes[step.index], self.requests[step.index]
        if self.sound[step.index]:
            return False
        try:
            if step.type.grade is not Node.grade and node.grade(UNKNOWN, UNKNOWN) is not None:
                return True
        except Asked:
            return True
        try:
            return node.pointwise(request)
        except Asked:
            return False

    def cache(self, step: Step) -> Cache:
        if self.sound[step.index]:
            return Cache.PASSING
        if step.static and any(reader is None or not reader.static for reader, _, _ in self.readers[step.index]):
            return Cache.ONCE
        return Cache.WINDOW if self._window(step) else Cache.PASSING

    def _window(self, step: Step) -> bool:
        """Whether a reader looks at several times at once."""
        for reader, name, _ in self.readers[step.index]:
            if reader is None or reader.type.frames_needed is Node.frames_needed:
                continue
            try:
                if len(set(self.nodes[reader.index].frames_needed(name, self.requests[reader.index]))) > 1:
                    return True
            except Asked:
                continue
        return False


def _groups(asked: _Asked) -> list[int]:
    """By step, the number of its pass, strip by strip, as `evaluate.schedule` finds them frame by frame."""
    steps = asked.steps
    group_of = [0] * len(steps)
    inputs: list[set[int]] = [set()]
    sources = [0]
    is_kept = [False]
    for step in reversed(steps):
        if not asked.is_point(step):
            continue
        readers = {
            group_of[reader.index] if reader is not None else 0
            for reader, _, output in asked.readers[step.index]
            if output.kind != AUDIO
        }
        (group,) = readers if len(readers) == 1 else (0,)
        read = {edge.step for edge in step.inputs.values()}
        kept = asked.cache(step) is not Cache.PASSING
        others = len(inputs[group]) - 1 + sources[group]
        if group == 0 or others + max(1, len(read)) > MAX_INPUTS or (kept and not is_kept[group]):
            group = len(inputs)
            inputs.append(set())
            sources.append(0)
            is_kept.append(kept)
        group_of[step.index] = group
        inputs[group].discard(step.index)
        inputs[group] |= read
        sources[group] += not read
    # Numbered as they are reached from the first step on.
    numbers: dict[int, int] = {}
    return [numbers.setdefault(group, len(numbers) + 1) if group else 0 for group in group_of]


_START: Final = Fraction(0)


class _Described:
    """Media of which only the description is at hand. Implements `artifex.nodes.MediaSource`."""

    key = ""

    def __init__(self, info: media.MediaInfo) -> None:
        self.info = info

    @property
    def path(self) -> Path:
        raise Asked

    def picture(self, time: Fraction, region: Window | None = None) -> Frame:
        raise Asked

    def samples(self, start: int, count: int, *, rate: int, channels: int) -> NDArray[np.float32]:
        raise Asked
