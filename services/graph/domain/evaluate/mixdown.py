"""Pulls the sound of a compiled graph, block by block."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Audio, Float, Input, MediaSource, base_name
from libs.chassis.errors import ArtifexError, Internal
from services.graph.domain.compile.compiler import Compiled, Edge, Step
from services.graph.domain.compile.signals import sample
from services.graph.domain.compile.walks import upstream
from services.graph.domain.documents.model import CHANNELS, SAMPLE_RATE

Results = Mapping[tuple[int, str], Audio]
"""By step and name of its output."""


class SoundPuller:
    """Makes blocks of samples of one compiled graph. A block depends on its position alone, not on other blocks."""

    def __init__(
        self, compiled: Compiled, sources: dict[str, MediaSource], roots: Sequence[Edge] | None = None
    ) -> None:
        """`roots`: whose sound is wanted; without them it is the output's."""
        if roots is None:
            if compiled.sound is None:
                raise ValueError("the output has no sound")
            roots = [compiled.sound]
        self._sources = sources
        self._roots = roots
        self._steps = upstream(compiled.steps, roots)
        self._readers: dict[tuple[int, str], int] = {}
        for edge in (*roots, *(edge for step in self._steps for edge in step.inputs.values())):
            self._readers[_place(edge)] = self._readers.get(_place(edge), 0) + 1

    def block(self, start: int, count: int) -> Audio:
        """Samples `start` to `start + count` of the only root, at the document's rate."""
        (root,) = self._roots
        return self.blocks(start, count)[_place(root)]

    def blocks(self, start: int, count: int) -> Results:
        """The same of all roots."""
        results: dict[tuple[int, str], Audio] = {}
        readers = dict(self._readers)
        for step in self._steps:
            context = BlockContext(step, self._sources.get(step.node), start, count, results)
            for output in step.type.schema.outputs:
                if (step.index, output) in readers:
                    results[step.index, output] = _mix(step, context)
            for edge in step.inputs.values():
                readers[_place(edge)] -= 1
                if readers[_place(edge)] == 0:
                    del results[_place(edge)]
        return results


def _mix(step: Step, context: "BlockContext") -> Audio:
    try:
        return step.at(Fraction(context.start, context.rate)).sound(context)
    except ArtifexError as error:
        error.metadata.setdefault("node", step.node)
        raise
    except MemoryError:
        raise  # for the sandbox to tell: its limit is at fault, not the node
    except Exception as error:
        message = f'node "{step.node}" ({step.type.schema.type}) failed at sample {context.start}'
        raise Internal(message, metadata={"node": step.node}) from error


def _place(edge: Edge) -> tuple[int, str]:
    return edge.step, edge.output.name


class BlockContext:
    """What a node sees while it mixes. Implements `artifex.nodes.SoundContext`."""

    rate = SAMPLE_RATE
    channels = CHANNELS

    def __init__(self, step: Step, source: MediaSource | None, start: int, count: int, results: Results) -> None:
        self._step = step
        self.source = source
        self.start = start
        self.count = count
        self._results = results

    def connections(self, port: Input) -> list[str]:
        return [name for name in self._step.inputs if base_name(name) == port.name]

    def read(self, name: str) -> Audio:
        audio = self._results[_place(self._step.inputs[name])]
        samples = audio.samples.view()
        samples.flags.writeable = False
        return Audio(samples, audio.rate)

    def automation(self, parameter: Float, connection: str = "") -> NDArray[np.float64]:
        signal = self._step.signals[parameter.name + connection[len(base_name(connection)) :]]
        return sample(signal, self.start, self.count, self.rate)
