"""What a clip begins and ends with."""

from __future__ import annotations

from collections.abc import Sequence

from artifex.generator.v1.work_pb2 import GivenPicture

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
