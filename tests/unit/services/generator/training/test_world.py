"""The drawn world that nano knows: what is drawn is seen, and what is said of it is so."""

from __future__ import annotations

import numpy as np
import pytest

from services.generator.training.captions import caption, plain
from services.generator.training.measure import look
from services.generator.training.world import (
    BACKGROUNDS,
    COLOURS,
    COUNTS,
    MOTIONS,
    PALETTE,
    SHAPES,
    SIZES,
    Attributes,
    draw,
    draw_attributes,
    draw_scene,
)


@pytest.mark.parametrize("width", [64, 112])
def test_whoever_looks_sees_what_was_drawn(width: int) -> None:
    rng = np.random.default_rng(1)
    for number in range(150):
        told = draw_attributes(rng, held_out=number % 2 == 0)
        seen = look(draw(draw_scene(rng, told, width / 64), width, 64))
        assert (seen.shape, seen.colour, seen.background, seen.motion, seen.count) == (
            told.shape,
            told.colour,
            told.background,
            told.motion,
            told.count,
        )


def test_whoever_looks_at_noise_or_at_nothing_sees_no_such_thing() -> None:
    blank = np.full((17, 64, 64, 3), PALETTE["blue"], np.uint8)
    assert (look(blank).shape, look(blank).background, look(blank).count) == ("", "blue", 0)
    rng = np.random.default_rng(2)
    told = [draw_attributes(rng) for _ in range(60)]
    right = dict.fromkeys(("shape", "colour", "motion"), 0)
    for what in told:
        seen = look(draw(draw_scene(rng, draw_attributes(rng)), 64, 64))
        for name in right:
            right[name] += getattr(seen, name) == getattr(what, name)
    # Of another clip little is right but by chance: a third, a seventh and a fifth.
    assert right["shape"] < 36
    assert right["colour"] < 24
    assert right["motion"] < 28


def test_everything_stays_in_view_and_apart() -> None:
    rng = np.random.default_rng(3)
    for _ in range(100):
        told = draw_attributes(rng)
        clip = draw(draw_scene(rng, told), 64, 64)
        edge = np.concatenate([clip[:, 0], clip[:, -1], clip[:, :, 0], clip[:, :, -1]], axis=1)
        # A corner's smoothed edge may touch the last pixel with a hundredth of its colour.
        assert np.abs(edge.astype(int) - PALETTE[told.background]).max() <= 4


def every(sizes: dict[int, tuple[str, ...]]) -> list[Attributes]:
    """All there is, by how large so many objects may be."""
    return [
        Attributes(shape, colour, background, motion, size, count)
        for shape in SHAPES
        for colour in COLOURS
        for background in BACKGROUNDS
        for motion in MOTIONS
        for count in COUNTS
        for size in sizes[count]
    ]


def test_one_scene_in_ten_is_kept_from_training_and_always_the_same() -> None:
    found = every(dict.fromkeys(COUNTS, ("",)))
    kept = [what for what in found if what.held_out]
    assert 0.08 < len(kept) / len(found) < 0.13
    assert Attributes("circle", "red", "blue", "right", "", 1).held_out is False
    rng = np.random.default_rng(4)
    assert not any(draw_attributes(rng).held_out for _ in range(300))
    assert all(draw_attributes(rng, held_out=True).held_out for _ in range(30))


def test_the_plainest_sentence() -> None:
    assert plain(Attributes("circle", "red", "blue", "right", "", 1)) == (
        "a red circle moving right over a blue background"
    )
    assert plain(Attributes("square", "orange", "orange", "still", "", 1)) == (
        "an orange square standing still over an orange background"
    )


def test_no_two_things_are_said_alike() -> None:
    """Whatever the words, they tell which scene it is: no caption is of two."""
    rng = np.random.default_rng(5)
    meant: dict[str, Attributes] = {}
    for what in every({1: tuple(SIZES), 2: ("",), 3: ("",)}):
        for _ in range(5):
            assert meant.setdefault(caption(what, rng), what) == what


def test_captions_are_english_and_korean_grammar() -> None:
    rng = np.random.default_rng(6)
    said = [caption(draw_attributes(rng), rng) for _ in range(3000)]
    korean = [text for text in said if any("가" <= letter <= "힣" for letter in text)]
    assert 0.2 < len(korean) / len(said) < 0.3
    assert not any(" a o" in text or "a orange" in text.lower() for text in said)
    assert any("빨간 원이" in text for text in korean)
    assert any("세모가" in text for text in korean)
    assert not any("원가" in text or "삼각형가" in text for text in korean)
