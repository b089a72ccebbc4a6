"""Text: order, joining and fallback against what the standards and the fonts say; coverage against a path fill."""

import unicodedata
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
import uharfbuzz as hb
from bidi import get_display
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import EVERYWHERE, Frame, Window
from services.graph.nodes.input.text_input import TextInput
from services.graph.nodes.typography.bidi import embedding_levels, line_levels, visual_order
from services.graph.nodes.typography.fonts import font
from services.graph.nodes.typography.layout import Layout, Placed, Style, set_text
from services.graph.nodes.typography.segments import clusters
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.support import Context, node

STYLE = Style("Noto Sans", "regular", 100.0, "left", 0.0, 1.0)


def layout(text: str, **changes: Any) -> Layout:
    return set_text(text, Style(**{**{name: getattr(STYLE, name) for name in STYLE.__slots__}, **changes}))


def drawn(text: str, **params: Any) -> Frame:
    return node(TextInput, text=text, **params).render(Context({}, TextInput.video, (400, 200)))


def names(glyphs: tuple[Placed, ...]) -> list[str]:
    return [glyph.font.shaper.glyph_to_string(glyph.index) for glyph in glyphs]


@pytest.mark.parametrize("params", [{}, {"outline_width": 200.0}, {"outline_width": 9.0, "outline_place": "over"}])
def test_the_largest_letter_is_drawn(params: dict[str, Any]) -> None:
    """Ten times as wide as high, and more intricate than FreeType draws at once."""
    assert drawn("\ufdfd", size=2000.0, **params).filled(Window(0, 0, 400, 200)).any()
    small, half = (
        drawn("\ufdfd", size=size, align="left", anchor="left", position=(0.0, 0.5)) for size in (30.0, 15.0)
    )
    assert small.pixels[..., 3].sum() == pytest.approx(4 * half.pixels[..., 3].sum(), rel=0.02)


CONTROLS = {ord(char): "" for char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}
PLAIN = "abc אבג عرب 123 ١٢ .,()[]{}-!+$%\u0301\u200f\t"


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.text(alphabet=PLAIN, min_size=1, max_size=30),
        st.text(alphabet=PLAIN + "\u2066\u2067\u2068\u2069", min_size=1, max_size=30),
        st.text(alphabet=PLAIN + "\u202a\u202b\u202c\u202d\u202e", min_size=1, max_size=30),
    )
)
def test_order_agrees_with_unicode_bidi(text: str) -> None:
    """The crate unicode-bidi, by way of python-bidi; it leaves brackets unmirrored, as HarfBuzz mirrors them."""
    base, levels = embedding_levels(text)
    order = visual_order(line_levels(text, levels, base))
    shown = "".join(text[index] for index in order)
    assert shown.translate(CONTROLS) == get_display(text).translate(CONTROLS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # UAX #9, 5.5 and its examples for N0 and isolates; letters from א on stand for their capitals.
        ("אב(גד[&הו]abc)", "(abc[וה&]דג)בא"),
        ("a(ב)c", "a(ב)c"),
        ("abc \u2067אבג 12\u2069 x", "abc 12 גבא x"),
        ("a \u2068אב\u2069 b", "a בא b"),
    ],
)
def test_brackets_and_isolates_are_ordered(text: str, shown: str) -> None:
    base, levels = embedding_levels(text)
    order = visual_order(line_levels(text, levels, base))
    mirror = str.maketrans("()[]", ")(][")
    got = "".join(text[index].translate(mirror) if levels[index] % 2 else text[index] for index in order)
    assert got.translate(CONTROLS) == shown


def test_arabic_letters_join() -> None:
    # Unicode, chapter 9.2: beh takes another form at the start, in the middle and at the end of a word.
    alone = names(layout("ب").glyphs)
    word = names(layout("ببب").glyphs)
    assert len(word) >= 3
    assert all(form not in word for form in alone) or len(set(word)) >= 3


