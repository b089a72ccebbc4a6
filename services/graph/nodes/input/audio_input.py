"""AudioInput."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import AUDIO, Asset, Audio, Choice, Float, Integer, Node, Output, SoundContext, Time
from libs.frames.errors import MediaUnsupported
from libs.frames.interpretation import Interpretation
from services.graph.nodes.audio.audio_mixer import SILENT, amplitude
from services.graph.nodes.input.clip_sound import clip_samples
from services.graph.nodes.input.interpreted import interpreted

_SILENCE: Final = "silence"
_LOOP: Final = "loop"
_STEREO: Final = "stereo"


class AudioInput(Node):
    """Brings the sound of a media file into the graph: music, or the sound of a film without its pictures.

    At time t it is heard as the file has it at t − start + trim, to the sample, times 10^(gain / 20); −120 dB and below
    are silence. Gain can have keys, which are evaluated at every sample: {"gain": {"keys": [[0, -120], [2, 0]]}} fades
    in. A file's time begins with its first picture, or with its first sound where it has no pictures, as it does for
    MediaInput, so both keep in step. Sound is resampled to 48 kHz and mixed to stereo: mono is doubled, more channels
    are mixed as FFmpeg mixes them, by ITU-R BS.775.

    `channels`: "left" and "right" put that channel of it on both sides, "mono" the mean of the two, "swap" exchanges
    them. Files with several tracks (languages, microphones) count them from 1.

    Memory: a few seconds of sound. Cost: decoding, and one multiplication a sample.
    """

    category = "Input"
    time_dependent = True

    audio = Output(AUDIO, "The sound.")

    asset = Asset(doc="The media file.")
    track = Integer(1, minimum=1, maximum=64, animatable=False, doc="Which of the file's tracks of sound.")
    start = Time(Fraction(0), doc="When the sound begins in the document.")
    trim = Time(Fraction(0), minimum=0, doc="Seconds left out at the beginning of the file.")
    before = Choice(_SILENCE, choices=(_SILENCE, _LOOP), doc="What is heard before: nothing, or the sound in a loop.")
    after = Choice(_SILENCE, choices=(_SILENCE, _LOOP), doc="What is heard after: nothing, or the sound in a loop.")
    gain = Float(0.0, minimum=SILENT, maximum=48, unit="dB", doc="Loudness.")
    channels = Choice(
        _STEREO,
        choices=(_STEREO, "left", "right", "mono", "swap"),
        doc="What is heard left and right: both channels, one of them, their mean, or each on the other side.",
    )

    def mismatched(self, info: media.MediaInfo) -> Iterator[tuple[str, str]]:
        tracks = len(info.audio_streams)
        # Of media without any sound the engine tells.
        if 0 < tracks < self.track:
            has = f"{tracks} tracks" if tracks > 1 else "1 track"
            yield "track", f"{self.track} is behind the last: the file has {has} of sound"

    def length(self, info: media.MediaInfo) -> Fraction:
        """Seconds of the file's sound, counted from where its time begins, that are played."""
        if len(info.audio_streams) < self.track:
            return Fraction(0)
        stream = info.audio_streams[self.track - 1]
        end = Fraction(stream.duration.numerator, stream.duration.denominator or 1)
        if info.video_streams:
            first = info.video_streams[0].start_time
            begin = Fraction(stream.start_time.numerator, stream.start_time.denominator or 1)
            end += begin - Fraction(first.numerator, first.denominator or 1)
        return max(end - self.trim, Fraction(0))

    def extent(self, info: media.MediaInfo | None) -> Fraction | None:
        return None if info is None else self.start + self.length(info)

    def sound(self, context: SoundContext) -> Audio:
        source = context.source
        if source is None:
            raise ValueError("the engine opened no media for this node")
        tracks = len(source.info.audio_streams)
        if tracks < self.track:
            has = "no sound" if tracks == 0 else f"{tracks} track{'s' if tracks > 1 else ''} of sound"
            raise MediaUnsupported(source.path, f"it has {has}, and track {self.track} is asked for")
        samples = clip_samples(
            context,
            interpreted(source, Interpretation(track=self.track - 1)),
            start=self.start,
            trim=self.trim,
            length=self.length(source.info),
            loops_before=self.before == _LOOP,
            loops_after=self.after == _LOOP,
        )
        heard = self._placed(samples).astype(np.float64)
        heard *= amplitude(context.automation(AudioInput.gain))
        return Audio(heard.astype(np.float32), context.rate)

    def _placed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        if samples.shape[0] != 2 or self.channels == _STEREO:
            return samples
        if self.channels == "swap":
            return samples[::-1]
        one = {"left": samples[0], "right": samples[1]}.get(self.channels)
        mean = samples.mean(axis=0, dtype=np.float64).astype(np.float32) if one is None else one
        return np.stack([mean, mean])
