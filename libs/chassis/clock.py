"""The time of day, always aware and in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def utcnow() -> datetime:
    """Now, in UTC, to the microsecond."""
    return datetime.now(UTC)


def to_timestamp(moment: datetime) -> Timestamp:
    """The protobuf form of an aware datetime; a naive one raises ValueError, for nobody knows what it means."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
