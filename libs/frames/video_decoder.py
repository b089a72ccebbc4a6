"""Decoding one video stream frame by frame, and finding the frame that is shown at a time.

Times are seconds from the first shown frame, whatever the container's own clock starts at. The frame at a time is the
one with the largest presentation time not after it, so variable frame rates need nothing special. Memory is one decoder
and two frames, whatever the length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from libs.frames.colour_tags import ColourTags, has_matrix
from libs.frames.containers import DEFAULT_LIMITS, Limits, open_input, picture_streams
from libs.frames.deliveries import Display, LightLevel
from libs.frames.errors import MediaUnreadable, MediaUnsupported
from libs.frames.interpretation import AS_TAGGED, Interpretation
from libs.frames.light_reading import display_of, levels_of
from libs.frames.orientation import Orientation, orientation_of
from libs.frames.pixels import has_alpha
from libs.frames.siting import siting_of
from libs.frames.timing import snap_rate
from libs.kernels import Siting

# Jumps shorter than this are decoded through: a seek flushes the decoder and may land on the same keyframe anyway.
_SEEK_AHEAD = Fraction(1)
# Containers whose times are guessed by libav from where it begins to read: a seek would land on the right picture and
# call it by another time. MPEG's program streams pack small pictures together, and raw streams have no times at all.
_TIMES_BY_COUNTING = frozenset({"mpeg", "h264", "hevc", "obu", "dv"})
# How far before the wanted time to try, in seconds, when a seek lands too late; after these, from the beginning.
_SEEK_BACK = (Fraction(0), Fraction(1), Fraction(5), Fraction(20))


@dataclass(frozen=True)
class VideoInfo:
    """One video stream. Sizes are upright; `frame_count` and `duration` are what the header declares, or None."""

    index: int
    codec: str
    pixel_format: str
    bit_depth: int
    width: int
    height: int
    fps: Fraction
    frame_count: int | None
    duration: Fraction | None
    time_base: Fraction
    start_time: Fraction
    """Presentation time of the first frame on the container's clock, in seconds."""
    orientation: Orientation
    sample_aspect_ratio: Fraction
    tags: ColourTags
    siting: Siting | None
    """Where chroma lies; None for a siting that only libswscale knows."""
    has_alpha: bool
    interlaced: bool
    display: Display | None = None
    """On which it was judged."""
    levels: LightLevel | None = None
    """How bright it is."""

    @property
    def rotation(self) -> int:
        """Clockwise degrees that brought the picture upright."""
        return self.orientation.clockwise


@dataclass(frozen=True, slots=True)
class Shown:
    """A decoded frame and the ticks of the stream's clock during which it is shown: from `start` to before `end`."""

    frame: VideoFrame
    start: int
    end: int | None
    """None for the last frame, which is held."""

    def covers(self, ticks: int) -> bool:
        return self.start <= ticks and (self.end is None or ticks < self.end)


