"""Pulls one frame through a compiled graph.

A frame is made in four walks over the steps it needs, none of which recurses: from the output back, which times and
regions of every step are wanted; forwards, the digest of every wanted result; back, what must be computed, since all
else is cached; forwards, the computing. A result is let go as soon as its last reader has read it, and handed to a
reader that wants to change it without a copy if that reader is the last.
"""

import hashlib
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush
from typing import Final

import numpy as np

from artifex.nodes import Frame, Input, MediaSource, Node, Output, Request, Window, frame_time
from libs.chassis.errors import ArtifexError, Internal
from services.graph.domain.compile.compiler import Compiled, Step
from services.graph.domain.compile.signals import Constant
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.colour import WorkingColour

CACHE_BYTES: Final = 256 * 1024 * 1024

_Key = tuple[int, str, Fraction]
"""Step, name of the output, time."""


@dataclass(slots=True)
class _Wanted:
    """One result that is wanted for the frame."""

    step: Step
    output: Output
    time: Fraction
    region: Window
    node: Node | None = None
    request: Request | None = None
    needs: dict[tuple[str, Fraction], _Key] = field(default_factory=dict)
    digest: bytes = b""


@dataclass(slots=True)
class _Result:
    frame: Frame
    readers: int
    shared: bool = False
    """Whether the pixels are also held elsewhere, so that no reader may change them."""


