"""What goes with text: outline, shadow, box, emoji, and the box that it stands in; whole, in tiles and smaller."""

import tracemalloc
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from artifex.nodes import Frame, Window
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.nodes.input.text_input import TextInput
from services.graph.nodes.typography.layout import Layout
from services.graph.nodes.typography.raster import Pen, coverage, rounded_box
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.support import Context, node

WIDTH, HEIGHT = 400, 200
WHOLE = Window(0, 0, WIDTH, HEIGHT)
BLACK, RED = (0.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 1.0)
EVERYTHING: dict[str, Any] = {
    "text": "Ag 안 😀 ס",
    "outline_width": 3.0,
    "outline_color": RED,
    "shadow_opacity": 0.7,
    "shadow_offset": (7.5, -4.25),
    "shadow_softness": 3.0,
    "box_opacity": 0.5,
    "box_radius": 9.0,
    "italic": True,
}


def drawn(scale: Fraction = Fraction(1), region: Window | None = None, **params: Any) -> Frame:
    size = (int(WIDTH * scale), int(HEIGHT * scale))
    values = {"text": "Hg", **params}
    if scale != 1:
        return applied(node(TextInput, **values), {}, size, scale=scale)
    return node(TextInput, **values).render(Context({}, TextInput.video, size, region=region))


def alpha(**params: Any) -> NDArray[np.float32]:
    return drawn(**params).filled(WHOLE)[..., 3]


