"""Decoded frames to float RGBA, exactly.

swscale turns YUV to RGB with an error of one 8-bit step, so it is used here only for what it does without loss:
spreading chroma over the picture (by the stream's chroma siting) and widening samples to 16 bits. The colour matrix is
then one affine map in float32.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from libs.frames.colour_tags import ColourTags, effective_matrix, yuv_to_rgb

Picture = npt.NDArray[np.float32]
"""[height, width, 4]: R'G'B' display-encoded in 0..1 and straight alpha."""

_SCALING = int(
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)
# Lines that are worked on at once; even, and few enough that they stay in the processor's cache.
_STRIP = 32
# Formats that say by their name that they use the full range.
_FULL_RANGE_FORMATS = frozenset({"yuvj420p", "yuvj422p", "yuvj444p", "yuvj440p", "yuvj411p"})
# Codecs whose untagged streams are full range: pictures, not broadcast video.
_FULL_RANGE_GRAY = frozenset({"gray", "gray10le", "gray12le", "gray14le", "gray16le", "ya8", "ya16le"})


def has_alpha(frame: VideoFrame) -> bool:
    """Whether the frame's format carries transparency that is meant."""
    return any(component.is_alpha for component in frame.format.components) or frame.format.name == "pal8"


def is_full_range(name: str, tags: ColourTags) -> bool:
    """Whether the codes of a YUV or grey format use their whole range, by the tag or by the format's name."""
    return tags.range == "pc" or name in _FULL_RANGE_FORMATS or (name in _FULL_RANGE_GRAY and tags.range != "tv")


class PixelConverter:
    """Turns the frames of one stream into pictures; keeps swscale's tables between frames."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def to_rgba(self, frame: VideoFrame, tags: ColourTags) -> Picture:
        """The frame as a new array [height, width, 4], not yet turned upright, every value within 0..1."""
        name = frame.format.name
        if name in _RGB_LAYOUTS:
            return _from_rgb(frame, name)
        if frame.format.is_rgb or name == "pal8":
            # Rare packed formats of at most 8 bits (pal8, rgb565, bayer…): swscale's RGBA is what they hold.
            return _from_rgb(self._reformatter.reformat(frame, format="rgba"), "rgba")
        return self._from_yuv(frame, tags)

    def _from_yuv(self, frame: VideoFrame, tags: ColourTags) -> Picture:
        name = frame.format.name
        gray = name.startswith(("gray", "ya"))
        full = is_full_range(name, tags)
        range_ = 2 if full else 1
        alpha = has_alpha(frame)
        if gray:
            return self._from_gray(frame, alpha=alpha, full=full)
        wide = self._reformatter.reformat(
            frame,
            format="yuva444p16le" if alpha else "yuv444p16le",
            # Any matrix does, as long as it is the same on both sides: Y, Cb and Cr must come through untouched.
            src_colorspace=1,
            dst_colorspace=1,
            src_color_range=range_,
            dst_color_range=range_,
            interpolation=_SCALING,
            threads=1,
        )
        matrix = yuv_to_rgb(effective_matrix(tags, frame.width, frame.height), "pc" if full else "tv", 256.0)
        planes = [_plane(wide, index, np.uint16) for index in range(4 if alpha else 3)]
        # The fourth row makes the alpha channel: the alpha code, or a constant one.
        transform = np.zeros((4, len(planes) + 1))
        transform[:3, :3] = matrix[:, :3]
        transform[:3, -1] = matrix[:, 3]
        if alpha:
            transform[3, 3] = 1.0 / 65535.0
        else:
            transform[3, -1] = 1.0
        picture = np.empty((frame.height, frame.width, 4), np.float32)
        for top in range(0, frame.height, _STRIP):
            strip = slice(top, top + _STRIP)
            codes = cv2.merge([plane[strip] for plane in planes]).astype(np.float32)
            pixels = picture[strip]
            cv2.transform(codes, transform, pixels)
            np.clip(pixels, 0.0, 1.0, out=pixels)
        return picture

    def _from_gray(self, frame: VideoFrame, *, alpha: bool, full: bool) -> Picture:
        depth = frame.format.components[0].bits
        top = float((1 << depth) - 1)
        dtype: Any = np.uint8 if depth <= 8 else np.uint16
        if alpha:
            both = _packed(frame, dtype, 2)
            luma, opacity = both[..., 0] / np.float32(top), both[..., 1] / np.float32(top)
        else:
            luma, opacity = _plane(frame, 0, dtype) / np.float32(top), None
        if not full:
            step = float(1 << (depth - 8))
            luma = (luma * top - 16.0 * step) / (219.0 * step)
        picture = np.ones((frame.height, frame.width, 4), np.float32)
        picture[..., :3] = np.clip(luma, 0.0, 1.0)[..., None]
        if opacity is not None:
            picture[..., 3] = opacity
        return picture


def plane_samples(frame: VideoFrame, index: int, dtype: Any, shape: tuple[int, int]) -> npt.NDArray[Any]:
    """A view of one plane's samples, [rows, samples in a row] as in `shape`. It keeps the frame's memory."""
    plane = frame.planes[index]
    row = plane.line_size // np.dtype(dtype).itemsize
    samples: npt.NDArray[Any] = np.frombuffer(memoryview(plane), dtype).reshape(-1, row)
    return samples[: shape[0], : shape[1]]


def packed_samples(frame: VideoFrame) -> npt.NDArray[Any] | None:
    """A view [height, width, samples of a pixel] of packed RGB in the machine's byte order; None for other formats."""
    layout = packed_layout(frame.format.name)
    if layout is None:
        return None
    return _packed(frame, np.uint8 if frame.format.components[0].bits <= 8 else np.uint16, layout[1])


