"""Sources between renders: who gets which, and what is closed."""

from fractions import Fraction

import numpy as np
import pytest

from artifex.nodes import frame_time
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.shelf import SourceShelf
from services.graph.domain.evaluate.sources import FileSource, SourceFile, open_sources
from tests.unit.services.graph.support import footage, footage_info

CLIP = SourceFile(footage(), footage_info(), "digest")
COLOUR = WorkingColour("ACEScg")


def opened(shelf: SourceShelf, *nodes: str, colour: WorkingColour = COLOUR, threads: int = 1) -> list[FileSource]:
    with shelf.open(dict.fromkeys(nodes, CLIP), colour, threads) as sources:
        return list(sources.values())


def test_the_next_render_goes_on_with_the_same_sources() -> None:
    shelf = SourceShelf(2)
    first = opened(shelf, "a", "b")
    assert first[0] is not first[1], "two nodes stand at two places of one file"
    assert set(map(id, opened(shelf, "x", "y"))) == set(map(id, first))
    shelf.close()
    assert not set(map(id, opened(shelf, "x"))) & set(map(id, first))


def test_what_differs_is_opened_anew() -> None:
    shelf = SourceShelf(8)
    (first,) = opened(shelf, "a")
    assert opened(shelf, "a", threads=2) != [first]
    assert opened(shelf, "a", colour=WorkingColour("ACEScg")) != [first]
    assert opened(shelf, "a") == [first]


def test_the_oldest_are_closed_and_those_of_a_failed_render(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[FileSource] = []
    monkeypatch.setattr(FileSource, "close", lambda source: closed.append(source))
    shelf = SourceShelf(1)
    one, other = opened(shelf, "a", "b")
    assert closed == [one]

    def failing() -> None:
        with shelf.open({"a": CLIP}, COLOUR, 1) as sources:
            assert sources["a"] is other
            raise LookupError

    with pytest.raises(LookupError):
        failing()
    assert closed == [one, other]


def test_frames_do_not_depend_on_what_was_read_before() -> None:
    shelf = SourceShelf(2)
    rate = footage_info().video_streams[0].frame_rate
    fps = Fraction(rate.numerator, rate.denominator)
    numbers = (3, 4, 30, 31, 90)
    with open_sources({"a": CLIP}, COLOUR, 1) as sources:
        expected = {index: sources["a"].picture(frame_time(index, fps)).pixels for index in numbers}
    for order in ((3, 4), (30, 31), (90,), (4, 3)):
        with shelf.open({"a": CLIP}, COLOUR, 1) as sources:
            for index in order:
                picture = sources["a"].picture(frame_time(index, fps))
                np.testing.assert_array_equal(picture.pixels, expected[index])
    shelf.close()