class VideoDecoder:
    """The frames of one stream in order of presentation. Not safe for two threads at once; close it.

    Raises FileNotFoundError, MediaUnreadable (no such stream, nothing decodes) and MediaUnsupported (no decoder, too
    large, a colour matrix that cannot be undone).
    """

    def __init__(
        self,
        path: Path | str,
        *,
        stream: int | None = None,
        threads: int = 1,
        limits: Limits = DEFAULT_LIMITS,
        interpretation: Interpretation = AS_TAGGED,
    ) -> None:
        """`stream` is a position in the container, by default the first moving picture; `threads` 0 takes all cores.
        Of `interpretation` only the colour tags matter here."""
        self._path = Path(path)
        self._interpretation = interpretation
        self._wanted_stream = stream
        self._threads = threads
        self._limits = limits
        self._container: InputContainer | None = None
        self._packets: Iterator[Packet[VideoStream]] = iter(())
        self._pending: Iterator[VideoFrame] = iter(())
        self._last_pts: int | None = None
        self._lost = False
        self._failure: MediaUnreadable | None = None
        try:
            self._open()
            first = self._pull()
            if first is None:
                raise MediaUnreadable(self._path, "its video stream holds no frame that decodes")
            self._current: VideoFrame = first
            self._ahead: VideoFrame | None = None
            self._ended = False
            self._origin = cast(int, first.pts)
            self.info = self._describe(first)
        except BaseException:
            self.close()
            raise
        tick_is_fine = self._time_base * 3 <= 1 / self.info.fps
        # Containers round presentation times to their clock (Matroska to milliseconds), so an exact time is rounded up
        # to the clock before it is compared: frame 1 of a 24 fps clip is stamped 42 ms and asked for at 41.67. Where a
        # tick is about as long as a frame, times are exact already.
        self._to_ticks = math.ceil if tick_is_fine else math.floor

    def close(self) -> None:
        """Release the decoder and the file. Repeatable."""
        if self._container is not None:
            self._container.close()
            self._container = None

    @property
    def lost(self) -> bool:
        """Whether it failed, so that it must `approach` a frame before it can go on to the `next`."""
        return self._lost

    def ticks(self, time: Fraction) -> int:
        """A time as the stream's clock counts it; times before the first frame are the first frame's."""
        return self._origin + self._to_ticks(max(time, Fraction(0)) / self._time_base)

    def half_ticks(self, time: Fraction) -> int:
        """The same in halves of a tick."""
        return 2 * self._origin + self._to_ticks(2 * max(time, Fraction(0)) / self._time_base)

    def time(self, shown: Shown) -> Fraction:
        """When a frame is first shown, in seconds."""
        return (shown.start - self._origin) * self._time_base

    def current(self) -> Shown:
        """The frame at which the decoder stands."""
        start = cast(int, self._current.pts)
        try:
            ahead = self._peek()
        except MediaUnreadable:
            # What follows is told to whoever goes on to it; this frame is as good as any.
            length = self._current.duration or round(1 / (self.info.fps * self._time_base))
            return Shown(self._current, start, start + max(length, 1))
        return Shown(self._current, start, None if ahead is None else cast(int, ahead.pts))

    def next(self) -> Shown | None:
        """One frame on; None at the end, where the decoder stays on the last frame. MediaUnreadable, again and again,
        where what follows does not decode."""
        if self._peek() is None:
            return None
        self._step()
        return self.current()

    def approach(self, ticks: int) -> Shown:
        """Move to a frame at or before `ticks`: back, or ahead past another keyframe, by a seek, else not at all.

        A decoder that failed lies behind the frame that it failed at, and goes back too: whoever asks for that frame
        or a later one that leans on it meets the error again, and never another picture in its place.
        """
        current = cast(int, self._current.pts)
        if self._lost or ticks < current or (not self._ended and self._seek_saves(current, ticks)):
            self._seek(ticks)
        return self.current()

    def towards(self, ticks: int) -> Iterator[Shown]:
        """The frames from where `approach` leads to the one shown at `ticks`, which is the last."""
        shown = self.approach(ticks)
        yield shown
        while not shown.covers(ticks):
            try:
                following = self.next()
            except MediaUnreadable:
                # Behind a keyframe on the way, the wanted frame may not lean on the one that does not decode.
                following = self.approach(ticks)
                if following.start <= shown.start:
                    raise
            if following is None:
                return
            shown = following
            yield shown

    def rewind(self) -> Shown:
        """Begin again at the first frame."""
        self._rewind()
        return self.current()

    # -- moving about ------------------------------------------------------------------------------------------------

    def _seek_saves(self, current: int, target: int) -> bool:
        """Whether a seek from `current` ahead to `target` skips frames that would be decoded otherwise."""
        if (target - current) * self._time_base <= _SEEK_AHEAD or not self._times_last:
            return False
        index = self._stream.index_entries
        # Containers that list their keyframes tell; of others only the first is known, and a seek is the better guess.
        found = index.search_timestamp(target, backward=True) if len(index) > 1 else -1
        return found < 0 or index[found].timestamp > current

    def _seek(self, target: int) -> None:
        """Move to a frame at or before `target`, at best the nearest keyframe."""
        for back in _SEEK_BACK if self._times_last else ():
            to = target - int(back / self._time_base)
            if to <= self._origin:
                break
            if self._seek_once(to) and cast(int, self._current.pts) <= target:
                return
        self._rewind()

    def _seek_once(self, to: int) -> bool:
        """Seek to the keyframe at or before `to` and decode it; False where the container cannot."""
        assert self._container is not None
        try:
            self._container.seek(to, stream=self._stream, backward=True)
        except av.FFmpegError:
            return False
        if self._context is not self._stream.codec_context:
            self._context.flush_buffers()
        self._packets = self._container.demux(self._stream)
        self._pending = iter(())
        self._last_pts = None
        self._lost = False
        # Frames shown before the keyframe lean on a group of pictures that was not decoded: they cannot be trusted.
        while (frame := self._pull()) is not None:
            if frame.key_frame:
                self._current, self._ahead, self._ended = frame, None, False
                return True
        return False

    def _rewind(self) -> None:
        self.close()
        self._open()
        first = self._pull()
        if first is None:
            raise MediaUnreadable(self._path, "its first frame no longer decodes")
        self._current, self._ahead, self._ended = first, None, False

    def _peek(self) -> VideoFrame | None:
        if self._lost:
            raise self._failure or MediaUnreadable(self._path, "its video does not decode")
        if self._ahead is None and not self._ended:
            self._ahead = self._pull()
            self._ended = self._ahead is None
        return self._ahead

    def _step(self) -> None:
        assert self._ahead is not None
        self._current, self._ahead = self._ahead, None

    # -- decoding ----------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        container = open_input(self._path, self._limits)
        self._container = container
        self._times_last = container.format.name not in _TIMES_BY_COUNTING
        self._stream = _choose(container, self._path, self._wanted_stream)
        self._time_base = self._stream.time_base or Fraction(1, 1000)
        self._context = _decoder(self._stream, self._path, self._threads, self._limits)
        self._packets = container.demux(self._stream)
        self._pending = iter(())
        self._last_pts = None
        self._lost = False

    def _pull(self) -> VideoFrame | None:
        """The next frame in order of presentation, None at the end."""
        while True:
            for frame in self._pending:
                self._date(frame)
                return frame
            # Until the packet's frames are out, nobody knows where the decoder stands.
            self._lost, self._failure = True, None
            packet = next(self._packets, None)
            if packet is None:
                self._lost = False
                return None
            try:
                self._pending = iter(self._context.decode(packet if packet.size else None))
            except av.EOFError:
                self._lost = False
                return None
            except av.FFmpegError as error:
                self._failure = MediaUnreadable(self._path, f"its video does not decode ({error.strerror})")
                raise self._failure from error
            self._lost = False

    def _date(self, frame: VideoFrame) -> None:
        """Streams without presentation times (raw H.264, old AVI) count on from their last frame."""
        if frame.pts is None:
            rate = self._stream.guessed_rate or self._stream.average_rate or Fraction(25)
            step = max(round(1 / (rate * self._time_base)), 1)
            frame.pts = frame.dts if frame.dts is not None else (0 if self._last_pts is None else self._last_pts + step)
        self._last_pts = frame.pts

    def _describe(self, frame: VideoFrame) -> VideoInfo:
        stream, context = self._stream, self._context
        orientation = orientation_of(frame)
        width, height = frame.width, frame.height
        aspect = stream.sample_aspect_ratio or Fraction(1)
        if orientation.swaps_sides:
            width, height, aspect = height, width, 1 / aspect
        found = ColourTags.from_codes(frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range)
        tags = self._interpretation.tags(found)
        if not frame.format.is_rgb and not has_matrix(tags):
            raise MediaUnsupported(self._path, f"its colour matrix {tags.matrix} cannot be converted")
        duration = stream.duration * self._time_base if stream.duration else None
        return VideoInfo(
            index=stream.index,
            codec=context.name,
            pixel_format=frame.format.name,
            bit_depth=frame.format.components[0].bits,
            width=width,
            height=height,
            fps=snap_rate(stream.guessed_rate or stream.average_rate or Fraction(25)),
            frame_count=stream.frames or None,
            duration=duration,
            time_base=self._time_base,
            start_time=self._origin * self._time_base,
            orientation=orientation,
            sample_aspect_ratio=aspect,
            tags=tags,
            siting=siting_of(frame, context.name),
            has_alpha=has_alpha(frame),
            interlaced=frame.interlaced_frame,
            display=display_of(frame),
            levels=levels_of(frame),
        )