def test_an_outline_behind_lies_around_the_letters() -> None:
    plain, outlined = drawn().filled(WHOLE), drawn(outline_width=4.0, outline_color=RED).filled(WHOLE)
    inside = plain[..., 3] == 1.0
    assert np.array_equal(outlined[inside], plain[inside]), "the letters are as they were"
    # Every pixel within four pixels of ink is covered, and none beyond.
    distance = cv2.distanceTransform((plain[..., 3] < 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    assert outlined[..., 3][distance < 3].min() > 0.99
    assert not outlined[..., 3][distance > 6].any()
    ring = (distance > 1.5) & (distance < 3)
    red = WorkingColour("ACEScg").from_display((1.0, 0.0, 0.0))
    np.testing.assert_allclose(outlined[ring][:, :3], np.tile(red, (ring.sum(), 1)), atol=0.02)


def test_of_all_that_lies_over_another_one_is_held_at_a_time() -> None:
    lettered = node(TextInput, **{**EVERYTHING, "text": "WWWW\nWWWW", "size": 340.0, "box_padding": (0.0, 0.0)})
    context = Context({}, TextInput.video, (1600, 1200))
    lettered.render(context)
    tracemalloc.start()
    size = lettered.render(context).pixels.nbytes
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 16_000_000
    assert peak < 3.2 * size


def test_an_outline_over_the_letters_hides_half_of_it() -> None:
    text: dict[str, Any] = {"text": "I", "size": 150.0}
    plain, over = drawn(**text).filled(WHOLE), drawn(**text, outline_width=4.0, outline_place="over", outline_color=RED)
    wide = np.argwhere(plain[100, :, 3] > 0.5)[[0, -1], 0]
    row = over.filled(WHOLE)[100]
    assert (row[:, 3] > 0.5).sum() == pytest.approx(wide[1] - wide[0] + 1 + 4, abs=1.01)
    white = row[:, 1] > 0.5
    assert white.sum() == pytest.approx(wide[1] - wide[0] + 1 - 4, abs=1.01)


def test_an_outline_without_colour_is_the_letters_alone() -> None:
    np.testing.assert_array_equal(
        drawn(outline_width=4.0, outline_color=(0.0, 0.0, 0.0, 0.0)).filled(WHOLE), drawn().filled(WHOLE)
    )


def test_a_hard_shadow_is_the_letters_moved() -> None:
    frame = drawn(shadow_opacity=1.0, shadow_color=BLACK, shadow_offset=(30.0, 12.0), shadow_softness=0.0)
    letters, both = alpha(), frame.filled(WHOLE)
    moved = np.roll(letters, (12, 30), axis=(0, 1))
    np.testing.assert_allclose(both[..., 3], letters + moved * (1 - letters), atol=1e-6)
    np.testing.assert_allclose(both[..., 0], drawn().filled(WHOLE)[..., 0], atol=1e-6)


def test_a_soft_shadow_keeps_its_weight() -> None:
    softness: dict[str, Any] = {
        "text": ".",
        "size": 40.0,
        "shadow_opacity": 0.5,
        "shadow_offset": (80.0, 0.0),
        "shadow_color": BLACK,
    }
    hard, soft = alpha(**softness, shadow_softness=0.0), alpha(**softness, shadow_softness=9.0)
    assert soft.sum() == pytest.approx(hard.sum(), rel=1e-3)
    assert soft[:, 230:].max() < 0.2 * hard[:, 230:].max()


def test_a_box_is_as_large_as_text_and_padding() -> None:
    frame = drawn(box_opacity=0.25, box_padding=(20.0, 10.0), box_color=RED)
    narrow = drawn(box_opacity=0.25, box_padding=(0.0, 0.0), box_color=RED)
    assert frame.window.width == pytest.approx(narrow.window.width + 40, abs=1)
    assert frame.window.height == pytest.approx(narrow.window.height + 20, abs=1)
    assert frame.filled(WHOLE)[frame.y + 2, frame.x + 2, 3] == pytest.approx(0.25)


def test_text_stands_in_a_box_of_a_given_height() -> None:
    def top(align: str) -> int:
        frame = drawn(wrap=300.0, box_height=180.0, vertical_align=align, box_opacity=1e-3)
        return int(np.argwhere(frame.filled(WHOLE)[..., 3].max(axis=1) > 0.5)[0, 0])

    high, middle, low = (top(align) for align in ("top", "middle", "bottom"))
    assert high < middle < low
    assert middle - high == pytest.approx(low - middle, abs=1)
    assert alpha(box_height=180.0, vertical_align="middle") == pytest.approx(alpha(), abs=1e-6), "in the middle anyway"


def test_emoji_bring_their_colours_along() -> None:
    working = WorkingColour("ACEScg")
    # The colours of a red and a blue square in the font's palette.
    for text, colour in (("🟥", (244, 67, 54)), ("🟦", (25, 118, 210))):
        frame = drawn(text=text, size=120.0)
        middle = frame.filled(WHOLE)[100, 200]
        expected = working.from_display((colour[0] / 255, colour[1] / 255, colour[2] / 255))
        assert middle[3] == 1.0
        assert middle[:3].argmax() == int(np.argmax(expected))
        assert np.abs(middle[:3] - np.array(expected)).max() < 0.15
    faint = drawn(text="🟥", size=120.0, color=(0.0, 1.0, 0.0, 0.5))
    np.testing.assert_allclose(faint.pixels * 2, drawn(text="🟥", size=120.0).pixels, atol=1e-6)


@pytest.mark.parametrize("place", ["behind", "over"])
def test_emoji_are_outlined_as_letters_are(place: str) -> None:
    square: dict[str, Any] = {
        "text": "🟥",
        "size": 100.0,
        "outline_color": (0.0, 0.0, 1.0, 1.0),
        "outline_place": place,
    }
    plain, outlined = drawn(**square).filled(WHOLE), drawn(**square, outline_width=8.0).filled(WHOLE)
    inside, both = (np.argwhere(pixels[100, :, 3] > 0.5).ravel() for pixels in (plain, outlined))
    out = 8 if place == "behind" else 4
    assert (both[0], both[-1]) == (pytest.approx(inside[0] - out, abs=1), pytest.approx(inside[-1] + out, abs=1))
    blue = np.flatnonzero(outlined[100, :, 2] > 0.5)
    assert blue.size == pytest.approx(16, abs=2)
    assert plain[100, 200] == pytest.approx(outlined[100, 200])


def test_the_mask_covers_letters_outline_and_emoji_but_neither_box_nor_shadow() -> None:
    def mask(**params: Any) -> NDArray[np.float32]:
        frame = node(TextInput, **params).render(Context({}, TextInput.mask, (WIDTH, HEIGHT)))
        return frame.filled(WHOLE)[..., 0]

    bare: dict[str, Any] = {"text": "A😀", "outline_width": 3.0, "outline_color": BLACK, "opacity": 0.5}
    np.testing.assert_array_equal(mask(**bare), mask(**bare, shadow_opacity=1.0, box_opacity=1.0))
    np.testing.assert_allclose(mask(**bare), alpha(**bare), atol=0.01)
    np.testing.assert_allclose(mask(**{**bare, "color": (1.0, 1.0, 1.0, 0.0)}), mask(**bare), atol=1e-6)


def test_tiles_are_parts_of_the_whole() -> None:
    whole = drawn(**EVERYTHING).filled(WHOLE)
    for x in range(0, WIDTH, 133):
        for y in range(0, HEIGHT, 67):
            tile = Window(x, y, 133, 67).intersect(WHOLE)
            part = drawn(region=tile, **EVERYTHING)
            assert tile.contains(part.window)
            np.testing.assert_allclose(part.filled(tile), whole[tile.inside(WHOLE)], atol=1e-5)


@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(1, 4)])
def test_a_proxy_shows_all_of_it_smaller(scale: Fraction) -> None:
    full, size = drawn(**EVERYTHING).filled(WHOLE), (int(WIDTH * scale), int(HEIGHT * scale))
    proxy = drawn(scale, **EVERYTHING).filled(Window(0, 0, *size))
    averaged = np.asarray(cv2.resize(full, size, interpolation=cv2.INTER_AREA))
    # Where letters lie over others of another colour, pixels that hold both differ; so does the colour of emoji.
    assert np.abs(averaged - proxy).max() < 0.3
    assert np.abs(averaged - proxy).mean() < 0.006


def test_nothing_and_the_smallest() -> None:
    assert drawn(**{**EVERYTHING, "text": "", "box_opacity": 0.0}).window.empty
    tiny = drawn(Fraction(1, 400), **EVERYTHING)
    assert np.isfinite(tiny.pixels).all()
    far = drawn(**{**EVERYTHING, "position": (50.0, 50.0)})
    assert far.window.empty


@pytest.mark.parametrize("radius", [0.0, 5.0, 100.0])
def test_a_round_box_covers_its_area(radius: float) -> None:
    place = Window(0, 0, 80, 60)
    mask = rounded_box(10.25, 7.5, 70.75, 49.0, radius, place)
    held = min(radius, 41.5 / 2)
    assert mask.sum() == pytest.approx(60.5 * 41.5 - (4 - np.pi) * held**2, rel=1e-3)
    assert mask.min() >= 0.0
    assert mask.max() <= 1.0
    assert not rounded_box(3, 3, 3, 9, 0, place).any()


def test_an_empty_layout_covers_nothing() -> None:
    window, mask = coverage(Layout((), 10.0, 10.0), 0.0, 0.0, 20.0, WHOLE, Pen(grown=3.0))
    assert window.empty
    assert mask.size == 0
