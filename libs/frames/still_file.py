"""One still of a sequence, opened by OpenImageIO where it lies: its bytes are copied to memory, never to a disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import numpy as np
import numpy.typing as npt
import OpenImageIO as oiio

from artifex.nodes import EMPTY, Window
from artifex.stills import Member
from libs.frames.containers import DEFAULT_LIMITS, Limits
from libs.frames.errors import MediaTruncated, MediaUnreadable, MediaUnsupported
from libs.frames.orientation import UPRIGHT, Orientation, orientation_of_exif
from libs.frames.still_colour import encoding_of

_KINDS: Final = {
    b"\x76\x2f\x31\x01": "openexr",
    b"SDPX": "dpx",
    b"XPDS": "dpx",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpeg",
}
"""OpenImageIO's names of the kinds that are taken, by how their files begin."""
_HEAD: Final = 256 * 1024
MAX_CHANNELS: Final = 256
MAX_PARTS: Final = 64
_SPREAD: Final = 16
"""Channels that are decoded together for a few of them; those farther apart are decoded alone, since all of a
renderer's layers may lie between."""
_MOST_NAMES: Final = 16_000
_COLOURS: Final = ("RGB", "YCbCr", "CMYK")


@dataclass(frozen=True)
class Part:
    """One of the pictures in a still: most have one, OpenEXR's may have several."""

    number: int
    window: Window
    """Where its pixels lie, in the display window's."""
    channels: tuple[str, ...]
    """By their full names."""


@dataclass(frozen=True)
class StillHeader:
    """What a still says of itself. Sizes are upright."""

    kind: str
    width: int
    height: int
    """Of the display window."""
    parts: tuple[Part, ...]
    pixel_type: str
    bits: int
    orientation: Orientation
    """What brings its pixels upright."""
    tags: dict[str, Any]
    srgb: bool

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(name for part in self.parts for name in part.channels)

    @property
    def premultiplied(self) -> bool:
        """Whether colour is stored multiplied by alpha."""
        return not self.tags.get("oiio:UnassociatedAlpha")

    @property
    def encoding(self) -> str:
        """What numbers mean: one of the words of `libs.frames.still_colour`."""
        return "srgb" if self.srgb else encoding_of(self.kind, self.tags)


@dataclass(frozen=True)
class Pixels:
    """Channels of a still, in their file's own codes: 0 to 1 of whole numbers, as they are of floats."""

    samples: npt.NDArray[np.float32]
    """[height, width, channels]"""
    window: Window
    """Where they lie, from the display window's top left."""


def use_threads(count: int) -> None:
    """Let OpenImageIO have so many threads in this process; it would take all cores."""
    if oiio.get_int_attribute("threads") != count:
        oiio.attribute("threads", count)
        oiio.attribute("exr_threads", count)


class Still:
    """An open still. See `open_still`."""

    def __init__(self, source: oiio.ImageInput, header: StillHeader, path: Path, name: str) -> None:
        self._source = source
        self.header = header
        self._path = path
        self._name = name

    def read(self, channels: tuple[str, ...]) -> Pixels:
        """The channels of these names, in this order. Raises MediaUnreadable where they do not decode.

        Of channels in several parts the window covers all; where one has no pixels, it is 0.
        """
        parts = [part for part in self.header.parts if any(name in part.channels for name in channels)]
        window = parts[0].window
        for part in parts[1:]:
            window = window.union(part.window)
        if len(parts) == 1:
            samples = self._part(parts[0], channels)
        else:
            samples = np.zeros((window.height, window.width, len(channels)), np.float32)
            for part in parts:
                own = tuple(name for name in channels if name in part.channels)
                rows, columns = part.window.inside(window)
                samples[rows, columns, [channels.index(name) for name in own]] = self._part(part, own)
        bits = self.header.bits
        if self.header.kind == "dpx" and bits in (10, 12):
            # They came widened to 16 bits by repeating their upper ones; the codes themselves are exact.
            highest = np.float32((1 << bits) - 1)
            np.rint(samples * highest, out=samples)
            samples *= np.float32(1.0) / highest
        orientation, size = self.header.orientation, (self.header.width, self.header.height)
        if orientation == UPRIGHT:
            return Pixels(samples, window)
        place = (window.x, window.y, window.width, window.height)
        stored = size[::-1] if orientation.swaps_sides else size
        return Pixels(orientation.apply(samples), Window(*orientation.shown(*place, stored)))

    def _part(self, part: Part, channels: tuple[str, ...]) -> npt.NDArray[np.float32]:
        places = [part.channels.index(name) for name in channels]
        first, last = min(places), max(places) + 1
        if last - first > max(_SPREAD, 2 * len(places)):
            return np.concatenate([self._between(part, place, place + 1) for place in places], axis=2)
        block = self._between(part, first, last)
        if places == list(range(first, last)):
            return block
        return np.ascontiguousarray(block[..., [place - first for place in places]])

    def _between(self, part: Part, first: int, last: int) -> npt.NDArray[np.float32]:
        """The channels from `first` to before `last`."""
        pixels = self._source.read_image(part.number, 0, first, last, "float")
        reason = _said(self._source)
        if pixels is None or reason:
            raise MediaUnreadable(self._path, f"{self._name} does not decode{reason}")
        return np.asarray(pixels, np.float32).reshape(part.window.height, part.window.width, last - first)


