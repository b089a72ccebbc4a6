"""Joining closed-GOP segments and their sound into one movie, without encoding anything again.

Every picture gets its time by its number, so nothing drifts over thousands of segments. In MP4 and MOV these times are
exact; Matroska and WebM count milliseconds, so there each frame stands within half of one of its place, and the exact
frame rate beside the stream says which place is meant. The sound's encoder delay stays written as an edit list or a
codec delay, so what is heard is in sync to the sample. The index comes first in the file (fast start). Where segments
tell how bright they are, the movie tells the largest: in its container, in its decoder's configuration, and in each
packet from which decoding can begin; nothing else of the packets changes.
Memory is one packet of each stream, whatever the length; the muxer's own index grows by a few bytes a packet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from pathlib import Path
from types import MappingProxyType
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from libs.frames.codecs import VIDEO_CODECS
from libs.frames.codecs.movies import MOVIES
from libs.frames.containers import open_input, open_segment, picture_streams
from libs.frames.deliveries import LightLevel
from libs.frames.errors import MediaUnsupported
from libs.frames.join_sound import SoundPackets
from libs.frames.light_metadata import Retold, told_light, told_packet
from libs.frames.payload import Payload, PayloadHash
from libs.frames.video_writer import muxer_options, timescale


@dataclass(frozen=True)
class Joined:
    """What the new file holds."""

    frame_count: int
    duration: Fraction
    payload: Payload
    """Of the pictures, as they were written."""
    light: LightLevel | None = None
    """How bright they are, in whole cd/m²; None where the movie does not tell."""


def join_segments(
    segment_paths: Sequence[Path | str],
    audio_path: Path | str | None,
    out_path: Path | str,
    fps: Fraction,
    container: str = "mp4",
    *,
    words: Mapping[str, str] = MappingProxyType({}),
) -> Joined:
    """Write the segments one after the other, with their sound, as a movie of the kind that `container` names: mp4,
    mov, mkv or webm.

    Each segment is what `VideoWriter` writes: one stream of frames 0, 1, 2… at `fps`, all with the same settings; the
    sound is what `AudioWriter` writes, and as long as the pictures (AAC that is not is cut, or filled with silence).
    `words` are written into the movie's own metadata, under these names and of any length; players pass over them.
    Raises MediaUnsupported for a segment that does not fit the first one, whose frames are not each there once,
    or whose codec the container does not take, and MediaUnreadable for a file that is none. On an error the output is
    worthless.
    """
    if not segment_paths:
        raise ValueError("there are no segments to join")
    movie = MOVIES[container]
    first = Path(segment_paths[0])
    options = muxer_options(movie.format, fps)
    if movie.exact:
        options["movflags"] += "+faststart"
        if words:
            # QuickTime's metadata takes any name, and more than the 64 KiB of its older kind.
            options["movflags"] += "+use_metadata_tags"
    else:
        options["cues_to_front"] = "1"
    paths = [Path(path) for path in segment_paths]
    light = _light(paths)
    with (
        open_segment(first) as template,
        _retold(first, light) as described,
        av.open(f"file:{out_path}", mode="w", format=movie.format, container_options=options) as output,
    ):
        output.metadata.update(words)
        source = _video(template, first, container)
        frames = _Frames(paths, source, fps, container, light)
        if described is not None:
            source = _video(described, first, container)
        video = output.add_stream_from_template(source, opaque=True)
        video.codec_context.framerate = fps
        video.time_base = frames.tick
        if movie.exact:
            video.codec_context.codec_tag = source.codec_context.codec_tag
        if audio_path is None:
            for packet in frames:
                packet.stream = video
                output.mux_one(packet)
            return frames.result()
        with open_input(audio_path) as opened:
            sound = SoundPackets(opened, Path(audio_path), container)
            audio = output.add_stream_from_template(sound.stream, opaque=True)
            _interleave(output, frames, video, sound, audio)
    return frames.result()


class _Frames:
    """The packets of all segments in decoding order, with their times by number."""

    def __init__(
        self, paths: Sequence[Path], template: VideoStream, fps: Fraction, container: str, light: LightLevel | None
    ) -> None:
        self.tick = Fraction(1, timescale(fps))
        self._paths = paths
        self._container = container
        self._settings = _settings(template)
        self._light = light
        self._codec = template.codec_context.codec.canonical_name
        self._fps = fps
        self._per_frame = round(1 / (fps * self.tick))
        # By how many frames decoding runs ahead of showing; the same for all, as the settings are.
        self._delay = template.codec_context.reorder_depth
        self._count = 0
        self._passed = PayloadHash()

    def result(self) -> Joined:
        return Joined(self._count, self.duration, self._passed.result(), self._light)

    @property
    def duration(self) -> Fraction:
        return self._count / self._fps

    def __iter__(self) -> Iterator[Packet[VideoStream]]:
        for path in self._paths:
            with open_segment(path) as container:
                yield from self._segment(container, path)

    def _segment(self, container: InputContainer, path: Path) -> Iterator[Packet[VideoStream]]:
        stream = _video(container, path, self._container)
        if _settings(stream) != self._settings:
            raise MediaUnsupported(path, "the segment was encoded with other settings than the first one")
        base = cast(Fraction, stream.time_base)
        start = self._count
        shown: set[int] = set()
        for packet in container.demux(stream):
            if packet.pts is None or not packet.size:
                continue
            number = round(packet.pts * base * self._fps)
            if abs(number / self._fps - packet.pts * base) > base / 2 or number < 0 or number in shown:
                raise MediaUnsupported(path, f"the segment's frames do not follow each other at {self._fps} a second")
            if self._count == start:
                self._check_first(packet, base, path)
            shown.add(number)
            decoded = self._count - self._delay
            displayed = start + number
            if displayed < decoded:
                raise MediaUnsupported(path, "the segment reorders its frames further than the first one")
            if self._light is not None and packet.is_keyframe:
                packet = _telling(packet, self._codec, self._light, path)
            packet.time_base = self.tick
            packet.pts, packet.dts = displayed * self._per_frame, decoded * self._per_frame
            packet.duration = self._per_frame
            self._count += 1
            self._passed.add(packet)
            yield packet
        if len(shown) != self._count - start or (shown and max(shown) != len(shown) - 1) or not shown:
            raise MediaUnsupported(path, "frames are missing from the segment")

    def _check_first(self, packet: Packet[VideoStream], base: Fraction, path: Path) -> None:
        if not packet.is_keyframe:
            raise MediaUnsupported(path, "the segment does not begin with a keyframe")
        if self._count == 0 and packet.dts is not None:
            ahead = math.ceil((cast(int, packet.pts) - packet.dts) * base * self._fps)
            self._delay = max(self._delay, ahead)


def _light(paths: Sequence[Path]) -> LightLevel | None:
    """How bright all segments are together; None where none tells. MediaUnsupported where only some do."""
    told = [told_light(path) for path in paths]
    known = [light for light in told if light is not None]
    if not known:
        return None
    if len(known) < len(told):
        raise MediaUnsupported(paths[told.index(None)], "the segment does not tell how bright it is, and others do")
    return reduce(LightLevel.joined, known)


@contextmanager
def _retold(path: Path, light: LightLevel | None) -> Iterator[InputContainer | None]:
    """A segment that tells of the whole movie's light; None where no light is told of."""
    if light is None:
        yield None
        return
    with closing(Retold(path, light)) as content, open_segment(path, content=content) as container:
        yield container


