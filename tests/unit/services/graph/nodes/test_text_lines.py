"""Lines and letters: where they break, how they stand, which font a character comes from."""

import threading
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
import uharfbuzz as hb
from hypothesis import given
from hypothesis import strategies as st
from uniseg.graphemecluster import grapheme_cluster_boundaries
from uniseg.linebreak import line_break_boundaries

from services.graph.nodes.typography import fonts
from services.graph.nodes.typography.fonts import COLOUR_EMOJI, FAMILIES, font
from services.graph.nodes.typography.layout import Layout, Style, set_text
from services.graph.nodes.typography.lines import break_lines
from services.graph.nodes.typography.segments import BREAKS, KEEP_WORDS, SPACES, UNICODE, breaks, clusters
from services.graph.nodes.typography.shaping import Face

STYLE = Style("Noto Sans", "regular", 100.0, "left", 0.0, 1.0)


def layout(text: str, faces: list[Face] | None = None, **changes: Any) -> Layout:
    given = {**{name: getattr(STYLE, name) for name in STYLE.__slots__}, **changes}
    return set_text(text, Style(**given), faces or ())


def pieces(text: str, rule: str) -> list[str]:
    borders = [0, *sorted(breaks(text, rule)), len(text)]
    return [text[begin:end] for begin, end in pairwise(borders) if begin < end]


@pytest.mark.parametrize(
    ("text", "unicode", "kept"),
    [
        ("안녕 세계", ["안", "녕 ", "세", "계"], ["안녕 ", "세계"]),
        ("日本「語」", ["日", "本", "「語」"], ["日本", "「語」"]),
        ("well-known, 2.5%", ["well-", "known, ", "2.5%"], ["well-", "known, ", "2.5%"]),
        ("a/b c", ["a/", "b ", "c"], ["a/", "b ", "c"]),
        ("no\u00a0break here", ["no\u00a0break ", "here"], ["no\u00a0break ", "here"]),
        ("👨\u200d👩\u200d👧🇰🇷", ["👨\u200d👩\u200d👧", "🇰🇷"], ["👨\u200d👩\u200d👧", "🇰🇷"]),
        ("السلام عليكم", ["السلام ", "عليكم"], ["السلام ", "عليكم"]),
    ],
)
def test_lines_may_break_where_unicode_says(text: str, unicode: list[str], kept: list[str]) -> None:
    assert pieces(text, UNICODE) == unicode
    assert pieces(text, KEEP_WORDS) == kept


def test_without_a_rule_lines_break_at_spaces_alone() -> None:
    assert pieces("안녕 well-known  日本", SPACES) == ["안녕 ", "well-known ", " ", "日本"]


@pytest.mark.parametrize("rule", BREAKS)
def test_every_character_is_in_one_line_and_no_line_is_wider_than_it_must(rule: str) -> None:
    text = "한국어와 English, well-known 日本語 words: 안녕하세요!  End"
    advances = [0.0 if unicodedata.combining(char) else 1.0 for char in text]
    for wrap in range(1, 30):
        lines = break_lines(text, advances, wrap, rule)
        assert [place for line in lines for place in line] == [
            0,
            *(end for _, end in lines[:-1] for _ in range(2)),
            len(text),
        ]
        assert all(len(text[begin:end].rstrip()) <= wrap for begin, end in lines)
        # Greedy: what begins a line did not fit into the one before.
        allowed = sorted(breaks(text, rule) | {len(text)})
        for (begin, end), (_, after) in pairwise(lines):
            following = next(place for place in allowed if place > end)
            if end in allowed and following <= after:
                assert len(text[begin:following].rstrip()) > wrap


def test_what_is_left_of_a_word_is_broken_again_where_it_is_too_wide() -> None:
    """A narrow word before it that goes to the line above makes no room for a wide letter."""
    text, advances = "i " + "m" * 12, [0.05, 0.05, *[1.05] * 12]
    for rule in BREAKS:
        lines = break_lines(text, advances, 10.0, rule)
        assert lines == [(0, 2), (2, 11), (11, 14)]


def test_no_line_breaks_at_a_no_break_space() -> None:
    for space in "\u00a0\u2007\u202f":
        for rule in BREAKS:
            assert pieces(f"10{space}km 9", rule) == [f"10{space}km ", "9"]
            assert break_lines(f"10{space}km 10{space}km", [1.0] * 11, 6.0, rule) == [(0, 6), (6, 11)]


