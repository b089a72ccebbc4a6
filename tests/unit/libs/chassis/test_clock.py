from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from libs.chassis import clock


def test_now_is_aware_and_in_utc() -> None:
    assert clock.utcnow().utcoffset() == timedelta(0)


def test_a_moment_stays_the_same_moment() -> None:
    moment = datetime(2026, 11, 21, 22, 0, 0, 123456, tzinfo=timezone(timedelta(hours=9)))
    assert clock.to_timestamp(moment).ToDatetime(tzinfo=UTC) == moment
    assert clock.to_timestamp(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == Timestamp(seconds=1)


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        clock.to_timestamp(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test
