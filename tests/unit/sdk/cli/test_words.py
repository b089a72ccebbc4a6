"""How lengths of time are said."""

from __future__ import annotations

import pytest

from artifex.cli.words import seconds_text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.25, "0.2 s"),
        (9, "9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (260, "4 min 20 s"),
        (3599.7, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_time_is_said_in_two_units_at_most(seconds: float, said: str) -> None:
    assert seconds_text(seconds) == said