def test_many_marks_and_spaces_in_a_row_are_a_few() -> None:
    """The rules look back over all of them from each: a long row took minutes."""
    begun = time.process_time()
    for many in ("\u0301" * 4000, "\u0301\u0316" * 2000, "\u200d" * 4000, "\u0e35" * 4000, "\U000e0061" * 4000):
        text = f"ab{many}c d"
        assert clusters(text) == ((0, 1), (1, 4002), (4002, 4003), (4003, 4004), (4004, 4005))
        assert breaks(text, UNICODE) == {4004}
    spaced = f"a{' ' * 3998}b"
    assert breaks(spaced, UNICODE) == breaks(spaced, KEEP_WORDS) == {3999}
    assert len(clusters(spaced)) == 4000
    assert time.process_time() - begun < 10.0


@given(st.text(alphabet="a1א한ำี\u0301\u094d\u0915\u200d👩🏽🇰🇷 -.(\u00a0", max_size=60))
def test_shortened_or_not_the_borders_are_unicodes(text: str) -> None:
    assert [begin for begin, _ in clusters(text)] == [*grapheme_cluster_boundaries(text)][:-1]
    assert breaks(text, UNICODE) == {*line_break_boundaries(text)} - {0, len(text)}


def test_korean_breaks_between_syllables_when_asked() -> None:
    text = "대한민국의 국민"
    wrap = layout("대한민국의 국").width + 1

    def first_line(rule: str) -> int:
        placed = layout(text, wrap=wrap, breaks=rule)
        return len([glyph for glyph in placed.glyphs if glyph.y == placed.glyphs[0].y])

    assert [first_line(rule) for rule in (SPACES, KEEP_WORDS, UNICODE)] == [5, 5, 7]


def ends(text: str, **changes: Any) -> list[tuple[float, float]]:
    """Where each line begins, and where its last glyph does."""
    placed = layout(text, **changes)
    rows = sorted({glyph.y for glyph in placed.glyphs})
    return [
        (min(glyph.x for glyph in placed.glyphs if glyph.y == row), max(g.x for g in placed.glyphs if g.y == row))
        for row in rows
    ]


def test_justified_lines_fill_the_box_and_the_last_does_not() -> None:
    text, wrap = "some words that are set in lines of one width", 900.0
    left, justified = ends(text, wrap=wrap), ends(text, wrap=wrap, align="justify")
    width = layout("x").width
    assert len(justified) >= 3
    for begin, last in justified[:-1]:
        assert begin == pytest.approx(left[0][0], abs=10)
        assert wrap - width * 1.6 < last <= wrap
    assert justified[-1] == left[-1]


@pytest.mark.parametrize(("text", "start"), [("abc\nx", "left"), ("אבג\nא", "right")])
def test_start_and_end_follow_the_direction_of_the_text(text: str, start: str) -> None:
    end = {"left": "right", "right": "left"}[start]
    assert layout(text, align="start") == layout(text, align=start)
    assert layout(text, align="end") == layout(text, align=end)


def test_space_between_letters_is_between_them_alone() -> None:
    plain, spaced = layout("abcd"), layout("abcd", letter_spacing=10.0)
    assert spaced.width == pytest.approx(plain.width + 30)
    moved = [one.x - other.x for one, other in zip(spaced.glyphs, plain.glyphs, strict=True)]
    assert moved == pytest.approx([0, 10, 20, 30])
    hebrew = layout("אבגד", letter_spacing=10.0).width - layout("אבגד").width
    assert hebrew == pytest.approx(30)
    # Arabic letters join; a mark stays on its letter.
    assert layout("سلام", letter_spacing=10.0) == layout("سلام")
    assert layout("e\u0301e\u0301", letter_spacing=10.0).width == pytest.approx(layout("e\u0301e\u0301").width + 10)