def test_arabic_shapes_are_those_of_hb_shape_alone() -> None:
    text = "مرحبا بالعالم"
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.direction, buffer.script, buffer.language = "rtl", "Arab", "ar"
    hb.shape(font("Noto Sans Arabic", "regular").shaper, buffer)
    # Spaces are taken from the same font, since they stay with what is before them.
    ours = layout(text).glyphs
    assert [glyph.index for glyph in ours] == [info.codepoint for info in buffer.glyph_infos]
    assert {glyph.font.family for glyph in ours} == {"Noto Sans Arabic"}


def test_right_to_left_text_begins_on_the_right() -> None:
    first = layout("اب").glyphs
    positions = {name: glyph.x for name, glyph in zip(names(first), first, strict=True)}
    alef = next(x for name, x in positions.items() if "alef" in name.lower() or "uni0627" in name)
    assert alef == max(positions.values())


@pytest.mark.parametrize(
    ("text", "family"),
    [("A", "Noto Sans"), ("Ω", "Noto Sans"), ("Я", "Noto Sans"), ("ह", "Noto Sans"), ("안", "Nanum Gothic"),
     ("ㄱ", "Nanum Gothic"), ("س", "Noto Sans Arabic")],
)  # fmt: skip
def test_each_script_comes_from_a_font_that_has_it(text: str, family: str) -> None:
    (glyph,) = layout(text).glyphs
    assert glyph.font.family == family
    assert glyph.index != 0


def test_scripts_mix_in_one_line() -> None:
    glyphs = layout("안녕 Artifex مرحبا").glyphs
    assert {glyph.font.family for glyph in glyphs} == {"Noto Sans", "Nanum Gothic", "Noto Sans Arabic"}
    assert 0 not in {glyph.index for glyph in glyphs}


def test_a_mark_stands_on_its_letter() -> None:
    # q with macron below and dot above is no character of its own.
    text = "q\u0331\u0307"
    glyphs = layout(text).glyphs
    assert len(glyphs) == 3
    assert max(glyph.x for glyph in glyphs) - min(glyph.x for glyph in glyphs) < 60


def test_equivalent_spellings_look_the_same() -> None:
    for text in ("é", "각", "Ấ"):
        composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
        assert names(layout(composed).glyphs) == names(layout(decomposed).glyphs)


def test_clusters_hold_together_what_belongs_together() -> None:
    parts = ["e\u0301", "a", "\u1112\u1161\u11ab", "x\u200d", "y", "👨\u200d👩\u200d👧", "👍🏽", "🇰🇷", "1\ufe0f\u20e3"]
    text = "".join(parts)
    assert [text[start:end] for start, end in clusters(text)] == parts


@given(st.text(max_size=20))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_set(text: str) -> None:
    placed = layout(text.encode("utf-8", "ignore").decode(), wrap=300.0)
    assert np.isfinite([placed.width, placed.height]).all()


def test_kerning_applies() -> None:
    together = layout("AV").width
    assert together < layout("A").width + layout("V").width


def test_lines_break_at_spaces_and_within_words_only_when_needed() -> None:
    unbroken = layout("word word")
    wrapped = layout("word word", wrap=unbroken.width * 0.7)
    assert wrapped.height > unbroken.height
    assert len(wrapped.glyphs) == len(unbroken.glyphs) - 1
    narrow = layout("wwwwww", wrap=layout("ww").width * 1.2)
    assert len({round(glyph.y, 3) for glyph in narrow.glyphs}) == 3


def test_lines_are_aligned_in_the_box() -> None:
    widths = layout("long line\nx").width
    for align, share in (("left", 0.0), ("center", 0.5), ("right", 1.0)):
        second = layout("long line\nx", align=align).glyphs[-1]
        assert second.x == pytest.approx((widths - layout("x").width) * share, abs=1e-6)


def test_the_picture_is_premultiplied_and_white_is_white() -> None:
    frame = drawn("Hg")
    np.testing.assert_allclose(frame.pixels[..., 0], frame.pixels[..., 3], atol=1e-4)
    assert frame.pixels[..., 3].max() == 1.0


