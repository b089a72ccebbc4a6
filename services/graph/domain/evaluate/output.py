"""The way out: frames of the working space as a segment of a movie, and the sound as a file, each proved by decoding.

What the output node asks for becomes the settings of the encoders here. Colour leaves the working space for the
delivery's own R'G'B' and Y'CbCr in one pass, the exact inverse of the way in: where nobody changed a frame and its
codes are legal, the encoder is given the codes that it had.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Frame, Window
from libs.chassis.errors import Internal
from libs.frames.audio_writer import AudioWriter
from libs.frames.codecs import AUDIO_CODECS, VIDEO_CODECS, VideoSettings
from libs.frames.codecs.movies import MOVIES, extension
from libs.frames.codecs.sounds import SOUNDS, is_sound
from libs.frames.codecs.stills import is_stills
from libs.frames.decoded import decoded_frames
from libs.frames.deliveries import DELIVERIES, PQ_PEAK, WHITE, LightLevel, Mastering
from libs.frames.loudness import LoudnessMeter, difference, measure
from libs.frames.video_writer import OutputFrame, VideoWriter
from libs.kernels import light_level, linear_to_yuv
from services.graph.domain.compile.compiler import Compiled
from services.graph.domain.documents.model import CHANNELS, SAMPLE_RATE
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.stills import StillsSegment

LOST_TO_ROUNDING: Final = 0.1
"""By how many LU sound that is kept whole may become louder or softer before that is a fault."""
LOST_TO_CODING: Final = 12.0
"""The same for sound that is compressed with loss: of white noise, AAC takes 1.2 LU at 192 kbit/s and 8.4 at 32, since
it leaves the upper bands out. It is there to notice silence, noise and wrong levels."""


Prepared = TypeVar("Prepared")


class Segment(Protocol[Prepared]):
    """A part of what is rendered, written frame by frame; in a `with`."""

    @property
    def media_type(self) -> str:
        """Of the part's file."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def prepare(self, frame: Frame) -> Prepared:
        """Does all the work on pixels, on any thread."""
        ...

    def append(self, prepared: Prepared) -> None:
        """Writes the next frame, one after the other."""
        ...

    def prove(self) -> None:
        """Decodes all that was written, once it is closed; Internal unless every frame comes back."""
        ...


def open_segment(path: Path, compiled: Compiled, colour: WorkingColour, threads: int, first: int) -> Segment[Any]:
    """The part of the document's output that begins with the frame `first`: of a movie, or stills."""
    if is_stills(compiled.path):
        return StillsSegment(path, compiled, colour, threads, first)
    return SegmentWriter(path, compiled, colour, threads)


class SegmentWriter:
    """Writes frames of one compiled document, in order; as `VideoWriter`, in a `with`.

    `prepare` does all the work on pixels and may run on any thread; `append` encodes, one frame after the other.
    """

    def __init__(self, path: Path, compiled: Compiled, colour: WorkingColour, threads: int) -> None:
        self._path = path
        self._threads = threads
        self._window = Window(0, 0, compiled.width, compiled.height)
        settings = video_settings(compiled)
        self._delivery = DELIVERIES[settings.color]
        self._signal = colour.video_signal(self._delivery.transfer, self._delivery.primaries)
        self.media_type = MOVIES[VIDEO_CODECS[settings.codec].containers[0]].media_type
        """Of the segment; the movie may lie in another container."""
        self._writer = VideoWriter(path, compiled.width, compiled.height, compiled.fps, settings, threads=threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, traceback)

    def prepare(self, frame: Frame) -> OutputFrame:
        """The frame as the encoder takes it: over black, encoded for display, in the codec's own layout.

        What is not a number is black, and spreads to no neighbour.
        """
        output = self._writer.blank()
        pixels, signal = frame.filled(self._window), self._signal
        linear_to_yuv(
            pixels,
            from_working=signal.from_working,
            transfer=signal.transfer,
            matrix=self._delivery.matrix,
            full_range=output.full_range,
            format=output.pixel_format,
            planes=output.planes,
            siting=self._delivery.siting,
        )
        if self._delivery.metadata:
            output.light = LightLevel(*light_level(pixels, to_light=signal.from_working * WHITE, peak=PQ_PEAK))
        return output

    def append(self, prepared: OutputFrame) -> None:
        """Encode the next frame."""
        self._writer.append(prepared)

    def write(self, frame: Frame) -> None:
        """`prepare` and `append`."""
        self.append(self.prepare(frame))

    def prove(self) -> None:
        """Decode all that was written, once it is closed; Internal unless every frame comes back."""
        decoded = decoded_frames(self._path, threads=self._threads)
        if decoded != self._writer.frame_count:
            raise Internal(f"of {self._writer.frame_count} frames that were encoded, {decoded} decode")


class SoundWriter:
    """Writes the mixed sound of one compiled document, block by block, and measures how loud it is."""

    def __init__(self, path: Path, compiled: Compiled) -> None:
        self._path = path
        self._codec = AUDIO_CODECS[audio_codec(compiled)]
        alone = extension(compiled.path) if is_sound(compiled.path) else ""
        self.media_type = SOUNDS[alone].media_type if alone else self._codec.media_type
        self._meter = LoudnessMeter(SAMPLE_RATE, CHANNELS)
        self._writer = AudioWriter(
            path,
            rate=SAMPLE_RATE,
            channels=CHANNELS,
            codec=self._codec.name,
            bitrate=compiled.sink.values["audio_bitrate"] * 1000,
            container=alone,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, traceback)

    def write(self, samples: NDArray[np.float32]) -> None:
        """Samples [channels, n]; beyond -1..1 they are clipped unless floats are kept; what is no number is silence."""
        heard = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        if not self._codec.floats:
            heard = np.clip(heard, -1.0, 1.0)
        self._meter.add(heard)
        self._writer.write(heard)

    def prove(self) -> None:
        """Decode what was written, once it is closed; Internal when that is not what was mixed."""
        mixed, stored = self._meter.result(), measure(self._path)
        if stored.samples < self._writer.sample_count:
            raise Internal(f"of {self._writer.sample_count} samples that were encoded, {stored.samples} decode")
        allowed = LOST_TO_ROUNDING if self._codec.lossless else LOST_TO_CODING
        if difference(mixed, stored.loudness) > allowed:
            raise Internal(f"sound of {mixed} was encoded, and {stored.loudness} decodes")


def video_settings(compiled: Compiled) -> VideoSettings:
    """What the output node asks of the encoder."""
    sink = compiled.sink.values
    profile = sink["profile"]
    return VideoSettings(
        sink["codec"],
        "" if profile == "auto" else profile,
        sink["quality"],
        sink["preset"],
        sink["color"],
        Mastering(sink["mastering_display"], sink["mastering_peak"], sink["mastering_black"]),
    )


def audio_codec(compiled: Compiled) -> str:
    """The codec that the output node asks for, or its container's usual one."""
    asked = str(compiled.sink.values["audio_codec"])
    if asked != "auto":
        return asked
    ending = extension(compiled.path)
    return (SOUNDS[ending] if ending in SOUNDS else MOVIES[ending]).audio[0]