class FramePuller:
    """Makes frames of one compiled graph. Not safe to share between threads."""

    def __init__(
        self,
        compiled: Compiled,
        sources: dict[str, MediaSource],
        colour: WorkingColour,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        if compiled.picture is None:
            raise ValueError("the output has no picture")
        self._compiled = compiled
        self._root = compiled.picture
        self._sources = sources
        self._colour = colour
        self._cache = FrameCache(cache_bytes)
        self._constant: dict[int, Node] = {}
        self._last_digest: dict[tuple[int, str], bytes] = {}

    def frame(self, index: int) -> Frame:
        """Frame number `index` of the output. Its pixels belong to the caller."""
        settings = self._compiled.settings
        region = Window(0, 0, settings.width, settings.height)
        root = (self._root.step, self._root.output.name, frame_time(index, settings.fps))
        wanted = self._want(root, region)
        self._digest(wanted)
        cached, readers = self._plan(root, wanted)
        results = {key: _Result(frame, readers[key], shared=True) for key, frame in cached.items()}
        for key in reversed(wanted):
            if key in readers and key not in cached:
                results[key] = self._compute(key, wanted[key], results, readers[key], index)
        result = results[root]
        if result.shared:
            return Frame(result.frame.pixels.copy(), result.frame.x, result.frame.y, result.frame.opaque)
        return result.frame

    def _want(self, root: _Key, region: Window) -> dict[_Key, _Wanted]:
        """All results that the root depends on, each before those it needs."""
        steps, settings = self._compiled.steps, self._compiled.settings
        wanted: dict[_Key, _Wanted] = {}
        found = {root: _Wanted(steps[root[0]], self._root.output, root[2], region)}
        heap = [(-root[0], root)]
        while heap:
            # The highest step first: when its turn comes, all that read it have said which region they need.
            _, key = heappop(heap)
            item = wanted[key] = found.pop(key)
            step = item.step
            node = item.node = self._node(step, item.time)
            request = item.request = Request(
                time=item.time,
                frame_rate=settings.fps,
                width=settings.width,
                height=settings.height,
                region=item.region,
                output=item.output,
                source=self._sources.get(step.node),
            )
            for name, edge in step.inputs.items():
                times = node.frames_needed(name, request)
                region = node.region_needed(name, request) if times else region
                for time in times:
                    needed = (edge.step, edge.output.name, time)
                    item.needs[name, time] = needed
                    if needed in found:
                        found[needed].region = found[needed].region.union(region)
                    else:
                        found[needed] = _Wanted(steps[edge.step], edge.output, time, region)
                        heappush(heap, (-edge.step, needed))
        return wanted

    def _digest(self, wanted: dict[_Key, _Wanted]) -> None:
        for item in reversed(wanted.values()):
            assert item.node is not None
            assert item.request is not None
            schema, region = item.step.type.schema, item.region
            fingerprint = item.node.fingerprint(item.request)
            hashed = hashlib.blake2b(
                f"{schema.type} {schema.version} {item.output.name} {region} {fingerprint!r}".encode(), digest_size=16
            )
            for (name, time), key in item.needs.items():
                hashed.update(f"\0{name} {time - item.time}".encode())
                hashed.update(wanted[key].digest)
            item.digest = hashed.digest()

    def _plan(self, root: _Key, wanted: dict[_Key, _Wanted]) -> tuple[dict[_Key, Frame], dict[_Key, int]]:
        """What is cached, and for everything that is used how many readers it has."""
        cached: dict[_Key, Frame] = {}
        readers = {root: 1}
        for key, item in wanted.items():
            if key not in readers:
                continue
            frame = self._cache.get(item.digest)
            if frame is not None:
                cached[key] = frame
                continue
            for needed in item.needs.values():
                readers[needed] = readers.get(needed, 0) + 1
        return cached, readers

    def _compute(self, key: _Key, item: _Wanted, results: dict[_Key, _Result], readers: int, index: int) -> _Result:
        assert item.node is not None
        assert item.request is not None
        context = _Context(item.request, self._colour, item.needs, results)
        try:
            frame = item.node.render(context)
        except ArtifexError as error:
            error.metadata.setdefault("node", item.step.node)
            error.metadata.setdefault("frame", str(index))
            raise
        except MemoryError:
            raise  # for the sandbox to tell: its limit is at fault, not the node
        except Exception as error:
            message = f'node "{item.step.node}" ({item.step.type.schema.type}) failed at frame {index}'
            raise Internal(message, metadata={"node": item.step.node, "frame": str(index)}) from error
        result = _Result(frame, readers, shared=context.shares(frame))
        if self._worth_keeping(key, item) and self._cache.put(item.digest, frame):
            result.shared = True
        for needed in item.needs.values():
            results[needed].readers -= 1
            if results[needed].readers == 0:
                del results[needed]
        return result

    def _worth_keeping(self, key: _Key, item: _Wanted) -> bool:
        """What never changes, and what has come out the same twice, such as a clip's last frame that is held."""
        place = key[:2]
        repeats = self._last_digest.get(place) == item.digest
        self._last_digest[place] = item.digest
        return item.step.static or repeats

    def _node(self, step: Step, time: Fraction) -> Node:
        node = self._constant.get(step.index)
        if node is None:
            node = step.at(time)
            if all(isinstance(signal, Constant) for signal in step.signals.values()):
                self._constant[step.index] = node
        return node


class _Context:
    """What a node sees while it renders. Implements `artifex.nodes.RenderContext`."""

    def __init__(
        self,
        request: Request,
        colour: WorkingColour,
        needs: dict[tuple[str, Fraction], _Key],
        results: dict[_Key, _Result],
    ) -> None:
        self._request = request
        self._colour = colour
        self._needs = needs
        self._results = results
        self._read: list[_Result] = []

    @property
    def request(self) -> Request:
        return self._request

    @property
    def colour(self) -> WorkingColour:
        return self._colour

    def connected(self, port: Input) -> bool:
        return any(name == port.name for name, _ in self._needs)

    def read(self, port: Input, time: Fraction | None = None) -> Frame:
        result = self._result(port, time)
        self._read.append(result)
        pixels = result.frame.pixels.view()
        pixels.flags.writeable = False
        return Frame(pixels, result.frame.x, result.frame.y, result.frame.opaque)

    def take(self, port: Input, time: Fraction | None = None) -> Frame:
        result = self._result(port, time)
        frame = result.frame
        if result.readers == 1 and not result.shared and frame.pixels.flags.writeable:
            return frame
        return Frame(frame.pixels.copy(), frame.x, frame.y, frame.opaque)

    def shares(self, frame: Frame) -> bool:
        """Whether a node passed on pixels that it only read; those must not be changed by anyone then."""
        sharing = [result for result in self._read if np.may_share_memory(result.frame.pixels, frame.pixels)]
        for result in sharing:
            result.shared = True
        return bool(sharing)

    def _result(self, port: Input, time: Fraction | None) -> _Result:
        key = self._needs.get((port.name, self._request.time if time is None else time))
        if key is None:
            raise LookupError(f"the input {port.name} is not connected, or was not asked for at this time")
        return self._results[key]
