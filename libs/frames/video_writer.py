"""Writing one video stream as a segment that can be joined to its neighbours without encoding again.

Which codecs there are, and what makes their segments fit each other, is in `libs.frames.codecs`; how colours are
encoded, and where chroma lies, in `libs.frames.deliveries`. Y'CbCr is in limited range, R'G'B' in full range.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self, cast

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from libs.frames.codecs import VIDEO_CODECS, VideoSettings
from libs.frames.codecs.movies import MOVIES
from libs.frames.colour_tags import ColourTags
from libs.frames.deliveries import DELIVERIES, Delivery, LightLevel
from libs.frames.light_metadata import tell_light
from libs.kernels import Power, linear_to_yuv

MASTER = VideoSettings("ffv1", "rgb8")
"""Keeps every bit of 8-bit RGB pictures, for what other tasks read again."""
MASTER_WITH_ALPHA = VideoSettings("ffv1", "rgba8")

_DEFAULT = VideoSettings()
_UNCHANGED = np.eye(3)
_PACKED = ("bgr0", "bgra")


class OutputFrame:
    """A frame to be filled, then given to `VideoWriter.append`. It may be filled on any thread, by parts."""

    def __init__(self, width: int, height: int, pixel_format: str) -> None:
        self.frame = VideoFrame(width, height, pixel_format)
        self.pixel_format = pixel_format
        self.planes: list[npt.NDArray[Any]] = []
        """The encoder's own memory: uint8 or uint16 codes [height, width] of each plane, in libavutil's order."""
        self.light = LightLevel()
        """How bright the picture is, where a delivery tells."""
        self.open()

    def open(self) -> None:
        """Make it ready to be filled again. Where an encoder still reads the old samples it gets others."""
        self.planes = []
        self.light = LightLevel()
        self.frame.make_writable()
        self.planes = [_samples(plane, self.pixel_format) for plane in self.frame.planes]

    @property
    def full_range(self) -> bool:
        """Whether codes are those of R'G'B', from 0 to the depth's highest; Y'CbCr is in limited range."""
        return _is_rgb(self.pixel_format)


class VideoWriter:
    """Frames in order, one `write` or `append` each; frame n is shown from n / fps on. Close it, or use a `with`.

    The file is complete only after `close`; leaving the `with` by an exception closes it unfinished, to be thrown away.
    Memory is the encoder's look-ahead, whatever the length. One thread at a time, except for `blank`.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        fps: Fraction,
        settings: VideoSettings = _DEFAULT,
        *,
        keyframe_seconds: float = 2.0,
        threads: int = 1,
    ) -> None:
        """Sides in pixels. Raises ValueError for what cannot be written; `VideoCodec.misfits` tells it before."""
        if width < 1 or height < 1 or fps <= 0:
            raise ValueError(f"{width}x{height} at {fps} frames a second is no video")
        codec = VIDEO_CODECS[settings.codec]
        for _, problem in codec.misfits(settings, width, height):
            raise ValueError(problem)
        self._size = (height, width)
        # Frames that were written, to be filled again: new ones would be new memory for each picture.
        self._written: SimpleQueue[OutputFrame] = SimpleQueue()
        self._pixel_format = codec.profile(settings).pixel_format
        self._path = Path(path)
        self._delivery = DELIVERIES[settings.color]
        self._settings = settings
        self._mend = codec.mend
        self._light = LightLevel()
        self._tags = self._delivery.tags(rgb=_is_rgb(self._pixel_format))
        self._count = 0
        self._muxed = 0
        self._reorder = codec.reorder
        self._fps = Fraction(fps)
        movie = MOVIES[codec.containers[0]]
        self._container: OutputContainer | None = av.open(
            f"file:{path}", mode="w", format=movie.format, container_options=muxer_options(movie.format, self._fps)
        )
        stream = cast(VideoStream, self._container.add_stream(codec.encoder, rate=self._fps))
        stream.width, stream.height, stream.pix_fmt = width, height, self._pixel_format
        context = stream.codec_context
        context.time_base = 1 / self._fps
        context.sample_aspect_ratio = Fraction(1)
        context.thread_count = threads
        context.flags |= Flags.closed_gop
        context.gop_size = 1 if codec.intra else max(round(self._fps * Fraction(keyframe_seconds)), 1)
        if codec.tag:
            context.codec_tag = codec.tag
        _tag(context, self._tags)
        stream.options = dict(codec.options(settings, codec.chosen(settings), threads))
        # SVT-AV1 tells its settings to the console whenever it is opened; this is its only switch.
        os.environ.setdefault("SVT_LOG", "1")
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        elif self._container is not None:
            container, self._container = self._container, None
            container.close()

    @property
    def frame_count(self) -> int:
        """How many frames were written."""
        return self._count

    def blank(self) -> OutputFrame:
        """A frame to fill and `append`, with anything in it. Safe on any thread."""
        try:
            again = self._written.get_nowait()
        except Empty:
            height, width = self._size
            return OutputFrame(width, height, self._pixel_format)
        again.open()
        return again

    def append(self, filled: OutputFrame) -> None:
        """Write a frame of `blank`, which is the writer's again from then on. ValueError for one of another kind."""
        if self._container is None:
            raise ValueError("the writer is closed")
        frame = filled.frame
        if (frame.height, frame.width) != self._size or filled.pixel_format != self._pixel_format:
            raise ValueError(f"expected a frame of {self._size} in {self._pixel_format}")
        _tag(frame, self._tags)
        frame.pts = self._count
        frame.time_base = 1 / self._fps
        self._mux(self._container, self._stream.encode(frame))
        self._count += 1
        self._light = self._light.joined(filled.light)
        self._written.put(filled)

    def write(self, picture: npt.NDArray[np.float32] | npt.NDArray[np.uint8]) -> None:
        """Append a picture [height, width, 3 or 4]: float32 display-encoded in 0..1, or uint8; alpha is straight.

        Alpha is left out where the profile holds none. Raises ValueError for a picture of another size.
        """
        if picture.ndim != 3 or picture.shape[:2] != self._size or picture.shape[2] not in (3, 4):
            raise ValueError(f"expected a picture of {self._size} by 3 or 4, not {picture.shape}")
        filled = self.blank()
        if self._pixel_format in _PACKED:
            _pack(filled, picture)
        else:
            _split(filled, picture, self._delivery)
        self.append(filled)

    def close(self) -> None:
        """Finish the file. Repeatable."""
        container, self._container = self._container, None
        if container is None:
            return
        try:
            if self._count:
                self._mux(container, self._stream.encode(None))
        finally:
            container.close()
        if self._delivery.metadata and self._count:
            tell_light(self._path, self._settings.mastering, self._light)

    def _mux(self, container: OutputContainer, packets: list[Packet[VideoStream]]) -> None:
        for packet in packets:
            if self._mend is not None:
                packet = _with(packet, self._mend(bytes(packet), self._settings))
            # By the packet's number: x265 leaves this time to chance in segments that are shorter than its look-ahead.
            packet.dts = self._muxed - self._reorder
            packet.time_base = 1 / self._fps
            self._muxed += 1
            container.mux_one(packet)


