"""AudioMixer."""

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import AUDIO, Audio, Float, Input, Node, Output, SoundContext

SILENT = -120.0
"""Decibels from which on a gain is nothing at all."""


class AudioMixer(Node):
    """Adds up any number of sounds, each with its own gain and place between left and right.

    A sample of the mix is master · Σ gain · pan · sample, with gain = 10^(dB / 20), and 0 at −120 dB and below. The
    place is a balance: p < 0 scales right by 1 + p, p > 0 scales left by 1 − p, 0 leaves both as they are. Gains and
    places can have keys, which are evaluated at every sample: a fade-in of a second is
    {"gain.1": {"keys": [[0, -120], [1, 0]]}}. Parameters of the second connection, `audio.1`, are `gain.1` and `pan.1`,
    and so on. Nothing is limited: the sum of loud sounds can go beyond full scale.

    Memory: one block. Cost: two operations a sample and connection.
    """

    category = "Audio"

    audio = Input(AUDIO, "A sound; more are `audio.1`, `audio.2` and so on.", multiple=True)
    mixed = Output(AUDIO, "The mix.", name="audio")

    gain = Float(0.0, minimum=SILENT, maximum=48, unit="dB", per=audio, doc="Loudness of one connection.")
    pan = Float(0.0, minimum=-1, maximum=1, per=audio, doc="Place of one connection: −1 left, 1 right.")
    master = Float(0.0, minimum=SILENT, maximum=48, unit="dB", doc="Loudness of the mix.")

    def sound(self, context: SoundContext) -> Audio:
        total = np.zeros((context.channels, context.count), dtype=np.float64)
        for name in context.connections(self.audio):
            samples = context.read(name).samples.astype(np.float64)
            gain = amplitude(context.automation(AudioMixer.gain, name))
            if context.channels == 2:
                pan = context.automation(AudioMixer.pan, name)
                samples[0] *= 1.0 - np.maximum(pan, 0.0)
                samples[1] *= 1.0 + np.minimum(pan, 0.0)
            total += samples * gain
        total *= amplitude(context.automation(AudioMixer.master))
        return Audio(total.astype(np.float32), context.rate)


def amplitude(decibels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The factor that a gain in decibels means."""
    return np.where(decibels <= SILENT, 0.0, np.power(10.0, decibels / 20.0))
