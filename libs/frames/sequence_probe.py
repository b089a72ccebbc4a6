"""Finding out what a sequence of stills holds, without trusting any of them.

The first still is decoded; of all others the header is read, which proves kind, size and channels. Memory is one still.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Final

from artifex.media.v1.messages_pb2 import FrameRange, MediaInfo, StillSequence, VideoStream
from artifex.stills import Member
from libs.frames.containers import DEFAULT_LIMITS, Limits
from libs.frames.errors import MediaUnsupported
from libs.frames.probe import to_rational
from libs.frames.sequence_index import index_sequence
from libs.frames.still_channels import alpha_channel, layers_of
from libs.frames.still_colour import chromaticities_of
from libs.frames.still_file import StillHeader, open_still, use_threads
from libs.frames.still_tags import aspect_of, rate_of

_CODECS: Final = {"openexr": "exr"}
_MOST_RANGES: Final = 100


def probe_sequence(path: Path | str, name: str = "", limits: Limits = DEFAULT_LIMITS) -> MediaInfo:
    """Numbers, size, channels, colour and rate of a sequence. `name` is what people call the file.

    Raises MediaUnreadable, MediaTruncated, and MediaUnsupported for stills that do not go together, or are too large.
    """
    path = Path(path)
    index = index_sequence(path, name)
    use_threads(1)
    numbers = sorted(index.members)
    with path.open("rb") as file:
        first = index.members[numbers[0]]
        with open_still(file, first, path, limits=limits) as still:
            header = still.header
            for part in header.parts:
                still.read(part.channels[:1])
        for number in numbers[1:]:
            member = index.members[number]
            with open_still(file, member, path, header_only=True, limits=limits) as still:
                _check_alike(path, first, header, member, still.header)
    sequence = StillSequence(
        pattern=index.pattern,
        first_frame=index.first,
        last_frame=index.last,
        still_count=len(numbers),
        missing=[FrameRange(first=low, last=high) for low, high in islice(index.missing(), _MOST_RANGES)],
        channels=header.channels,
        pixel_type=header.pixel_type,
        encoding=header.encoding,
        chromaticities=chromaticities_of(header.tags),
        premultiplied=header.premultiplied,
    )
    info = MediaInfo(format=index.container, sequence=sequence)
    info.video_streams.append(_stream(header, index.last - index.first + 1))
    info.duration.CopyFrom(info.video_streams[0].duration)
    return info


def _check_alike(path: Path, first: Member, header: StillHeader, member: Member, other: StillHeader) -> None:
    if (other.width, other.height) != (header.width, header.height):
        sizes = f"{header.width}x{header.height}", f"{other.width}x{other.height}"
        raise MediaUnsupported(path, f"{member.name} is {sizes[1]}, and {first.name} is {sizes[0]}")
    if other.kind != header.kind:
        raise MediaUnsupported(path, f"{member.name} is a {other.kind} file, and {first.name} is of {header.kind}")
    if set(other.channels) != set(header.channels):
        odd = sorted(set(other.channels) ^ set(header.channels))
        raise MediaUnsupported(path, f"{member.name} and {first.name} have different channels: {', '.join(odd[:5])}")


def _stream(header: StillHeader, count: int) -> VideoStream:
    tags = header.tags
    layers = layers_of(header.channels)
    has_alpha = any(alpha_channel(header.channels, layer) for layer in layers[:1])
    stream = VideoStream(
        codec=_CODECS.get(header.kind, header.kind),
        profile=str(tags.get("compression", "")).encode(errors="replace").decode(),
        width=header.width,
        height=header.height,
        pixel_format=header.pixel_type,
        bit_depth=header.bits,
        has_alpha=has_alpha,
        frame_count=count,
        sample_aspect_ratio=to_rational(aspect_of(tags)),
    )
    rate = rate_of(tags)
    if rate is not None:
        stream.frame_rate.CopyFrom(to_rational(rate))
        stream.time_base.CopyFrom(to_rational(1 / rate))
        stream.duration.CopyFrom(to_rational(count / rate))
    return stream
