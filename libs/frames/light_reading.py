"""What a decoded frame tells of its stream's light, whether the container or the bitstream said it."""

from __future__ import annotations

import struct

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from libs.frames.deliveries import Display, LightLevel
from libs.frames.side_data import side_data

# AVMasteringDisplayMetadata: x and y of red, green, blue and white, the darkest and the brightest luminance, each a
# fraction of two integers; then whether the first eight and the last two are known.
_DISPLAY = struct.Struct("=20i2i")
# AVContentLightMetadata.
_LEVELS = struct.Struct("=2I")


def display_of(frame: VideoFrame) -> Display | None:
    """The display on which the pictures were judged; None where nothing is told."""
    data = _side_data(frame, Type.MASTERING_DISPLAY_METADATA, _DISPLAY.size)
    if data is None:
        return None
    *terms, has_primaries, has_luminance = _DISPLAY.unpack_from(data)
    numbers = [above / below if below else 0.0 for above, below in zip(terms[::2], terms[1::2], strict=True)]
    points = tuple(zip(numbers[0:8:2], numbers[1:8:2], strict=True)) if has_primaries else ()
    black, peak = numbers[8:] if has_luminance else (0.0, 0.0)
    return Display(points, peak, black)


def levels_of(frame: VideoFrame) -> LightLevel | None:
    """MaxCLL and MaxFALL; None where nothing is told."""
    data = _side_data(frame, Type.CONTENT_LIGHT_LEVEL, _LEVELS.size)
    return None if data is None else LightLevel(*_LEVELS.unpack_from(data))


def _side_data(frame: VideoFrame, kind: Type, size: int) -> bytes | None:
    found = next((bytes(data) for data in side_data(frame) or () if data.type is kind), b"")
    return found if len(found) >= size else None
