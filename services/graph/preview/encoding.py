"""Pixels on their way to the client."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from artifex.graph.v1 import preview_pb2
from artifex.nodes import Pixels

PIECE: Final = 960 * 1024
"""Bytes of a picture in one message, which holds at most one megabyte."""
QUALITY: Final = 80
_PNG_EFFORT: Final = 1
_LARGEST_HALF: Final = 65504.0

Format = preview_pb2.PreviewFormat


def encode(working: Pixels, display: NDArray[np.float32], kind: Format.ValueType, quality: int) -> bytes:
    """A picture in one of the formats: `working` is [height, width, 4], `display` [height, width, 3] from 0 to 1."""
    if kind == preview_pb2.PREVIEW_FORMAT_RGBA16F:
        # Beyond the range of halves lies infinity, which spoils every average that a client may take.
        finite = np.nan_to_num(working, posinf=_LARGEST_HALF, neginf=-_LARGEST_HALF)
        halves = np.clip(finite, -_LARGEST_HALF, _LARGEST_HALF).astype("<f2")
        return bytes(halves.tobytes())
    codes = eight_bit(display)
    if kind == preview_pb2.PREVIEW_FORMAT_RGBA8:
        return cv2.cvtColor(codes, cv2.COLOR_RGB2RGBA).tobytes()
    bgr = cv2.cvtColor(codes, cv2.COLOR_RGB2BGR)
    if kind == preview_pb2.PREVIEW_FORMAT_PNG:
        return _compressed(".png", bgr, cv2.IMWRITE_PNG_COMPRESSION, _PNG_EFFORT)
    if kind == preview_pb2.PREVIEW_FORMAT_WEBP:
        return _compressed(".webp", bgr, cv2.IMWRITE_WEBP_QUALITY, quality or QUALITY)
    return _compressed(".jpg", bgr, cv2.IMWRITE_JPEG_QUALITY, quality or QUALITY)


def png(drawing: NDArray[np.uint8]) -> bytes:
    """A drawing [height, width, 3], red first, as a PNG."""
    return _compressed(".png", cv2.cvtColor(drawing, cv2.COLOR_RGB2BGR), cv2.IMWRITE_PNG_COMPRESSION, _PNG_EFFORT)


def eight_bit(display: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Codes of values from 0 to 1, rounded half to even."""
    return np.asarray(cv2.convertScaleAbs(display, alpha=255.0), dtype=np.uint8)


def messages(picture: preview_pb2.PreviewPicture, data: bytes) -> list[preview_pb2.PreviewResponse]:
    """The picture with its first piece, and the pieces that follow."""
    picture.size = len(data)
    picture.data = data[:PIECE]
    result = [preview_pb2.PreviewResponse(picture=picture)]
    for offset in range(PIECE, len(data), PIECE):
        chunk = preview_pb2.PreviewChunk(offset=offset, data=data[offset : offset + PIECE])
        result.append(preview_pb2.PreviewResponse(chunk=chunk))
    return result


def _compressed(suffix: str, bgr: Any, setting: int, value: int) -> bytes:
    done, data = cv2.imencode(suffix, bgr, [setting, value])
    if not done:
        raise ValueError(f"a picture of {bgr.shape[1]}x{bgr.shape[0]} cannot be written as {suffix}")
    return data.tobytes()
