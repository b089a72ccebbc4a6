"""How loud sound is: integrated loudness by ITU-R BS.1770 and EBU R 128, as libavfilter's `ebur128` measures it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.filter import Graph

from libs.frames.audio_writer import LAYOUTS
from libs.frames.containers import DEFAULT_LIMITS, Limits, open_input
from libs.frames.errors import MediaUnreadable

# The absolute gate of BS.1770; what stays below it counts as silence.
_GATE = -70.0


@dataclass(frozen=True, order=True)
class Loudness:
    """Integrated loudness. None is silence: nothing above the absolute gate of -70 LUFS for 400 ms."""

    lufs: float | None

    def __str__(self) -> str:
        return "silence" if self.lufs is None else f"{self.lufs:.1f} LUFS"


def difference(one: Loudness, other: Loudness) -> float:
    """By how many LU two differ. Silence is as loud as the gate: what hovers about it may be gated or not."""
    return abs((one.lufs or _GATE) - (other.lufs or _GATE))


class LoudnessMeter:
    """Takes samples as they pass. Memory does not depend on their number."""

    def __init__(self, rate: int, channels: int) -> None:
        """`channels`: 1, 2, 6 (5.1, whose back is louder by 1.5 dB and whose bass does not count) or 8."""
        self._rate = rate
        self._layout = LAYOUTS[channels]
        self._graph = _graph(rate, self._layout, "fltp")
        self._count = 0
        self._last: float | None = None

    def add(self, samples: npt.NDArray[np.float32]) -> None:
        """Samples [channels, n], full scale at 1."""
        if samples.shape[1]:
            frame = AudioFrame.from_ndarray(
                np.ascontiguousarray(samples, dtype=np.float32), format="fltp", layout=self._layout
            )
            frame.sample_rate = self._rate
            frame.pts = self._count
            self._count += samples.shape[1]
            self._graph.push(frame)
            self._last = _latest(self._graph, self._last)

    def result(self) -> Loudness:
        """Of all samples; to be asked for once, after the last."""
        self._graph.push(None)
        return _loudness(_latest(self._graph, self._last))


@dataclass(frozen=True)
class Sound:
    """What a file's sound decodes to."""

    samples: int
    """Of each channel. AAC decodes to whole frames, so there it is up to 1,023 more than are meant."""
    rate: int
    loudness: Loudness


def measure(path: Path | str, limits: Limits = DEFAULT_LIMITS) -> Sound:
    """Decode the first audio stream. Raises MediaUnreadable where there is none, or it does not decode."""
    path = Path(path)
    with open_input(path, limits) as container:
        if not container.streams.audio:
            raise MediaUnreadable(path, "it holds no sound")
        stream = container.streams.audio[0]
        context = stream.codec_context
        graph: Graph | None = None
        last: float | None = None
        samples = 0
        try:
            for frame in container.decode(stream):
                graph = graph or _graph(frame.sample_rate, frame.layout.name, frame.format.name)
                frame.pts = samples
                samples += frame.samples
                graph.push(frame)
                last = _latest(graph, last)
        except av.FFmpegError as error:
            raise MediaUnreadable(path, f"its sound does not decode ({error.strerror})") from error
        if graph is not None:
            graph.push(None)
            last = _latest(graph, last)
        return Sound(samples, context.sample_rate, _loudness(last))


def _graph(rate: int, layout: str, format: str) -> Graph:
    graph = Graph()
    graph.link_nodes(
        graph.add_abuffer(sample_rate=rate, format=format, layout=layout),
        graph.add("ebur128", "metadata=1:framelog=quiet"),
        graph.add("abuffersink"),
    ).configure()
    return graph


def _latest(graph: Graph, last: float | None) -> float | None:
    """The measure at the end of all that the filter gives out by now."""
    while True:
        try:
            frame: Any = cast(Any, graph.pull())
        except (av.BlockingIOError, av.EOFError):
            return last
        value = frame.metadata.get("lavfi.r128.I")
        last = float(value) if value is not None else last


def _loudness(measured: float | None) -> Loudness:
    # The filter says -70 until something passes the gate.
    return Loudness(None if measured is None or measured <= _GATE else measured)
