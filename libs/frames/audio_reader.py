"""Reading the sound of one audio stream at exact sample positions.

Sample 0 is heard with the first shown frame of the file's video (or is the first sample, where there is none), so sound
and picture read by the same times are in sync. Memory is a few seconds of sound, whatever the length.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from libs.frames.audio_writer import LAYOUTS
from libs.frames.containers import DEFAULT_LIMITS, Limits, open_input, picture_streams
from libs.frames.errors import MediaUnreadable, MediaUnsupported
from libs.frames.resample import Resampler
from libs.frames.video_reader import VideoReader

Samples = npt.NDArray[np.float32]
"""[channels, n] in -1..1."""

# Decoders need what came before to give right samples: AAC one frame, MP3 its bit reservoir, Opus 80 ms.
_PREROLL = Fraction(1, 4)
# Jumps shorter than this, in seconds, are decoded through.
_SEEK_AHEAD = 2
# Samples kept behind the last read, for filters that look back.
_KEEP = 16384
_PCM_SCALE = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "s64": 9223372036854775808.0}


@dataclass(frozen=True)
class AudioInfo:
    """One audio stream as the file has it. Times in seconds; `start_time` counts from sample 0 of the reader."""

    index: int
    codec: str
    rate: int
    channels: int
    layout: str
    start_time: Fraction
    duration: Fraction | None


class AudioReader:
    """Samples of one stream by position. Not safe for two threads at once; close it, or use it in a `with`.

    Raises FileNotFoundError, MediaUnreadable (no sound, or it does not decode) and MediaUnsupported (no decoder).
    """

    def __init__(
        self,
        path: Path | str,
        *,
        stream: int | None = None,
        rate: int = 48000,
        channels: int = 2,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """`stream` is a position in the container, by default the first audio; `rate` and `channels` (1, 2, 6 or 8)
        are what is given out: mono is doubled to stereo, more channels are mixed as FFmpeg mixes them."""
        if channels not in LAYOUTS:
            raise ValueError(f"{channels} channels cannot be given out; use 1, 2, 6 or 8")
        self._path = Path(path)
        self._wanted_stream = stream
        self._channels = channels
        self._limits = limits
        self.rate = rate
        self._container: InputContainer | None = None
        self._packets: Iterator[Packet[AudioStream]] = iter(())
        self._blocks: deque[tuple[int, Samples]] = deque()
        self._held: AudioFrame | None = None
        self._head: int | None = None
        self._oldest = 0
        self._ended = False
        self._mixer: tuple[tuple[str, str, int], AudioResampler] | None = None
        try:
            self._open()
            self._origin = self._find_origin()
            self.info = self._describe()
            self._restart()
        except BaseException:
            self.close()
            raise
        self._resampler = Resampler(self.info.rate, rate) if self.info.rate != rate else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the decoder and the file. Repeatable."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def read(self, start: int, count: int) -> Samples:
        """`count` samples from position `start` on, as a new array [channels, count]; silence where there is no sound.

        The same positions give the same samples, whatever was read before. Going forward is cheap.
        """
        if count <= 0:
            return np.zeros((self._channels, 0), np.float32)
        if self._resampler is None:
            return self._source(start, count)
        first, needed = self._resampler.needed(start, count)
        return self._resampler.apply(self._source(first, needed), start, count)

    # -- samples at the stream's own rate ----------------------------------------------------------------------------

    def _source(self, start: int, count: int) -> Samples:
        begin = max(start, 0)
        if begin < self._oldest or (self._head is not None and begin - self._head > _SEEK_AHEAD * self.info.rate):
            self._move(begin)
        while not self._ended and (self._head is None or self._head < start + count):
            self._decode_some()
        result = np.zeros((self._channels, count), np.float32)
        for position, block in self._blocks:
            low, high = max(position, start), min(position + block.shape[1], start + count)
            if low < high:
                result[:, low - start : high - start] = block[:, low - position : high - position]
        self._forget(begin - _KEEP)
        return result

    def _forget(self, before: int) -> None:
        while self._blocks and self._blocks[0][0] + self._blocks[0][1].shape[1] <= before:
            self._oldest = self._blocks[0][0] + self._blocks[0][1].shape[1]
            self._blocks.popleft()

    def _move(self, position: int) -> None:
        # A clock that does not tick with the samples (Matroska's milliseconds) gives no exact position after a seek;
        # there, and near the beginning, counting from the first sample is the only right way.
        target = Fraction(position, self.info.rate) + self._origin - _PREROLL
        if self._exact and target > self._start_time and self._seek(int(target / self._time_base), position):
            return
        self._restart()

    def _seek(self, to: int, position: int) -> bool:
        assert self._container is not None
        try:
            self._container.seek(to, stream=self._stream, backward=True)
        except av.FFmpegError:
            return False
        self._begin()
        while not self._ended and not self._blocks:
            self._decode_some()
        if not self._blocks or self._blocks[0][0] > position - int(_PREROLL * self.info.rate / 2):
            return False
        # What was decoded before `position` is preroll, and may be wrong.
        self._oldest = position
        return True

    def _restart(self) -> None:
        self.close()
        self._open()
        self._begin()
        self._oldest = 0

    def _begin(self) -> None:
        assert self._container is not None
        self._packets = self._container.demux(self._stream)
        self._blocks.clear()
        self._held = None
        self._head = None
        self._ended = False

    # -- decoding ----------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._container = open_input(self._path, self._limits)
        self._stream = self._choose(self._container)
        context = self._stream.codec_context
        if context is None:
            raise MediaUnsupported(self._path, "no decoder is built in for its audio codec")
        context.thread_count = 1
        self._time_base = self._stream.time_base or Fraction(1, 1000)
        rate = context.sample_rate
        if not rate or not context.channels:
            raise MediaUnreadable(self._path, "its audio stream does not say what it holds")
        self._exact = (1 / self._time_base / rate).denominator == 1
        self._slack = 0 if self._exact else math.ceil(self._time_base * rate) + 1
        self._start_time = (self._stream.start_time or 0) * self._time_base

    def _choose(self, container: InputContainer) -> AudioStream:
        streams = list(container.streams.audio)
        if self._wanted_stream is None and streams:
            return streams[0]
        for stream in streams:
            if stream.index == self._wanted_stream:
                return stream
        raise MediaUnreadable(self._path, "it holds no such sound")

    def _find_origin(self) -> Fraction:
        assert self._container is not None
        if not picture_streams(self._container):
            return self._start_time
        with VideoReader(self._path, limits=self._limits) as video:
            return video.info.start_time

    def _describe(self) -> AudioInfo:
        context = self._stream.codec_context
        duration = self._stream.duration
        return AudioInfo(
            index=self._stream.index,
            codec=context.name,
            rate=context.sample_rate,
            channels=context.channels,
            layout=context.layout.name,
            start_time=self._start_time - self._origin,
            duration=duration * self._time_base if duration else None,
        )

    def _decode_some(self) -> None:
        """Decode one packet. The newest frame is held back: only the end of the stream tells that it was the last."""
        packet = next(self._packets, None)
        if packet is None:
            self._end()
            return
        try:
            frames = packet.decode()
        except av.EOFError:
            self._end()
            return
        except av.FFmpegError as error:
            raise MediaUnreadable(self._path, f"its sound does not decode ({error.strerror})") from error
        for frame in frames:
            if self._held is not None:
                self._take(self._held, last=False)
            self._held = frame

    def _end(self) -> None:
        if self._held is not None:
            self._take(self._held, last=True)
        self._held = None
        self._ended = True

    def _take(self, frame: AudioFrame, *, last: bool) -> None:
        rate = self.info.rate
        if frame.sample_rate != rate:
            raise MediaUnsupported(self._path, "its sample rate changes on the way")
        position = self._head
        if frame.pts is not None:
            exact = round((frame.pts * self._time_base - self._origin) * rate)
            if position is None or abs(exact - position) > self._slack:
                position = exact
        samples = self._mix(frame)
        # AAC always decodes whole frames; the last one's duration says how much of it is meant.
        if last and self._exact and frame.duration:
            samples = samples[:, : int(frame.duration * self._time_base * rate)]
        position = position or 0
        if self._head is not None and position < self._head:
            samples = samples[:, self._head - position :]
            position = self._head
        if position < 0:
            samples, position = samples[:, -position:], 0
        if samples.shape[1]:
            self._blocks.append((position, samples))
        self._head = position + samples.shape[1]

    def _mix(self, frame: AudioFrame) -> Samples:
        layout = LAYOUTS[self._channels]
        if frame.layout.nb_channels == self._channels:
            return _planar(frame)
        if frame.layout.nb_channels == 1:
            return (
                np.repeat(_planar(frame), self._channels, axis=0) if self._channels == 2 else self._remix(frame, layout)
            )
        return self._remix(frame, layout)

    def _remix(self, frame: AudioFrame, layout: str) -> Samples:
        key = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._mixer is None or self._mixer[0] != key:
            self._mixer = (key, AudioResampler(format="fltp", layout=layout, rate=frame.sample_rate))
        frame.pts = None
        mixed = [_planar(part) for part in self._mixer[1].resample(frame)]
        return np.concatenate(mixed, axis=1) if mixed else np.zeros((self._channels, 0), np.float32)


def _planar(frame: AudioFrame) -> Samples:
    """A frame's samples as float32 [channels, n]; integers become -1..1 by their full scale."""
    array: npt.NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        array = array.reshape(-1, frame.layout.nb_channels).T
    kind = frame.format.name.removesuffix("p")
    if kind in _PCM_SCALE:
        centre = 128.0 if kind == "u8" else 0.0
        return np.ascontiguousarray((array.astype(np.float64) - centre) / _PCM_SCALE[kind], dtype=np.float32)
    return np.ascontiguousarray(array, dtype=np.float32)