def test_opacity_and_colour_scale_the_picture() -> None:
    full, faint = drawn("Hg"), drawn("Hg", opacity=0.25)
    np.testing.assert_allclose(faint.pixels, full.pixels * 0.25, atol=1e-6)
    red = drawn("Hg", color=(1.0, 0.0, 0.0, 0.5))
    assert red.pixels[..., 3].max() == pytest.approx(0.5)
    assert red.pixels[..., 0].sum() > 3 * red.pixels[..., 1].sum()


@pytest.mark.parametrize(
    ("anchor", "x", "y"), [("center", 200, 100), ("top_left", 200, 100), ("bottom_right", 200, 100)]
)
def test_the_anchor_lies_at_the_position(anchor: str, x: int, y: int) -> None:
    window = drawn("Hg", anchor=anchor).window
    if anchor == "center":
        assert abs(window.x + window.width / 2 - x) < 10
        assert abs(window.y + window.height / 2 - y) < 30
    elif anchor == "top_left":
        assert window.x >= x
        assert window.y >= y
    else:
        assert window.right <= x + 1
        assert window.bottom <= y + 1


def test_the_mask_is_the_alpha() -> None:
    mask = node(TextInput, text="Hg").render(Context({}, TextInput.mask, (400, 200)))
    np.testing.assert_allclose(mask.pixels[..., 0], drawn("Hg").pixels[..., 3], atol=1e-7)


def test_no_text_and_text_outside_are_nothing() -> None:
    assert drawn("").window.empty
    assert drawn("   ").window.empty
    assert drawn("x", position=(9.0, 9.0)).window.empty


def test_half_a_pixel_moves_half_a_pixel() -> None:
    still, moved = drawn("H"), drawn("H", position=(0.5 + 0.5 / 400, 0.5))
    whole = Window(0, 0, 400, 200)
    before, after = (np.average(np.arange(400), weights=frame.filled(whole)[..., 3].sum(0)) for frame in (still, moved))
    assert after - before == pytest.approx(0.5, abs=0.02)


def test_the_window_is_no_larger_than_the_ink_needs() -> None:
    frame = drawn("Hg")
    ink = np.argwhere(frame.pixels[..., 3] > 0)
    (top, left), (bottom, right) = ink.min(0), ink.max(0)
    assert top <= 1
    assert left <= 1
    assert frame.window.height - bottom <= 2
    assert frame.window.width - right <= 2


def test_text_far_larger_than_the_document_stays_bounded() -> None:
    context = Context({}, TextInput.video, (64, 36), region=EVERYWHERE)
    frame = node(TextInput, text="W" * 50, size=2000.0).render(context)
    assert frame.window.width <= 64 * 3
    assert frame.window.height <= 36 + 2 * 64


@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(1, 4), Fraction(2)])
def test_a_proxy_shows_the_same_text_smaller(scale: Fraction) -> None:
    """Against the full picture's own pixels, averaged; lines break at the same words."""
    text = node(TextInput, text="한 word and another one", size=40.0, wrap=260.0)
    full = applied(text, {}, (400, 200)).filled(Window(0, 0, 400, 200))[..., 3]
    size = (int(400 * scale), int(200 * scale))
    proxy = applied(text, {}, size, scale=scale).filled(Window(0, 0, *size))[..., 3]
    if scale > 1:
        full, proxy = proxy, full
        size = (400, 200)
    averaged = np.asarray(cv2.resize(full, size, interpolation=cv2.INTER_AREA))
    # FreeType places outlines to 1/64 pixel, and covers them to 1/255.
    assert np.abs(averaged - proxy).max() < 0.12
    assert np.abs(averaged - proxy).mean() < 0.004


def test_a_tiny_proxy_is_still_text() -> None:
    frame = applied(node(TextInput, text="W", size=4.0), {}, (4, 2), scale=Fraction(1, 1000))
    assert frame.pixels[..., 3].max() <= 1.0
