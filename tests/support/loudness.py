"""How loud a file is, by judges that no code here is built on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray
from scipy.signal import lfilter

from libs.frames.audio_reader import AudioReader


@dataclass(frozen=True)
class Heard:
    """What a file's sound measures."""

    lufs: float
    true_peak: float
    """dBTP."""


def heard_by_ffmpeg(path: Path) -> Heard:
    """FFmpeg decodes the file, and its `ebur128` measures it, true peaks included."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        graph = Graph()
        graph.link_nodes(
            graph.add_abuffer(template=stream),
            graph.add("ebur128", "metadata=1:framelog=quiet:peak=true"),
            graph.add("abuffersink"),
        ).configure()
        told: dict[str, str] = {}
        for frame in container.decode(stream):
            graph.push(frame)
            _drain(graph, told)
        graph.push(None)
        _drain(graph, told)
    return Heard(float(told["lavfi.r128.I"]), 20 * math.log10(float(told["lavfi.r128.true_peak"])))


def heard_by_the_recommendation(path: Path, samples: int) -> float:
    """Integrated loudness in LUFS by the letter of ITU-R BS.1770-4: its filters' coefficients, blocks and gates."""
    with AudioReader(path, rate=48_000, channels=2) as reader:
        sound: NDArray[np.float64] = reader.read(0, samples).astype(np.float64)
    shelf = lfilter(
        [1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585], sound
    )
    weighted = lfilter([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621], shelf)
    starts = range(0, samples - 19_200 + 1, 4_800)
    power = np.array([np.square(weighted[:, start : start + 19_200]).mean(axis=1).sum() for start in starts])
    loud = power[_lufs(power) > -70.0]
    gated = loud[_lufs(loud) > _lufs(loud.mean()) - 10.0]
    return float(_lufs(gated.mean()))


def _lufs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return -0.691 + 10.0 * np.log10(power + 1e-30)


def _drain(graph: Graph, told: dict[str, str]) -> None:
    while True:
        try:
            told.update(graph.pull().metadata)
        except (av.BlockingIOError, av.EOFError):
            return