@contextmanager
def open_still(
    file: BinaryIO, member: Member, path: Path, *, header_only: bool = False, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Still]:
    """The still that is `member` of the open `file`, which lies at `path`.

    With `header_only` no more of it is read than tells what it is. Raises MediaUnreadable, MediaTruncated, and
    MediaUnsupported for what is too large, deep, or of another kind than `stills.EXTENSIONS`.
    """
    memory = os.memfd_create("still")
    try:
        head = os.pread(file.fileno(), min(_HEAD, member.size), member.offset)
        kind = next((kind for start, kind in _KINDS.items() if head.startswith(start)), None)
        if kind is None:
            raise MediaUnreadable(path, f"{member.name} is no OpenEXR, DPX, TIFF, PNG or JPEG file")
        source = None
        if header_only and member.size > _HEAD:
            os.pwrite(memory, head, 0)
            if kind == "tiff":
                _copy_directory(file, member, head, memory)
            # What was not copied reads as zeros, and takes no memory.
            os.ftruncate(memory, member.size)
            source = _opened(memory)
        if source is None:
            # Headers may be longer than that, where they list all objects of a scene.
            os.lseek(memory, 0, os.SEEK_SET)
            _copy(file, member, memory)
            source = _opened(memory)
        if source is None:
            raise MediaUnreadable(path, f"{member.name} is no {kind} file that can be read{_said()}")
        try:
            if source.format_name() != kind:
                raise MediaUnreadable(path, f"{member.name} is not the {kind} file that it begins as")
            try:
                header = _header(source, kind, head, path, member.name, limits)
            except UnicodeError as error:
                raise MediaUnreadable(path, f"{member.name} names something in it by what is no text") from error
            yield Still(source, header, path, member.name)
        finally:
            source.close()
            _said(source)
    finally:
        os.close(memory)


def _opened(memory: int) -> oiio.ImageInput | None:
    config = oiio.ImageSpec()
    # Otherwise OpenImageIO premultiplies, and dark edges cannot be told from transparent ones again.
    config.attribute("oiio:UnassociatedAlpha", 1)
    return oiio.ImageInput.open(f"/proc/self/fd/{memory}", config)


def _copy(file: BinaryIO, member: Member, memory: int) -> None:
    done = 0
    while done < member.size:
        count = os.sendfile(memory, file.fileno(), member.offset + done, member.size - done)
        if not count:
            raise MediaTruncated(file.name, f"{member.name} is cut short")
        done += count


def _copy_directory(file: BinaryIO, member: Member, head: bytes, memory: int) -> None:
    """TIFF's directory may stand anywhere: what is around it, in both directions."""
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    place = int.from_bytes(head[8:16] if head[2:4] in (b"+\0", b"\0+") else head[4:8], order)
    start = max(0, min(place, member.size) - _HEAD)
    data = os.pread(file.fileno(), min(2 * _HEAD, member.size - start), member.offset + start)
    os.pwrite(memory, data, start)