def muxer_options(format: str, fps: Fraction) -> dict[str, str]:
    """What a muxer is told so that its clock fits the frames and equal input makes equal bytes."""
    # Written dates and library versions would make equal renders differ.
    options = {"fflags": "+bitexact"}
    if format in ("mp4", "mov"):
        options |= {"movflags": "+write_colr", "video_track_timescale": str(timescale(fps))}
    return options


def timescale(fps: Fraction) -> int:
    """Ticks a second of an MP4 track in which every frame lasts a whole number of ticks; at least 10,000 if it fits."""
    return fps.numerator * max(-(-10_000 // fps.numerator), 1)


def _tag(target: Any, tags: ColourTags) -> None:
    """The numbers of H.273, on a frame or an encoder."""
    target.color_primaries, target.color_trc, target.colorspace, target.color_range = tags.codes


def _with(packet: Packet[VideoStream], data: bytes) -> Packet[VideoStream]:
    """The packet with other bytes."""
    mended = cast("Packet[VideoStream]", Packet(data))
    mended.pts, mended.duration, mended.is_keyframe = packet.pts, packet.duration, packet.is_keyframe
    mended.stream = packet.stream
    return mended


def _is_rgb(pixel_format: str) -> bool:
    return pixel_format.startswith(("gbr", "bgr"))


def _samples(plane: Any, pixel_format: str) -> npt.NDArray[Any]:
    """A view of a plane's visible samples; its lines may be longer."""
    if pixel_format in _PACKED:
        packed = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return packed[: plane.height, : plane.width * 4].reshape(plane.height, plane.width, 4)
    kind: Any = np.uint16 if pixel_format.endswith("le") else np.uint8
    codes: npt.NDArray[Any] = np.frombuffer(memoryview(plane), kind)
    rows = codes.reshape(-1, plane.line_size // codes.itemsize)
    return rows[: plane.height, : plane.width]


def _split(filled: OutputFrame, picture: npt.NDArray[Any], delivery: Delivery) -> None:
    """A picture as Y'CbCr or G'B'R' planes."""
    pixels = np.ones((*picture.shape[:2], 4), np.float32)
    pixels[..., :3] = picture[..., :3]
    if picture.dtype == np.uint8:
        pixels[..., :3] *= np.float32(1 / 255)
    linear_to_yuv(
        pixels,
        from_working=_UNCHANGED,
        transfer=Power(1.0),
        matrix=delivery.matrix,
        full_range=filled.full_range,
        format=filled.pixel_format,
        planes=filled.planes,
        siting=delivery.siting,
    )


def _pack(filled: OutputFrame, picture: npt.NDArray[Any]) -> None:
    """A picture as packed BGR, with alpha where it has one."""
    if picture.dtype != np.uint8:
        picture = np.rint(np.clip(picture, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    packed = filled.planes[0]
    packed[..., :3] = picture[..., 2::-1]
    packed[..., 3] = picture[..., 3] if filled.pixel_format == "bgra" and picture.shape[2] == 4 else 255
