"""Analyses of whole clips: shows a node all of what its inputs will be, and keeps what it finds.

Meant for a child process, as rendering is. The same document and media give the same bytes, whoever looks.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from artifex.nodes import (
    AUDIO,
    Audio,
    Float,
    Frame,
    Input,
    MediaSource,
    Parameter,
    SoundContext,
    base_name,
    sample_at,
)
from libs.chassis.errors import ArtifexError, Internal
from services.graph.domain.compile.analyses import PlannedAnalysis, analyses_of, awaited, encode, keys_of, with_analysed
from services.graph.domain.compile.plan import Analysed, Compiled, Edge
from services.graph.domain.documents.model import CHANNELS, SAMPLE_RATE
from services.graph.domain.evaluate.allocation import keep_freed_memory
from services.graph.domain.evaluate.colour import WorkingColour, working_colour
from services.graph.domain.evaluate.mixdown import BlockContext, Results, SoundPuller
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.domain.evaluate.sources import Sources, open_sources

BLOCK: Final = SAMPLE_RATE
"""Samples of a block: a second."""

Progress = Callable[[int], None]
"""Takes the number of frames seen so far."""


def analysis_key(compiled: Compiled, sources: Sources, node: str) -> str:
    """The key of what the analysis of `node` finds. Errors as of `analyse`; none of them need be the node's."""
    analyses = analyses_of(compiled)
    _planned(analyses, node)
    contents = {name: file.digest for name, file in sources.items()}
    found = keys_of(compiled, analyses, contents).get(node)
    if found is None:
        raise Internal(f'media that node "{node}" reads is not there yet', metadata={"node": node})
    return found


def analyse(
    compiled: Compiled,
    sources: Sources,
    node: str,
    analysed: Mapping[str, Analysed],
    out_path: Path,
    threads: int,
    progress: Progress,
) -> str:
    """What the analysis of `node` finds as JSON at `out_path`; answers its media type.

    `compiled`: the plan for these sources (plans.py). `analysed`: what the analyses before it found, by node. Raises
    the errors of libs.frames for media that cannot be read, and Internal naming the node.

    Memory: a frame in the making and the frame cache, or two blocks of sound; whatever the clip's length.
    """
    planned = _planned(analyses_of(compiled), node)
    compiled = complete(compiled, analysed, planned.reads.values(), but=node)
    colour = working_colour(compiled.settings.colorspace)
    with open_sources(sources, colour, threads) as opened, ExitStack() as stack:
        clip = _Clip(compiled, planned, dict(opened), colour, threads, out_path.parent, stack, progress)
        out_path.write_bytes(encode(_ask(planned, clip), node))
    return "application/json"


def complete(
    compiled: Compiled, analysed: Mapping[str, Analysed], ends: Collection[Edge], *, but: str = ""
) -> Compiled:
    """The plan with what was found of whole clips. Raises Internal where the ends need more than that.

    `but`: a node whose analysis is only now made.
    """
    analyses = analyses_of(compiled)
    for end in ends:
        for node in awaited(compiled, analyses, end):
            if node not in analysed and node != but:
                raise Internal(f'the clip was not analysed for node "{node}"; render it again', metadata={"node": node})
    return with_analysed(compiled, analysed)


def _ask(planned: PlannedAnalysis, clip: "_Clip") -> Any:
    step, analysis = planned.step, planned.analysis
    names = {parameter.name for parameter in analysis.parameters}
    values = {name: signal.at(Fraction(0)) for name, signal in step.signals.items() if base_name(name) in names}
    try:
        return step.type(_Declared(values)).analyse(clip)
    except ArtifexError as error:
        error.metadata.setdefault("node", step.node)
        raise
    except MemoryError:
        raise  # for the sandbox to tell: its limit is at fault, not the node
    except Exception as error:
        message = f'the analysis of node "{step.node}" ({planned.type}) failed'
        if isinstance(error, Undeclared):
            message += f": {error}"
        raise Internal(message, metadata={"node": step.node}) from error