@pytest.mark.parametrize("spacing", [20.0, -20.0])
@pytest.mark.parametrize("rule", BREAKS)
def test_a_line_that_fits_fits_whatever_space_is_between_letters(rule: str, spacing: float) -> None:
    for text in ("abcd", "אבגד"):
        width = layout(text, letter_spacing=spacing).width
        for more, lines in ((0.01, 1), (-0.01, 2)):
            placed = layout(text, letter_spacing=spacing, wrap=width + more, breaks=rule).glyphs
            assert len({glyph.y for glyph in placed}) == lines


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("שלום", "Noto Sans Hebrew"),
        ("ไทย", "Noto Sans Thai"),
        ("铁们这", "Noto Sans CJK KR"),
        ("ქართული", "Noto Sans Georgian"),
        ("አማርኛ", "Noto Sans Ethiopic"),
        ("བོད", "Noto Sans Tibetan"),
        ("தமிழ்", "Noto Sans Tamil"),
        ("ខ្មែរ", "Noto Sans Khmer"),
        ("😀", COLOUR_EMOJI),
        ("❤\ufe0f", COLOUR_EMOJI),
        ("🇰🇷", COLOUR_EMOJI),
        ("1\ufe0f\u20e3", COLOUR_EMOJI),
        ("👩\u200d🚀", COLOUR_EMOJI),
        ("☂\ufe0e", "Noto Sans CJK KR"),
    ],
)
def test_each_script_comes_from_a_font_that_has_it(text: str, family: str) -> None:
    glyphs = [glyph for glyph in layout(text).glyphs if glyph.index]
    assert {glyph.font.family for glyph in glyphs} == {family}
    assert all(glyph.index for glyph in layout(text).glyphs)


def test_an_emoji_of_several_characters_is_one_glyph() -> None:
    for text in ("👩\u200d🚀", "🇰🇷", "👍🏽", "👨\u200d👩\u200d👧"):
        placed = layout(text).glyphs
        assert len([glyph for glyph in placed if glyph.font.shaper.get_glyph_extents(glyph.index).width]) == 1


@pytest.mark.parametrize("text", ["☂", "😀", "👩\u200d🚀", "🇰🇷"])
def test_who_asks_for_emoji_of_one_colour_gets_them(text: str) -> None:
    glyphs = layout(text, family="Noto Emoji").glyphs
    assert {glyph.font.family for glyph in glyphs} == {"Noto Emoji"}
    assert all(glyph.index for glyph in glyphs)


def test_weights_and_italics_are_fonts_of_their_own() -> None:
    assert layout("A", weight="bold").glyphs[0].font is font("Noto Sans", "bold")
    slanted = layout("A", italic=True).glyphs[0].font
    assert slanted is font("Noto Sans", "regular", True)
    assert slanted.slant == 0.0, "it has italics"
    assert layout("안", italic=True).glyphs[0].font.slant == pytest.approx(0.2126)


def test_threads_that_ask_at_once_get_one_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two fonts for one would end runs, and what is drawn would depend on who came first."""
    together = threading.Barrier(4)
    load = fonts.Font

    def slowly(family: str, weight: str, italic: bool) -> fonts.Font:
        together.wait(10.0)
        return load(family, weight, italic)

    monkeypatch.setattr(fonts, "_loaded", {})
    monkeypatch.setattr(fonts, "Font", slowly)
    with ThreadPoolExecutor(4) as pool:
        found = [task.result() for task in [pool.submit(font, "Noto Sans Thai", "light") for _ in range(4)]]
    assert len({id(each) for each in found}) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_chosen(family: str) -> None:
    chosen = font(family, "regular")
    assert chosen.covers(
        {"Noto Emoji": "☂", "Noto Sans Arabic": "س", "Noto Sans Hebrew": "ש", "Noto Sans Thai": "ท"}.get(family, "1")
    )
    assert isinstance(chosen.shaper, hb.Font)


def test_faces_change_within_a_text() -> None:
    plain, bold = Face("Noto Sans", "regular"), Face("Noto Sans", "bold", underline=True)
    mixed = layout("ab", [plain, bold])
    assert [glyph.font for glyph in mixed.glyphs] == [font("Noto Sans", "regular"), font("Noto Sans", "bold")]
    (bar,) = mixed.bars
    assert bar.left == pytest.approx(layout("a").width)
    assert bar.right == pytest.approx(mixed.width)
    assert layout("a b", [bold] * 3).bars == (layout("a b", [bold] * 3).bars[0],), "one line under both words"