def _choose(container: InputContainer, path: Path, wanted: int | None) -> VideoStream:
    streams = picture_streams(container)
    if wanted is None:
        if not streams:
            raise MediaUnreadable(path, "it holds no video")
        return streams[0]
    for stream in streams:
        if stream.index == wanted:
            return stream
    raise MediaUnreadable(path, f"its stream {wanted} is no video")


def _decoder(stream: VideoStream, path: Path, threads: int, limits: Limits) -> VideoCodecContext:
    """The stream's decoder, with its sizes bounded before the first packet is looked at."""
    context: VideoCodecContext | None = stream.codec_context
    if context is None:
        raise MediaUnsupported(path, "no decoder is built in for its video codec")
    alpha_mode = {key.lower(): value for key, value in stream.metadata.items()}.get("alpha_mode")
    if alpha_mode == "1" and context.name in ("vp8", "vp9"):
        # The transparency of WebM travels beside each packet; FFmpeg's own decoders leave it out, libvpx reads it.
        context = CodecContext.create("libvpx-vp9" if context.name == "vp9" else "libvpx", "r")
        context.extradata = stream.codec_context.extradata
    context.options = {**context.options, "max_pixels": str(limits.max_pixels)}
    context.thread_count = threads
    context.thread_type = "AUTO"
    return context
