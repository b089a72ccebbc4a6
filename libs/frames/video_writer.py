"""Writing one video stream as a segment that can be joined to its neighbours without encoding again.

Two codecs: "h264" (8-bit 4:2:0, BT.709 limited range, closed groups of pictures, in MP4) is what movies are made of;
"ffv1" (8-bit RGB, or RGBA) keeps every bit, in Matroska, for what other tasks read again. The same settings give the
same parameter sets, so all segments of one movie share one decoder configuration; the same pictures, settings and
threads give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast

import av
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from libs.frames.pixels import yuv420_planes

Codec = Literal["h264", "ffv1"]


@dataclass(frozen=True)
class H264Quality:
    """How much is spent on a picture: x264's constant rate factor (lower is better) and speed preset."""

    crf: float = 18.0
    preset: str = "veryfast"


DEFAULT_QUALITY = H264Quality()


class VideoWriter:
    """Frames in order, one `write` each; frame n is shown from n / fps on. Close it, or use it in a `with`.

    The file is complete only after `close`; leaving the `with` by an exception closes it unfinished, to be thrown away.
    Memory is the encoder's look-ahead, whatever the length.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        fps: Fraction,
        *,
        codec: Codec = "h264",
        quality: H264Quality = DEFAULT_QUALITY,
        alpha: bool = False,
        keyframe_seconds: float = 2.0,
        threads: int = 1,
    ) -> None:
        """Sides in pixels, even for h264. `alpha` is for ffv1 alone. Raises ValueError for what cannot be written."""
        if width < 1 or height < 1 or fps <= 0:
            raise ValueError(f"{width}x{height} at {fps} frames a second is no video")
        if codec == "h264" and (width % 2 or height % 2):
            raise ValueError(f"H.264 4:2:0 needs even sides, not {width}x{height}")
        if codec == "h264" and alpha:
            raise ValueError("H.264 holds no transparency; use ffv1")
        self._size = (height, width)
        self._codec = codec
        self._alpha = alpha
        self._count = 0
        self._fps = Fraction(fps)
        options = {"movflags": "+write_colr", "video_track_timescale": str(timescale(self._fps))}
        self._container: OutputContainer | None = av.open(
            f"file:{path}",
            mode="w",
            format="mp4" if codec == "h264" else "matroska",
            # Written dates and library versions would make equal renders differ.
            container_options={"fflags": "+bitexact", **(options if codec == "h264" else {})},
        )
        if codec == "h264":
            self._stream = self._add_h264(width, height, quality, keyframe_seconds, threads)
        else:
            self._stream = self._add_ffv1(width, height, threads)

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

    def write(self, picture: npt.NDArray[np.float32] | npt.NDArray[np.uint8]) -> None:
        """Append a picture [height, width, 3 or 4]: float32 display-encoded in 0..1, or uint8; alpha is straight.

        h264 leaves a fourth channel out. Raises ValueError for a picture of another size.
        """
        if self._container is None:
            raise ValueError("the writer is closed")
        if picture.ndim != 3 or picture.shape[:2] != self._size or picture.shape[2] not in (3, 4):
            raise ValueError(f"expected a picture of {self._size} by 3 or 4, not {picture.shape}")
        frame = self._h264_frame(picture) if self._codec == "h264" else self._ffv1_frame(picture)
        frame.pts = self._count
        frame.time_base = 1 / self._fps
        self._container.mux(self._stream.encode(frame))
        self._count += 1

    def close(self) -> None:
        """Finish the file. Repeatable."""
        container, self._container = self._container, None
        if container is None:
            return
        try:
            if self._count:
                container.mux(self._stream.encode(None))
        finally:
            container.close()

    # -- the two codecs ----------------------------------------------------------------------------------------------

    def _add_h264(
        self, width: int, height: int, quality: H264Quality, keyframe_seconds: float, threads: int
    ) -> VideoStream:
        assert self._container is not None
        stream = self._add_stream("libx264", width, height, "yuv420p", threads)
        context = stream.codec_context
        context.color_range = 1
        context.color_primaries = context.color_trc = context.colorspace = 1
        context.gop_size = max(round(self._fps * Fraction(keyframe_seconds)), 1)
        stream.options = {
            "preset": quality.preset,
            "crf": str(quality.crf),
            "profile": "high",
            # Closed groups: no picture leans on one before its keyframe, so a cut between segments harms nothing.
            "x264-params": "open-gop=0:force-cfr=1:stitchable=1",
        }
        return stream

    def _add_ffv1(self, width: int, height: int, threads: int) -> VideoStream:
        stream = self._add_stream("ffv1", width, height, "bgra" if self._alpha else "bgr0", threads)
        stream.codec_context.gop_size = 1
        stream.options = {"level": "3", "slices": "4", "slicecrc": "1"}
        return stream

    def _add_stream(self, codec: str, width: int, height: int, pixel_format: str, threads: int) -> VideoStream:
        assert self._container is not None
        stream = cast(VideoStream, self._container.add_stream(codec, rate=self._fps))
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        context = stream.codec_context
        context.time_base = 1 / self._fps
        context.sample_aspect_ratio = Fraction(1)
        context.thread_count = threads
        return stream

    def _h264_frame(self, picture: npt.NDArray[Any]) -> VideoFrame:
        rgb = picture if picture.dtype != np.uint8 else picture.astype(np.float32) / np.float32(255.0)
        height, width = self._size
        frame = VideoFrame(width, height, "yuv420p")
        for plane, samples in zip(frame.planes, yuv420_planes(rgb), strict=True):
            _fill(plane, samples)
        frame.color_range = 1
        frame.color_primaries = frame.color_trc = frame.colorspace = 1
        return frame

    def _ffv1_frame(self, picture: npt.NDArray[Any]) -> VideoFrame:
        if picture.dtype != np.uint8:
            picture = np.rint(np.clip(picture, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
        height, width = self._size
        packed = np.full((height, width, 4), 255, np.uint8)
        packed[..., :3] = picture[..., 2::-1]
        if self._alpha and picture.shape[2] == 4:
            packed[..., 3] = picture[..., 3]
        frame = VideoFrame(width, height, "bgra" if self._alpha else "bgr0")
        _fill(frame.planes[0], packed.reshape(height, width * 4))
        return frame


def timescale(fps: Fraction) -> int:
    """Ticks a second of an MP4 track in which every frame lasts a whole number of ticks; at least 10,000 if it fits."""
    return fps.numerator * max(-(-10_000 // fps.numerator), 1)


def _fill(plane: Any, samples: npt.NDArray[np.uint8]) -> None:
    """Copy rows of samples into a plane, whose lines may be longer."""
    target = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    target[: samples.shape[0], : samples.shape[1]] = samples