def _header(source: oiio.ImageInput, kind: str, head: bytes, path: Path, name: str, limits: Limits) -> StillHeader:
    spec = source.spec()
    # What other kinds have behind the first picture are thumbnails, or pages.
    count = spec.get_int_attribute("oiio:subimages", 1) if kind == "openexr" else 1
    if count > MAX_PARTS:
        raise MediaUnsupported(path, f"{name} has more than the {MAX_PARTS} parts taken")
    parts: list[Part] = []
    known: set[str] = set()
    together = EMPTY
    for number in range(count):
        found = source.spec(number)
        if found.deep:
            raise MediaUnsupported(path, f"{name} is a deep picture; flatten it first")
        _check_size(found, path, name, limits)
        window = Window(found.x - spec.full_x, found.y - spec.full_y, found.width, found.height)
        parts.append(Part(number, window, _names(found, number, known)))
        together = together.union(window)
    if limits.refuses(together.width, together.height):
        raise MediaUnsupported(path, f"the parts of {name} lie too far apart")
    if len(known) > MAX_CHANNELS or sum(map(len, known)) > _MOST_NAMES:
        raise MediaUnsupported(path, f"{name} has {len(known)} channels; the most is {MAX_CHANNELS}")
    for name_of_channel in known:
        # OpenImageIO gives halves of characters for what is no UTF-8.
        name_of_channel.encode()
    tags: dict[str, Any] = {attribute.name: attribute.value for attribute in spec.extra_attribs}
    bits = spec.get_int_attribute("oiio:BitsPerSample", 0)
    stored = str(spec.format)
    orientation = UPRIGHT if kind in ("openexr", "dpx") else orientation_of_exif(tags.get("Orientation"))
    width, height = spec.full_width, spec.full_height
    if orientation.swaps_sides:
        width, height = height, width
    return StillHeader(
        kind=kind,
        width=width,
        height=height,
        parts=tuple(parts),
        pixel_type=f"uint{bits}" if bits and stored.startswith("uint") else stored,
        bits=bits or spec.format.size() * 8,
        orientation=orientation,
        tags=tags,
        srgb=kind == "png" and _has_srgb(head),
    )


def _names(spec: oiio.ImageSpec, number: int, known: set[str]) -> tuple[str, ...]:
    """Full names of a part's channels: those of a further part that name no layer are of the layer called as it is."""
    part = str(spec.getattribute("name") or spec.getattribute("oiio:subimagename") or number)
    names = []
    for name in spec.channelnames:
        full = name if number == 0 or "." in name else f"{part}.{name}"
        if full in known:
            full = f"{part}.{name}"
        while full in known:
            full = f"{number}.{full}"
        known.add(full)
        names.append(full)
    return tuple(names)


def _check_size(spec: oiio.ImageSpec, path: Path, name: str, limits: Limits) -> None:
    for width, height in ((spec.width, spec.height), (spec.full_width, spec.full_height)):
        if min(width, height) < 1:
            raise MediaUnsupported(path, f"{name} has no pixels")
        if limits.refuses(width, height):
            raise MediaUnsupported(path, f"{name} is {width}x{height}: larger than what is taken")
    if spec.depth > 1 or spec.nchannels < 1:
        raise MediaUnsupported(path, f"{name} is no flat picture")


def _has_srgb(head: bytes) -> bool:
    """Whether a PNG says that it is sRGB (PNG 11.3.2.5), which OpenImageIO says of every one."""
    place = 8
    while place + 8 <= len(head):
        length, kind = int.from_bytes(head[place : place + 4], "big"), head[place + 4 : place + 8]
        if kind in (b"sRGB", b"IDAT"):
            return kind == b"sRGB"
        place += 12 + length
    return False


def _said(source: oiio.ImageInput | None = None) -> str:
    """What a library said, in one line and without the place in memory where it read."""
    try:
        message = oiio.geterror() if source is None else source.geterror() if source.has_error else ""
    except UnicodeDecodeError:
        # It repeats what it read.
        return ""
    lines = [line.split("/proc/self/fd/", 1)[0].strip(" \"'") for line in message.splitlines()]
    said = next((line for line in lines if line and not line.startswith("OpenImageIO could not find")), "")
    return f" ({said[:200]})" if said else ""
