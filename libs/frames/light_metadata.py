"""What an HDR10 movie says of its light: on what display it was judged, and how bright it is.

A clip's brightest pixel and frame are known when all of it is rendered. So each segment carries those of its own, in
the boxes that MP4 and MOV have for them, and a movie is given the largest when its segments are joined.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from libs.frames.deliveries import LightLevel, Mastering
from libs.frames.errors import MediaUnreadable, MediaUnsupported
from libs.frames.isobmff import Box, Movie, read_movie, rewrite_movie
from libs.frames.light_bitstream import av1_configuration, av1_packet, hevc_configuration, hevc_packet

_DISPLAY, _LEVELS = b"mdcv", b"clli"
_PACKETS = {"hevc": hevc_packet, "av1": av1_packet}


def mastering_text(mastering: Mastering, *, integers: bool) -> str:
    """A mastering display as encoders are told: x265 in `integers` of the SEI's units, SVT-AV1 in plain numbers."""
    red, green, blue, white = mastering.chromaticities
    named = (("G", green), ("B", blue), ("R", red), ("WP", white))
    if integers:
        places = [f"{name}({_chromaticity(x)},{_chromaticity(y)})" for name, (x, y) in named]
        return "".join([*places, f"L({_luminance(mastering.peak)},{_luminance(mastering.black)})"])
    places = [f"{name}({x:.4f},{y:.4f})" for name, (x, y) in named]
    return "".join([*places, f"L({mastering.peak:.4f},{mastering.black:.4f})"])


def tell_light(path: Path | str, mastering: Mastering, level: LightLevel) -> None:
    """Write what is known of a finished segment's light into its own header. It has to be MP4 or MOV."""
    movie = read_movie(path)
    if movie is None:
        raise MediaUnsupported(path, "its container has no place for what HDR10 tells; use MP4 or MOV")
    movie.entry.put(_display_box(mastering))
    movie.entry.put(_levels_box(level))
    rewrite_movie(movie)


def told_light(path: Path | str) -> LightLevel | None:
    """What `tell_light` wrote, in whole cd/m²; None for a segment of which nothing is told."""
    movie = read_movie(path)
    box = movie.entry.child(_LEVELS) if movie is not None else None
    if box is None or len(box.data) < 4:
        return None
    return LightLevel(*struct.unpack_from(">HH", box.data))


def told_packet(codec: str, packet: bytes, level: LightLevel, path: Path) -> bytes | None:
    """A keyframe's packet that tells of this light; None for a codec that has no words for it.

    MediaUnreadable for a packet of the segment at `path` that is damaged.
    """
    telling = _PACKETS.get(codec)
    if telling is None:
        return None
    with _readable(path):
        return telling(packet, level)


@contextmanager
def _readable(path: Path | str) -> Iterator[None]:
    """What is done within is done with lengths that a segment tells: where they are wrong, it is damaged."""
    try:
        yield
    except (struct.error, IndexError) as error:
        raise MediaUnreadable(path, "what it tells of its light is damaged") from error


class Retold(io.RawIOBase):
    """A segment that tells of another light, to be opened in its place: its own bytes, and another header."""

    def __init__(self, path: Path | str, level: LightLevel) -> None:
        """MediaUnsupported for a segment that does not tell on what display it was judged, MediaUnreadable where its
        header is damaged."""
        movie = read_movie(path)
        display = movie.entry.child(_DISPLAY) if movie is not None else None
        if movie is None or display is None or not movie.last:
            raise MediaUnsupported(path, "the segment does not tell on what display its light was judged")
        self._border = movie.offset
        with _readable(path):
            self._header = _header(movie, display.data, level)
        self._file = Path(path).open("rb")  # noqa: SIM115 - it is closed with this
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        into = memoryview(buffer)
        if self._position < self._border:
            self._file.seek(self._position)
            data = self._file.read(min(len(into), self._border - self._position))
        else:
            start = self._position - self._border
            data = self._header[start : start + len(into)]
        into[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._border + len(self._header)}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        self._file.close()
        super().close()


def _header(movie: Movie, display: bytes, level: LightLevel) -> bytes:
    """The movie's `moov` with this light in its boxes and in its codec's own words."""
    entry = movie.entry
    entry.put(_levels_box(level))
    for box in entry.children:
        if box.kind == b"hvcC":
            box.data = hevc_configuration(box.data, level)
        elif box.kind == b"av1C":
            box.data = av1_configuration(box.data, display, level)
    return movie.moov.write()


def _display_box(mastering: Mastering) -> Box:
    """Green, blue, red and white in steps of 0.00002, luminances of 0.0001 cd/m² (ISO/IEC 14496-12, 12.1.7)."""
    red, green, blue, white = mastering.chromaticities
    places = [_chromaticity(value) for point in (green, blue, red, white) for value in point]
    return Box(_DISPLAY, struct.pack(">8H2I", *places, _luminance(mastering.peak), _luminance(mastering.black)))


def _levels_box(level: LightLevel) -> Box:
    return Box(_LEVELS, struct.pack(">HH", *level.rounded()))


def _chromaticity(value: float) -> int:
    return round(value * 50_000)


def _luminance(value: float) -> int:
    return round(value * 10_000)