def _telling(packet: Packet[VideoStream], codec: str, light: LightLevel, path: Path) -> Packet[VideoStream]:
    """A keyframe's packet that tells of the whole movie's light, where the codec has words for it."""
    data = told_packet(codec, bytes(packet), light, path)
    if data is None:
        return packet
    told = cast("Packet[VideoStream]", Packet(data))
    told.is_keyframe = True
    return told


def _settings(stream: VideoStream) -> tuple[object, ...]:
    """What must be equal for two streams to share one decoder configuration."""
    context = stream.codec_context
    return (
        context.codec.canonical_name,
        context.profile,
        context.width,
        context.height,
        # Between them they tell the format of the pixels.
        context.codec_tag,
        context.extradata,
        context.color_primaries,
        context.color_trc,
        context.colorspace,
        context.color_range,
        stream.sample_aspect_ratio,
    )


def _interleave(
    output: OutputContainer, pictures: _Frames, video: VideoStream, sound: SoundPackets, audio: AudioStream
) -> None:
    """Write both streams in order of time, so that the muxer never has to hold much back; end both together."""
    sounds = iter(sound)
    heard = next(sounds, None)
    for packet in pictures:
        time = cast(int, packet.dts) * packet.time_base
        packet.stream = video
        output.mux_one(packet)
        while heard is not None and (cast(int, heard.pts) + cast(int, heard.duration)) * heard.time_base <= time:
            heard.stream = audio
            output.mux_one(heard)
            heard = next(sounds, None)
    end = round(pictures.duration * sound.rate)
    while heard is not None and cast(int, heard.pts) < end:
        sound.cut(heard, end)
        heard.stream = audio
        output.mux_one(heard)
        heard = next(sounds, None)
    sound.check_end(heard, end)


def _video(container: InputContainer, path: Path, into: str) -> VideoStream:
    streams = picture_streams(container)
    if len(streams) != 1:
        raise MediaUnsupported(path, "a segment holds one stream of pictures")
    stream = streams[0].codec_context.codec.canonical_name
    if not any(codec.stream == stream and into in codec.containers for codec in VIDEO_CODECS.values()):
        raise MediaUnsupported(path, f"a segment of {stream} does not go into {into}")
    return streams[0]
