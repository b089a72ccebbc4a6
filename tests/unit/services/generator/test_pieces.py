"""Uploads of checkpoints, in the model's process."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.triton import model_module


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module; `pieces.now` is its time."""
    module = model_module("pieces")
    module.now = 0.0
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: module.now))
    return module


def test_an_upload_is_put_together_and_handed_out_once(pieces: Any) -> None:
    held = pieces.Pieces()
    assert held.keep("a", 0, b"one") == 3
    assert held.keep("b", 0, b"other") == 5
    assert held.keep("a", 3, b"two") == 6
    assert held.keep("a", 3, b"two") == 6
    assert held.take("a") == b"onetwo"
    with pytest.raises(ValueError, match="no such upload"):
        held.take("a")
    with pytest.raises(ValueError, match="byte 5 of the upload comes next"):
        held.keep("b", 6, b"gap")
    assert held.take("b") == b"other"


def test_what_nobody_goes_on_with_is_forgotten_but_not_while_the_model_was_at_work(pieces: Any) -> None:
    held = pieces.Pieces()
    held.keep("a", 0, b"one")
    # Another clip came in between, and the rest of the upload waits behind it.
    pieces.now += 3000.0
    held.waited(3000.0)
    pieces.now += 599.0
    assert held.keep("a", 3, b"two") == 6
    pieces.now += 601.0
    held.keep("b", 0, b"other")
    with pytest.raises(ValueError, match="no such upload"):
        held.take("a")


def test_uploads_are_bounded_together(pieces: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_MOST", 10)
    held = pieces.Pieces()
    held.keep("a", 0, b"12345")
    # A piece that comes again takes no more room.
    held.keep("a", 0, b"12345")
    held.keep("b", 0, b"12345")
    with pytest.raises(ValueError, match="too much"):
        held.keep("b", 5, b"6")