def packed_layout(name: str) -> tuple[tuple[int, ...], int] | None:
    """Where R, G, B (and A) lie in a pixel of packed RGB, and its number of samples; None for other formats."""
    return None if name.endswith("be") else _RGB_LAYOUTS.get(name)


def _plane(frame: VideoFrame, index: int, dtype: Any) -> npt.NDArray[Any]:
    """A view of one plane's visible samples."""
    plane = frame.planes[index]
    return plane_samples(frame, index, dtype, (plane.height, plane.width))


def _packed(frame: VideoFrame, dtype: Any, channels: int) -> npt.NDArray[Any]:
    """A view of a packed plane's visible pixels, [height, width, channels]."""
    plane = frame.planes[0]
    row = plane.line_size // np.dtype(dtype).itemsize
    samples: npt.NDArray[Any] = np.frombuffer(memoryview(plane), dtype).reshape(-1, row)
    return samples[: frame.height, : frame.width * channels].reshape(frame.height, frame.width, channels)


# Packed: where R, G, B (and A) lie in a pixel, and how many samples a pixel has. Planar GBR is marked by None.
_RGB_LAYOUTS: dict[str, tuple[tuple[int, ...], int] | None] = {
    "rgb24": ((0, 1, 2), 3),
    "bgr24": ((2, 1, 0), 3),
    "rgba": ((0, 1, 2, 3), 4),
    "bgra": ((2, 1, 0, 3), 4),
    "argb": ((1, 2, 3, 0), 4),
    "abgr": ((3, 2, 1, 0), 4),
    "rgb0": ((0, 1, 2), 4),
    "bgr0": ((2, 1, 0), 4),
    "0rgb": ((1, 2, 3), 4),
    "0bgr": ((3, 2, 1), 4),
    "rgb48le": ((0, 1, 2), 3),
    "bgr48le": ((2, 1, 0), 3),
    "rgba64le": ((0, 1, 2, 3), 4),
    "bgra64le": ((2, 1, 0, 3), 4),
    "rgb48be": ((0, 1, 2), 3),
    "rgba64be": ((0, 1, 2, 3), 4),
    **dict.fromkeys(
        f"gbr{alpha}p{depth}" for alpha in ("", "a") for depth in ("", "9le", "10le", "12le", "14le", "16le", "f32le")
    ),
}


def _from_rgb(frame: VideoFrame, name: str) -> Picture:
    layout = _RGB_LAYOUTS[name]
    depth = frame.format.components[0].bits
    dtype: Any = np.dtype(np.uint8 if depth <= 8 else np.uint16)
    if name.endswith("f32le"):
        dtype = np.dtype(np.float32)
    if name.endswith("be"):
        dtype = dtype.newbyteorder(">")
    factor = np.float32(1.0 if dtype.kind == "f" else 1.0 / ((1 << depth) - 1))
    picture = np.ones((frame.height, frame.width, 4), np.float32)
    if layout is None:
        sources = [_plane(frame, index, dtype) for index in (2, 0, 1, 3)[: len(frame.planes)]]
    else:
        order, channels = layout
        packed = _packed(frame, dtype, channels)
        sources = [packed[..., index] for index in order]
    for channel, source in enumerate(sources):
        np.multiply(source, factor, out=picture[..., channel], casting="unsafe")
    np.clip(picture, 0.0, 1.0, out=picture)
    return picture
