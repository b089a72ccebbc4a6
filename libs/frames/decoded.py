"""Facts that only decoding a whole file proves. Memory does not depend on its length."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame

from libs.frames.containers import DEFAULT_LIMITS, Limits, open_input, open_segment, picture_streams
from libs.frames.errors import MediaUnreadable


def frame_hashes(path: Path | str, limits: Limits = DEFAULT_LIMITS) -> list[str]:
    """SHA-256 of every decoded frame's visible samples in order of presentation: equal lists mean equal pictures."""
    with open_input(path, limits) as container:
        return [frame_hash(frame) for frame in _frames(container, Path(path))]


def frame_hash(frame: VideoFrame) -> str:
    """SHA-256 of a frame's visible samples, its format and size."""
    digest = hashlib.sha256(f"{frame.format.name} {frame.width}x{frame.height}".encode())
    for index, plane in enumerate(frame.planes):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        digest.update(rows[: plane.height, : _row_bytes(frame, index)].tobytes())
    return digest.hexdigest()


def decoded_frames(path: Path | str, limits: Limits = DEFAULT_LIMITS, *, threads: int = 1) -> int:
    """How many frames of a segment decode on `threads` threads; MediaUnreadable when one does not.

    What a decoder would make up for is an error here, and deblocking is left out: it can fail at nothing.
    """
    strict = {"err_detect": "explode", "skip_loop_filter": "all"}
    with open_segment(path, limits) as container:
        return sum(1 for _ in _frames(container, Path(path), threads, strict))


def _frames(
    container: InputContainer, path: Path, threads: int = 1, options: dict[str, str] | None = None
) -> Iterator[VideoFrame]:
    streams = picture_streams(container)
    if not streams:
        return
    streams[0].codec_context.thread_count = threads
    streams[0].thread_type = "AUTO"
    streams[0].codec_context.options = options or {}
    try:
        yield from container.decode(streams[0])
    except av.FFmpegError as error:
        raise MediaUnreadable(path, f"its video does not decode ({error.strerror})") from error


def _row_bytes(frame: VideoFrame, index: int) -> int:
    """The visible bytes of a plane's line; what follows them is the decoder's padding."""
    plane = frame.planes[index]
    if len(frame.planes) == 1:
        return frame.width * frame.format.padded_bits_per_pixel // 8
    sample = (frame.format.components[0].bits + 7) // 8
    interleaved = len(frame.planes) == 2 and index == 1  # nv12 and its kin: Cb and Cr by turns
    return min(plane.width * sample * (2 if interleaved else 1), plane.line_size)
