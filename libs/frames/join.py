"""Joining closed-GOP segments and their sound into one MP4, without encoding anything again.

Every picture gets its time by its number, so nothing drifts over thousands of segments. The sound's encoder delay stays
written as an edit list, so what is heard is in sync to the sample. The index comes first in the file (fast start).
Memory is one packet of each stream, whatever the length; the muxer's own index grows by a few bytes a packet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import CodecContext, Flags
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from libs.frames.containers import open_input, picture_streams
from libs.frames.errors import MediaUnreadable, MediaUnsupported
from libs.frames.payload import Payload, PayloadHash
from libs.frames.video_writer import timescale


@dataclass(frozen=True)
class Joined:
    """What the new file holds."""

    frame_count: int
    duration: Fraction
    payload: Payload
    """Of the pictures, as they were read from the segments."""


def join_segments(
    segment_paths: Sequence[Path | str], audio_path: Path | str | None, out_path: Path | str, fps: Fraction
) -> Joined:
    """Write the segments one after the other, with the sound cut or filled with silence to their length.

    Each segment is what `VideoWriter` writes: one H.264 stream of frames 0, 1, 2… at `fps`, all with the same settings;
    the sound is what `AudioWriter` writes. Raises MediaUnsupported for a segment that does not fit the first one, or
    whose frames are not each there once, and MediaUnreadable for a file that is none. On an error the output is
    worthless.
    """
    if not segment_paths:
        raise ValueError("there are no segments to join")
    tick = Fraction(1, timescale(fps))
    per_frame = round(1 / (fps * tick))
    first = Path(segment_paths[0])
    with (
        open_input(first) as template,
        av.open(
            f"file:{out_path}",
            mode="w",
            format="mp4",
            container_options={
                "movflags": "+faststart+write_colr",
                "fflags": "+bitexact",
                "video_track_timescale": str(timescale(fps)),
            },
        ) as output,
    ):
        source = _video(template, first)
        video = output.add_stream_from_template(source)
        video.time_base = tick
        frames = _Frames([Path(path) for path in segment_paths], source, fps, per_frame, tick)
        if audio_path is None:
            for packet in frames:
                packet.stream = video
                output.mux_one(packet)
            return frames.result()
        with open_input(audio_path) as sound:
            sounding = _audio(sound, Path(audio_path))
            audio = output.add_stream_from_template(sounding)
            _interleave(output, frames, video, _sound(sound, sounding, Path(audio_path)), audio)
    return frames.result()


class _Frames:
    """The packets of all segments in decoding order, with their times by number."""

    def __init__(
        self, paths: Sequence[Path], template: VideoStream, fps: Fraction, per_frame: int, tick: Fraction
    ) -> None:
        self._paths = paths
        self._settings = _settings(template)
        self._fps = fps
        self._per_frame = per_frame
        self._tick = tick
        self._delay: int | None = None
        self._count = 0
        self._passed = PayloadHash()

    def result(self) -> Joined:
        return Joined(self._count, self.duration, self._passed.result())

    @property
    def duration(self) -> Fraction:
        return self._count / self._fps

    def __iter__(self) -> Iterator[Packet[VideoStream]]:
        for path in self._paths:
            with open_input(path) as container:
                yield from self._segment(container, path)

    def _segment(self, container: InputContainer, path: Path) -> Iterator[Packet[VideoStream]]:
        stream = _video(container, path)
        if _settings(stream) != self._settings:
            raise MediaUnsupported(path, "the segment was encoded with other settings than the first one")
        base = cast(Fraction, stream.time_base)
        start = self._count
        shown: set[int] = set()
        for packet in container.demux(stream):
            if packet.pts is None or packet.dts is None:
                continue
            number = packet.pts * base * self._fps
            if number.denominator != 1 or number < 0 or int(number) in shown:
                raise MediaUnsupported(path, f"the segment's frames do not follow each other at {self._fps} a second")
            if self._count == start and not packet.is_keyframe:
                raise MediaUnsupported(path, "the segment does not begin with a keyframe")
            if self._delay is None:
                # By how many frames decoding runs ahead of showing; the same for all, as the settings are.
                self._delay = math.ceil((packet.pts - packet.dts) * base * self._fps)
            shown.add(int(number))
            decoded = self._count - self._delay
            displayed = start + int(number)
            if displayed < decoded:
                raise MediaUnsupported(path, "the segment reorders its frames further than the first one")
            packet.time_base = self._tick
            packet.pts, packet.dts = displayed * self._per_frame, decoded * self._per_frame
            packet.duration = self._per_frame
            self._count += 1
            self._passed.add(packet)
            yield packet
        if len(shown) != self._count - start or (shown and max(shown) != len(shown) - 1) or not shown:
            raise MediaUnsupported(path, "frames are missing from the segment")


def _settings(stream: VideoStream) -> tuple[object, ...]:
    """What must be equal for two streams to share one decoder configuration."""
    context = stream.codec_context
    return (
        context.codec.canonical_name,
        context.width,
        context.height,
        context.pix_fmt,
        context.extradata,
        context.color_primaries,
        context.color_trc,
        context.colorspace,
        context.color_range,
        stream.sample_aspect_ratio,
    )


def _sound(container: InputContainer, stream: AudioStream, path: Path) -> Iterator[Packet[Any]]:
    """The sound's packets on its own clock, and silence after them without end."""
    size = stream.codec_context.frame_size or 1024
    position: int | None = None
    for packet in container.demux(stream):
        if packet.pts is None:
            continue
        # The last packet says to be shorter, but decodes to a whole frame whose tail is silent like what follows.
        packet.duration = size
        position = packet.pts + size
        yield packet
    if position is None:
        raise MediaUnreadable(path, "it holds no sound")
    for silent in _silence(path, stream):
        silent.time_base = cast(Fraction, stream.time_base)
        silent.pts = silent.dts = position
        silent.duration = size
        position += size
        yield silent