class Undeclared(LookupError):
    """An analysis wants to read what it does not declare, so that its key would not tell all that it follows from."""

    def __init__(self, name: str) -> None:
        super().__init__(f"its declaration does not name {name!r}, so it cannot be read")


class _Declared(dict[str, Any]):
    """The values of the declared parameters."""

    def __missing__(self, name: str) -> Any:
        raise Undeclared(name)


class _Clip:
    """Implements `artifex.nodes.Clip`."""

    rate = SAMPLE_RATE
    channels = CHANNELS

    def __init__(
        self,
        compiled: Compiled,
        planned: PlannedAnalysis,
        sources: dict[str, MediaSource],
        colour: WorkingColour,
        threads: int,
        scratch: Path,
        stack: ExitStack,
        progress: Progress,
    ) -> None:
        self._compiled = compiled
        self._planned = planned
        self._sources = sources
        self._threads = threads
        self._scratch = scratch
        self._stack = stack
        self._progress = progress
        self.colour = colour
        self.frame_count = compiled.frame_count
        self.frame_rate = compiled.fps
        self.sample_count = sample_at(compiled.frame_count / compiled.fps, SAMPLE_RATE)

    def connections(self, port: Input) -> list[str]:
        _check_declared(self._planned, port)
        return [name for name in self._planned.reads if base_name(name) == port.name]

    def frames(self, port: Input) -> Iterator[Frame]:
        if port.name not in self.connections(port):
            raise LookupError(f"the input {port.name} is not connected")
        keep_freed_memory()
        cv2.setNumThreads(self._threads)
        strips = self._stack.enter_context(ThreadPoolExecutor(self._threads, thread_name_prefix="strips"))
        puller = FramePuller(
            replace(self._compiled, picture=self._planned.reads[port.name], sound=None),
            self._sources,
            self.colour,
            strips=strips,
            threads=self._threads,
            scratch=self._scratch,
        )
        for index in range(self.frame_count):
            yield puller.frame(index)
            self._progress(index + 1)

    def blocks(self) -> Iterator[SoundContext]:
        heard = {name: edge for name, edge in self._planned.reads.items() if edge.output.kind == AUDIO}
        puller = SoundPuller(self._compiled, self._sources, list(heard.values()))
        source = self._sources.get(self._planned.node)
        for start in range(0, self.sample_count, BLOCK):
            count = min(BLOCK, self.sample_count - start)
            yield _Block(self._planned, source, start, count, puller.blocks(start, count))
            self._progress(int(Fraction(start + count, SAMPLE_RATE) * self.frame_rate))


class _Block(BlockContext):
    """A block as the analysed node sees it: of what its analysis declares, and of nothing else."""

    def __init__(
        self, planned: PlannedAnalysis, source: MediaSource | None, start: int, count: int, results: Results
    ) -> None:
        super().__init__(planned.step, source, start, count, results)
        self._planned = planned

    def connections(self, port: Input) -> list[str]:
        _check_declared(self._planned, port)
        return super().connections(port)

    def read(self, name: str) -> Audio:
        if name not in self._planned.reads:
            raise Undeclared(name)
        return super().read(name)

    def automation(self, parameter: Float, connection: str = "") -> NDArray[np.float64]:
        _check_declared(self._planned, parameter)
        return super().automation(parameter, connection)


def _check_declared(planned: PlannedAnalysis, item: Input | Parameter[Any]) -> None:
    known: Collection[object] = planned.analysis.inputs if isinstance(item, Input) else planned.analysis.parameters
    if item not in known:
        raise Undeclared(item.name)


def _planned(analyses: Mapping[str, PlannedAnalysis], node: str) -> PlannedAnalysis:
    if node not in analyses:
        raise Internal(f'there is nothing to analyse for node "{node}"', metadata={"node": node})
    return analyses[node]
