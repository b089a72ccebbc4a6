"""What a clip begins and ends with."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from artifex.generator.v1.work_pb2 import GivenPicture
from artifex.media.v1.messages_pb2 import VideoStream

FIRST = GivenPicture.ROLE_FIRST
LAST = GivenPicture.ROLE_LAST
NAMES = {FIRST: "first", LAST: "last"}
"""What models call them."""


def ordered(pictures: Sequence[GivenPicture]) -> list[GivenPicture]:
    """First, then last, however they came."""
    return sorted(pictures, key=lambda picture: picture.role)


def names(pictures: Sequence[GivenPicture]) -> tuple[str, ...]:
    """Which are given."""
    return tuple(NAMES[picture.role] for picture in ordered(pictures))


def digests(pictures: Sequence[GivenPicture]) -> tuple[str, ...]:
    """SHA-256 of each, first and last."""
    return tuple(picture.blob.digest for picture in ordered(pictures))


def shape_of(stream: VideoStream) -> Fraction | None:
    """The width of a file's picture as it is shown, upright, for a height of 1; None where the file does not tell."""
    if not stream.width or not stream.height:
        return None
    shape, pixel = Fraction(stream.width, stream.height), stream.sample_aspect_ratio
    if pixel.numerator > 0 and pixel.denominator > 0:
        shape *= Fraction(pixel.numerator, pixel.denominator)
    return 1 / shape if stream.rotation % 180 else shape
