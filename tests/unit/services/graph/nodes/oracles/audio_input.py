"""AudioInput beside FFmpeg's own tool: its decoder, its volume and its pan filter."""

import subprocess
from fractions import Fraction
from typing import Any

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from libs.frames.probe import probe
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.sources import SourceFile, open_sources
from services.graph.nodes.input.audio_input import AudioInput
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.support import Sound, footage, node

RATE = 48_000
COUNT = 2 * RATE


def by_ffmpeg(filters: str) -> NDArray[np.float32]:
    """Two seconds of the demo's footage from its second 1 on."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(footage()), "-vn", "-af",
        f"aresample={RATE},atrim=start_sample={RATE}:end_sample={RATE + COUNT},"
        f"aformat=channel_layouts=stereo,{filters}",
        "-f", "f32le", "-ac", "2", "-",
    ]  # fmt: skip
    samples = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(samples, np.float32).reshape(-1, 2).T


def ours(values: dict[str, float] | None = None, **params: Any) -> NDArray[np.float32]:
    """The same, through a trim of one second."""
    info = probe(footage())
    clip = node(AudioInput, asset="assets/a", trim=Fraction(1), **params)
    with open_sources({"n": SourceFile(footage(), info)}, WorkingColour("ACEScg"), 1) as sources:
        return clip.sound(Sound({}, values or {}, COUNT, 0, sources["n"])).samples


COMPARISONS = [
    Comparison("AudioInput", "FFmpeg", "the footage's sound, trimmed", 2e-6,
               lambda: largest(ours(), by_ffmpeg("anull"))),
    Comparison("AudioInput", "FFmpeg volume", "-7.5 dB", 2e-6,
               lambda: largest(ours({"gain": -7.5}), by_ffmpeg("volume=-7.5dB:precision=float"))),
    Comparison("AudioInput", "FFmpeg pan", "right on both sides", 2e-6,
               lambda: largest(ours(channels="right"), by_ffmpeg("pan=stereo|c0=c1|c1=c1"))),
    Comparison("AudioInput", "FFmpeg pan", "mono", 2e-6,
               lambda: largest(ours(channels="mono"), by_ffmpeg("pan=stereo|c0=0.5*c0+0.5*c1|c1=0.5*c0+0.5*c1"))),
]  # fmt: skip
