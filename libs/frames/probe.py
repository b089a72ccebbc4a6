"""Finding out what a file holds, without trusting its header.

Every packet is read (none but the first frame is decoded), so frame counts and durations are counted and a file that
was cut short is noticed. Memory is eight bytes a frame.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream as AvAudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream as AvVideoStream

from artifex.common.v1.types_pb2 import Rational
from artifex.media.v1.messages_pb2 import AudioStream, ContentLight, MasteringDisplay, MediaInfo, VideoStream
from libs.frames.audio_reader import AudioReader
from libs.frames.containers import DEFAULT_LIMITS, Limits, open_input, picture_streams
from libs.frames.errors import MediaTruncated, MediaUnreadable, MediaUnsupported
from libs.frames.timing import find_timing
from libs.frames.truncation import is_truncated
from libs.frames.video_reader import VideoReader

# Containers whose index lists every packet, and whose damaged packets mean missing bytes.
_INDEXED = frozenset({"mov", "avi"})
_LOCAL_FILES = frozenset({"mov", "avi", "matroska", "webm", "wav"})


@dataclass
class _Scan:
    """What the packets of one stream said, in ticks."""

    packets: int = 0
    times: array[int] = field(default_factory=lambda: array("q"))
    first: int | None = None
    end: int | None = None
    last_time: int | None = None
    last_duration: int = 0
    corrupt: bool = False

    def add(self, packet: Packet[Stream], *, keep_times: bool) -> None:
        self.packets += 1
        self.corrupt = self.corrupt or packet.is_corrupt
        time = packet.pts if packet.pts is not None else packet.dts
        if packet.is_discard or time is None:
            return
        if keep_times:
            self.times.append(time)
        duration = packet.duration or 0
        if self.first is None or time < self.first:
            self.first = time
        if self.end is None or time + duration > self.end:
            self.end = time + duration
        if self.last_time is None or time >= self.last_time:
            self.last_time, self.last_duration = time, duration


def probe(path: Path | str, limits: Limits = DEFAULT_LIMITS) -> MediaInfo:
    """Streams, exact times, colour tags and rotation of a file.

    Raises FileNotFoundError; MediaTruncated for a file that ends too early; MediaUnreadable for one that is no media or
    does not decode; MediaUnsupported for one without pictures and sound, too large, or of an unknown codec.
    """
    path = Path(path)
    truncated = is_truncated(path)
    try:
        container = open_input(path, limits)
    except MediaUnreadable as error:
        if truncated:
            raise MediaTruncated(path, "the file ends before its index; it was not copied whole") from error
        raise
    with container:
        if truncated:
            raise MediaTruncated(path, "the file ends before the media that its header promises")
        videos, audios = picture_streams(container), list(container.streams.audio)
        if not videos and not audios:
            raise MediaUnsupported(path, "it holds neither pictures nor sound")
        scans = _scan(container, [*videos, *audios], path, limits)
        info = MediaInfo(format=container.format.name)
        for video in videos:
            info.video_streams.append(_video(path, video, scans[video.index], limits))
        for audio in audios:
            info.audio_streams.append(_audio(path, audio, scans[audio.index], limits))
    streams: list[VideoStream | AudioStream] = [*info.video_streams, *info.audio_streams]
    starts = [from_rational(stream.start_time) for stream in streams]
    ends = [start + from_rational(stream.duration) for start, stream in zip(starts, streams, strict=True)]
    info.duration.CopyFrom(to_rational(max(ends) - min(starts)))
    return info


def to_rational(value: Fraction) -> Rational:
    """A fraction as the contract's message."""
    return Rational(numerator=value.numerator, denominator=value.denominator)


def from_rational(value: Rational) -> Fraction:
    """The contract's message as a fraction; an unset one is zero."""
    return Fraction(value.numerator, value.denominator or 1)


def _scan(
    container: InputContainer, streams: Iterable[AvVideoStream | AvAudioStream], path: Path, limits: Limits
) -> dict[int, _Scan]:
    streams = list(streams)
    scans = {stream.index: _Scan() for stream in streams}
    try:
        for packet in container.demux(*streams):
            if packet.size == 0 and packet.pts is None and packet.dts is None:
                continue
            scan = scans[packet.stream_index]
            scan.add(packet, keep_times=packet.stream.type == "video")
            if scan.packets > limits.max_frames:
                raise MediaUnsupported(path, f"it holds more than the {limits.max_frames} frames taken")
    except av.FFmpegError as error:
        raise MediaUnreadable(path, f"it cannot be read to its end ({error.strerror})") from error
    kinds = set(container.format.name.split(","))
    for stream in streams:
        scan = scans[stream.index]
        short = bool(kinds & _INDEXED) and scan.packets < len(stream.index_entries)
        if short or (scan.corrupt and kinds & _LOCAL_FILES):
            raise MediaTruncated(path, "the file ends before the media that its index lists")
    return scans


def _video(path: Path, stream: AvVideoStream, scan: _Scan, limits: Limits) -> VideoStream:
    if not scan.packets:
        raise MediaUnsupported(path, "its video stream holds no frames")
    with VideoReader(path, stream=stream.index, limits=limits) as reader:
        found = reader.info
    times = np.frombuffer(scan.times, np.int64) if scan.times else np.arange(scan.packets, dtype=np.int64)
    base = found.time_base if scan.times else 1 / found.fps
    timing = find_timing(times, scan.last_duration, base, (stream.guessed_rate, stream.average_rate, stream.base_rate))
    swapped = found.orientation.swaps_sides
    aspect = 1 / found.sample_aspect_ratio if swapped else found.sample_aspect_ratio
    told = VideoStream(
        index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        profile=stream.profile or "",
        width=found.height if swapped else found.width,
        height=found.width if swapped else found.height,
        pixel_format=found.pixel_format,
        bit_depth=found.bit_depth,
        has_alpha=found.has_alpha,
        frame_rate=to_rational(timing.rate),
        variable_frame_rate=timing.variable,
        frame_count=len(times),
        start_time=to_rational(found.start_time),
        duration=to_rational(timing.duration),
        time_base=to_rational(found.time_base),
        sample_aspect_ratio=to_rational(aspect),
        rotation=found.rotation,
        color_primaries=found.tags.primaries,
        color_transfer=found.tags.transfer,
        color_matrix=found.tags.matrix,
        color_range=found.tags.range,
        interlaced=found.interlaced,
        chroma_location=found.siting or "",
    )
    if (display := found.display) is not None:
        places = [value for point in display.chromaticities for value in point]
        told.mastering_display.CopyFrom(MasteringDisplay(chromaticities=places, peak=display.peak, black=display.black))
    if (levels := found.levels) is not None:
        brightest, average = levels.rounded()
        told.content_light.CopyFrom(ContentLight(max_content_light=brightest, max_frame_average_light=average))
    return told


def _audio(path: Path, stream: AvAudioStream, scan: _Scan, limits: Limits) -> AudioStream:
    with AudioReader(path, stream=stream.index, limits=limits) as reader:
        reader.read(0, 1)
        found = reader.info
    base = stream.time_base or Fraction(1, found.rate)
    first, end = scan.first or 0, scan.end or 0
    return AudioStream(
        index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        sample_rate=found.rate,
        channels=found.channels,
        channel_layout=found.layout,
        start_time=to_rational(first * base),
        duration=to_rational((end - first) * base),
    )
