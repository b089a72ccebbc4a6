"""Clips of every kind, made by libav's own encoders: what the readers are tried on, with nothing of ours in between."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

Bytes = npt.NDArray[np.uint8]

ACCURATE = int(
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)

LINEAR = int(
    Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)


def numbered(number: int, width: int = 96, height: int = 64) -> Bytes:
    """A picture that tells its number even after lossy coding: eight wide bars, black or white, are its bits."""
    picture = np.full((height, width, 3), 40, np.uint8)
    for bit in range(8):
        left, right = bit * width // 8, (bit + 1) * width // 8
        picture[:, left:right] = 220 if number >> bit & 1 else 30
    return picture


def number_of(picture: npt.NDArray[Any]) -> int:
    """The number in a decoded picture [height, width, 3 or 4], of floats in 0..1."""
    width = picture.shape[1]
    means = [float(picture[8:-8, bit * width // 8 + 3 : (bit + 1) * width // 8 - 3, :3].mean()) for bit in range(8)]
    return sum(1 << bit for bit, mean in enumerate(means) if mean > 0.5)


def make(
    path: Path,
    pictures: Sequence[Bytes],
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    fps: Fraction = Fraction(24),
    times: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    options: dict[str, str] | None = None,
    matrix: int = 1,
    range_: int = 1,
    primaries: int = 1,
    transfer: int = 1,
    rotation: int = 0,
    mirrored: bool = False,
    aspect: Fraction | None = None,
    keyframes: int = 12,
    b_frames: int | None = None,
) -> Path:
    """Encode RGB or RGBA pictures; `times` in ticks of `time_base`, by default 0, 1, 2… at `fps`."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=fps, options=options))
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        context = stream.codec_context
        context.time_base = time_base or 1 / fps
        context.gop_size = keyframes
        context.thread_count = 1
        if b_frames is not None:
            context.max_b_frames = b_frames
        context.colorspace = matrix
        context.color_range = range_
        context.color_primaries, context.color_trc = primaries, transfer
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        if rotation or mirrored:
            # PyAV takes counter-clockwise degrees, and mirrors after turning.
            stream.set_display_rotation(-rotation, hflip=mirrored)
        for index, picture in enumerate(pictures):
            frame = convert(picture, pixel_format, matrix, range_)
            frame.color_primaries, frame.color_trc = primaries, transfer
            frame.pts = index if times is None else times[index]
            frame.time_base = context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def convert(picture: Bytes, pixel_format: str, matrix: int, range_: int) -> VideoFrame:
    """A frame of another pixel format, by libswscale."""
    source = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgba" if picture.shape[2] == 4 else "rgb24")
    sws = {1: 1, 6: 5, 9: 9}[matrix]
    frame = source.reformat(
        format=pixel_format,
        dst_colorspace=sws,
        src_color_range=2,
        dst_color_range=range_,
        interpolation=ACCURATE,
    )
    frame.colorspace, frame.color_range = matrix, range_
    frame.color_primaries = frame.color_trc = 1
    return frame


def swscale_rgb(frame: VideoFrame, matrix: int = 1, range_: int = 1) -> npt.NDArray[np.float64]:
    """libswscale's own R'G'B' in 0..1 of a YUV frame, chroma spread linearly. It is right to about an 8-bit step."""
    wide = frame.reformat(
        format="gbrp16le",
        src_colorspace={1: 1, 5: 5, 6: 5, 9: 9}[matrix],
        src_color_range=range_,
        dst_color_range=2,
        interpolation=LINEAR,
    )
    return np.asarray(wide.to_ndarray() / 65535.0, np.float64)


def decode_all(path: Path) -> list[VideoFrame]:
    """Every frame in order of presentation, by libav alone."""
    with av.open(str(path), "r") as container:
        return list(container.decode(video=0))


def remux(source: Path, target: Path, offset: Fraction = Fraction(0)) -> Path:
    """The same packets in another container, all times moved by `offset` seconds."""
    with av.open(str(source), "r") as read, av.open(str(target), "w") as write:
        streams = {stream.index: write.add_stream_from_template(stream) for stream in read.streams}
        for packet in read.demux():
            if packet.dts is None:
                continue
            moved = int(offset / packet.time_base)
            packet.pts, packet.dts = cast(int, packet.pts) + moved, packet.dts + moved
            packet.stream = streams[packet.stream_index]
            write.mux(packet)
    return target