def _silence(path: Path, stream: AudioStream) -> Iterator[Packet[Any]]:
    """Packets of encoded silence with the stream's own settings, without end."""
    like = stream.codec_context
    encoder = CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = like.sample_rate, like.layout, "fltp"
    encoder.time_base = Fraction(1, like.sample_rate)
    encoder.flags |= Flags.global_header
    encoder.open()
    if like.codec.canonical_name != "aac" or encoder.extradata != like.extradata:
        raise MediaUnsupported(path, "the sound is too short, and cannot be filled up in its format")
    silence = np.zeros((like.channels, encoder.frame_size), np.float32)
    while True:
        frame = AudioFrame.from_ndarray(silence, format="fltp", layout=like.layout)
        frame.sample_rate = like.sample_rate
        yield from encoder.encode(frame)


def _interleave(
    output: OutputContainer, pictures: _Frames, video: VideoStream, sounds: Iterator[Packet[Any]], audio: AudioStream
) -> None:
    """Write both streams in order of time, so that the muxer never has to hold much back; end both together."""
    heard = next(sounds)
    for packet in pictures:
        time = cast(int, packet.dts) * packet.time_base
        packet.stream = video
        output.mux_one(packet)
        while (cast(int, heard.pts) + cast(int, heard.duration)) * heard.time_base <= time:
            heard.stream = audio
            output.mux_one(heard)
            heard = next(sounds)
    end = round(pictures.duration / heard.time_base)
    while (start := cast(int, heard.pts)) < end:
        heard.duration = min(cast(int, heard.duration), end - start)
        heard.stream = audio
        output.mux_one(heard)
        heard = next(sounds)


def _video(container: InputContainer, path: Path) -> VideoStream:
    streams = picture_streams(container)
    if len(streams) != 1 or streams[0].codec_context.codec.canonical_name != "h264":
        raise MediaUnsupported(path, "a segment holds one H.264 stream")
    return streams[0]


def _audio(container: InputContainer, path: Path) -> AudioStream:
    streams: list[Stream] = list(container.streams.audio)
    if not streams:
        raise MediaUnreadable(path, "it holds no sound")
    return cast(AudioStream, streams[0])
