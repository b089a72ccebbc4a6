"""AudioMixer beside FFmpeg's volume and amix."""

import av
import numpy as np
from numpy.typing import NDArray

from services.graph.nodes.audio.audio_mixer import AudioMixer
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.support import Sound, node

COUNT = 4800
RATE = 48_000


def noise(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, (2, COUNT)).astype(np.float32)


def by_ffmpeg(sounds: list[NDArray[np.float32]], decibels: list[float]) -> NDArray[np.float64]:
    graph = av.filter.Graph()
    mix = graph.add("amix", f"inputs={len(sounds)}:normalize=0:dropout_transition=0")
    sources = []
    for number, gain in enumerate(decibels):
        source = graph.add_abuffer(sample_rate=RATE, format="fltp", layout="stereo")
        volume = graph.add("volume", f"volume={gain}dB:precision=double")
        source.link_to(volume)
        volume.link_to(mix, 0, number)
        sources.append(source)
    sink = graph.add("abuffersink")
    mix.link_to(sink)
    graph.configure()
    for source, samples in zip(sources, sounds, strict=True):
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE, 0
        source.push(frame)
        source.push(None)
    blocks: list[NDArray[np.float64]] = []
    while sum(block.shape[1] for block in blocks) < COUNT:
        found = sink.pull()
        assert isinstance(found, av.AudioFrame)
        blocks.append(found.to_ndarray().astype(np.float64))
    return np.concatenate(blocks, 1)


def _error() -> float:
    sounds, decibels = [noise(1), noise(2), noise(3)], [-3.0, 2.5, -20.0]
    blocks = dict(zip(("audio", "audio.1", "audio.2"), sounds, strict=True))
    gains = dict(zip(("gain", "gain.1", "gain.2"), decibels, strict=True))
    ours = node(AudioMixer).sound(Sound(blocks, gains, COUNT)).samples
    return largest(ours, by_ffmpeg(sounds, decibels))


COMPARISONS = [Comparison("AudioMixer", "FFmpeg volume, amix", "three sounds of their own gains", 1e-6, _error)]
