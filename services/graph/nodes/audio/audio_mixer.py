"""AudioMixer."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import AUDIO, Analysis, Audio, Choice, Clip, Float, Input, Node, Output, SoundContext
from libs.frames.loudness import LoudnessMeter
from libs.frames.true_peak import TruePeakMeter

SILENT = -120.0
"""Decibels from which on a gain is nothing at all."""


class AudioMixer(Node):
    """Adds up any number of sounds, each with its own gain and place between left and right.

    A sample of the mix is master · Σ gain · pan · sample, with gain = 10^(dB / 20), and 0 at −120 dB and below. The
    place is a balance: p < 0 scales right by 1 + p, p > 0 scales left by 1 − p, 0 leaves both as they are. Gains and
    places can have keys, which are evaluated at every sample: a fade-in of a second is
    {"gain.1": {"keys": [[0, -120], [1, 0]]}}. Parameters of the second connection, `audio.1`, are `gain.1` and `pan.1`,
    and so on. Nothing is limited: the sum of loud sounds can go beyond full scale.

    With `normalize` "loudness" the mix, after `master`, is scaled by one factor for its whole length, so that its
    integrated loudness (EBU R 128, ITU-R BS.1770-4) is `loudness`, or less where its true peak (annex 2 there) would
    otherwise pass `true_peak`: by min(loudness − L, true_peak − P) dB. Dynamics stay as they are. What is silent by the
    gate of −70 LUFS is not made louder. The whole mix is measured before any of it is made: once, whatever `loudness`
    and `true_peak` are.

    Memory: one block. Cost: two operations a sample and connection.
    """

    category = "Audio"
    version = "1.1.0"

    audio = Input(AUDIO, "A sound; more are `audio.1`, `audio.2` and so on.", multiple=True)
    mixed = Output(AUDIO, "The mix.", name="audio")

    gain = Float(0.0, minimum=SILENT, maximum=48, unit="dB", per=audio, doc="Loudness of one connection.")
    pan = Float(0.0, minimum=-1, maximum=1, per=audio, doc="Place of one connection: −1 left, 1 right.")
    master = Float(0.0, minimum=SILENT, maximum=48, unit="dB", doc="Loudness of the mix.")
    normalize = Choice("none", choices=["none", "loudness"], doc="What the whole mix is brought to.", animatable=False)
    loudness = Float(
        -23.0, minimum=-70, maximum=-5, unit="LUFS", doc="Integrated loudness to normalise to.", animatable=False
    )
    true_peak = Float(
        -1.0, minimum=-20, maximum=0, unit="dBTP", doc="What normalising lets no true peak pass.", animatable=False
    )

    analysis = Analysis("loudness", inputs=[audio], parameters=[gain, pan, master])

    def needs_analysis(self) -> bool:
        return self.normalize == "loudness"

    def analyse(self, clip: Clip) -> dict[str, float | None]:
        """Integrated loudness in LUFS, None for silence, and true peak in dBTP, None where all samples are 0."""
        loudness, peak = LoudnessMeter(clip.rate, clip.channels), TruePeakMeter(clip.rate, clip.channels)
        for block in clip.blocks():
            samples = np.nan_to_num(self._mix(block), posinf=1.0, neginf=-1.0).astype(np.float32)
            loudness.add(samples)
            peak.add(samples)
        return {"lufs": loudness.result().lufs, "true_peak": peak.result()}

    def sound(self, context: SoundContext) -> Audio:
        mix = self._mix(context)
        if self.normalize == "loudness" and self.analysed is not None:
            mix *= 10.0 ** (normalising(self.analysed, self.loudness, self.true_peak) / 20.0)
        return Audio(mix.astype(np.float32), context.rate)

    def _mix(self, context: SoundContext) -> NDArray[np.float64]:
        total = np.zeros((context.channels, context.count), dtype=np.float64)
        for name in context.connections(AudioMixer.audio):
            samples = context.read(name).samples.astype(np.float64)
            gain = amplitude(context.automation(AudioMixer.gain, name))
            if context.channels == 2:
                pan = context.automation(AudioMixer.pan, name)
                samples[0] *= 1.0 - np.maximum(pan, 0.0)
                samples[1] *= 1.0 + np.minimum(pan, 0.0)
            total += samples * gain
        total *= amplitude(context.automation(AudioMixer.master))
        return total


def amplitude(decibels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The factor that a gain in decibels means."""
    return np.where(decibels <= SILENT, 0.0, np.power(10.0, decibels / 20.0))


def normalising(measured: dict[str, Any], loudness: float, true_peak: float) -> float:
    """The gain in dB that brings what measures so to `loudness` LUFS, as far as `true_peak` dBTP allows."""
    lufs, peak = measured["lufs"], measured["true_peak"]
    gain = 0.0 if lufs is None else loudness - lufs
    return gain if peak is None else min(gain, true_peak - peak)
