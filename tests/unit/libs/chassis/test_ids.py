from __future__ import annotations

import re
import time

import pytest

from libs.chassis import ids


def test_an_id_is_a_lower_case_ulid() -> None:
    assert re.fullmatch(r"[0-7][0-9a-hjkmnp-tv-z]{25}", ids.new_id())


def test_ids_are_unique_and_strictly_increasing() -> None:
    made = [ids.new_id() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_the_first_ten_characters_are_the_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_last", 0)
    # The ULID specification's own example: 1469918176385 is written 01ARYZ6S41.
    monkeypatch.setattr(time, "time_ns", lambda: 1469918176385 * 1_000_000)
    assert ids.new_id()[:10] == "01aryz6s41"


def test_a_clock_set_back_does_not_disturb_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ids.new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert ids.new_id() > before
