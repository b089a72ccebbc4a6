"""A pack's look at a whole clip: the half of the engine, which answers, and that of the pack's process, which asks.

The pack's node goes through the clip at its own pace, as often as it likes: each time it begins anew it names another
pass, and the engine keeps one iterator for each. The engine makes what is asked for while the pack waits, so the call
needs a process that serves nothing else: nodes of the same pack may stand before the one that looks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from artifex.nodes import Analysis, Audio, Clip, Colour, Float, Frame, Input, MediaSource, SoundContext
from services.graph.packs.process import Answer
from services.graph.packs.wire import Arena, Message

Describe = Callable[[MediaSource | None], Message | None]
Sound = Callable[[Message, dict[str, Audio], dict[str, Any], Message | None], SoundContext]


class ClipAnswers:
    """The engine's half."""

    def __init__(
        self,
        clip: Clip,
        analysis: Analysis,
        describe: Describe,
        media: Callable[[MediaSource | None], Answer | None],
    ) -> None:
        """`describe` tells of a source, and `media` answers what is asked of it."""
        self._clip = clip
        self._inputs = {port.name: port for port in analysis.inputs}
        self._floats = [parameter for parameter in analysis.parameters if isinstance(parameter, Float)]
        self._describe = describe
        self._media = media
        self._source: MediaSource | None = None
        self._frames: dict[int, Iterator[Frame]] = {}
        self._blocks: dict[int, Iterator[SoundContext]] = {}

    def facts(self) -> Message:
        """What the pack is told with the call."""
        clip = self._clip
        return {
            "frame_count": clip.frame_count,
            "frame_rate": str(clip.frame_rate),
            "sample_count": clip.sample_count,
            "rate": clip.rate,
            "channels": clip.channels,
            "working_space": clip.colour.working_space,
            "connections": {name: clip.connections(port) for name, port in self._inputs.items()},
        }

    def __call__(self, question: Message, arena: Arena) -> Message:
        """Answers one question."""
        if question["ask"] == "frame":
            return self._frame(int(question["pass"]), str(question["input"]), arena)
        if question["ask"] == "block":
            return self._block(int(question["pass"]), arena)
        answer = self._media(self._source)
        if answer is None:
            raise LookupError("the node has no media of its own")
        return answer(question, arena)

    def _frame(self, number: int, name: str, arena: Arena) -> Message:
        if number not in self._frames:
            self._frames[number] = self._clip.frames(self._inputs[name])
        frame = next(self._frames[number], None)
        if frame is None:
            return {"end": True}
        return {"pixels": arena.put(frame.pixels), "x": frame.x, "y": frame.y, "opaque": frame.opaque}

    def _block(self, number: int, arena: Arena) -> Message:
        if number not in self._blocks:
            self._blocks[number] = self._clip.blocks()
        block = next(self._blocks[number], None)
        if block is None:
            return {"end": True}
        self._source = block.source
        # Only what is declared may be asked of it.
        names = {name: block.connections(port) for name, port in self._inputs.items() if port.kind == "AUDIO"}
        curves: Message = {}
        for parameter in self._floats:
            for connection in [""] if parameter.per is None else names.get(parameter.per.name, []):
                suffix = connection[len(connection.partition(".")[0]) :]
                values = np.ascontiguousarray(block.automation(parameter, connection), np.float64)
                curves[parameter.name + suffix] = arena.put(values.view(np.float32))
        return {
            "start": block.start,
            "count": block.count,
            "source": self._describe(block.source),
            "blocks": {name: arena.put(block.read(name).samples) for all_of in names.values() for name in all_of},
            "automation": curves,
        }


@dataclass(frozen=True)
class RemoteClip:
    """The half of the pack's process. Implements `artifex.nodes.Clip`."""

    ask: Callable[[Message], Message]
    arena: Arena
    facts: Message
    colour: Colour
    sound: Sound
    """Makes a block's context of what was told of it, its sounds and its automation, by name, and its source."""
    passes: Iterator[int]

    @classmethod
    def of(cls, ask: Callable[[Message], Message], arena: Arena, facts: Message, colour: Colour, sound: Sound) -> Clip:
        return cls(ask, arena, facts, colour, sound, itertools.count())

    @property
    def frame_count(self) -> int:
        return int(self.facts["frame_count"])

    @property
    def frame_rate(self) -> Fraction:
        return Fraction(self.facts["frame_rate"])

    @property
    def sample_count(self) -> int:
        return int(self.facts["sample_count"])

    @property
    def rate(self) -> int:
        return int(self.facts["rate"])

    @property
    def channels(self) -> int:
        return int(self.facts["channels"])

    def connections(self, port: Input) -> list[str]:
        return list(self.facts["connections"][port.name])

    def frames(self, port: Input) -> Iterator[Frame]:
        if port.name not in self.connections(port):
            raise LookupError(f"the input {port.name} is not connected")
        number = next(self.passes)
        while "end" not in (told := self.ask({"ask": "frame", "pass": number, "input": port.name})):
            yield Frame(self.arena.get(told["pixels"]), told["x"], told["y"], told["opaque"])

    def blocks(self) -> Iterator[SoundContext]:
        number = next(self.passes)
        while "end" not in (told := self.ask({"ask": "block", "pass": number})):
            blocks = {name: Audio(self.arena.get(block), self.rate) for name, block in told["blocks"].items()}
            curves = {name: self.arena.get(given).view(np.float64) for name, given in told["automation"].items()}
            yield self.sound(told, blocks, curves, told["source"])
