"""Subtitles on pictures: seen exactly when they should be, where they should be, as TextInput would set them."""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import EVERYWHERE, MASK, Frame, Window
from libs.frames.subtitles import probe_subtitles
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.checking import check
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.domain.evaluate.sources import SourceFile, open_sources
from services.graph.nodes.input.subtitle_input import SubtitleInput
from services.graph.nodes.input.text_input import TextInput
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.support import Context, document, footage_info, node, output

WIDTH, HEIGHT = 640, 360
WHOLE = Window(0, 0, WIDTH, HEIGHT)


@dataclass
class Subtitles:
    """A source that is a subtitle file."""

    path: Path
    info: media.MediaInfo
    key: str

    def picture(self, time: Fraction, region: Window | None = None) -> Frame:
        raise NotImplementedError

    def samples(self, start: int, count: int, *, rate: int, channels: int) -> Any:
        raise NotImplementedError


def subtitles(folder: Path, text: str, kind: str = "srt") -> Subtitles:
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()}.{kind}"
    path.write_text(text)
    return Subtitles(path, probe_subtitles(path, kind), text)


def one(folder: Path, text: str, setting: str = "") -> Subtitles:
    return subtitles(folder, f"WEBVTT\n\n00:00.000 --> 00:10.000 {setting}\n{text}", "vtt")


def drawn(source: Subtitles, time: Fraction | int = 1, scale: Fraction = Fraction(1), **params: Any) -> Frame:
    size = (int(WIDTH * scale), int(HEIGHT * scale))
    given = {"asset": "assets/a", **params}
    return applied(node(SubtitleInput, **given), {}, size, scale=scale, source=source, time=Fraction(time))


def ink(frame: Frame) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is seen."""
    rows, columns = np.nonzero(frame.filled(WHOLE)[..., 3] > 0.5)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


TIMED = "1\n00:00:01,001 --> 00:00:02,000\nfirst\n\n2\n00:00:02,000 --> 00:00:03,500\nsecond\n"


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(1000)])
@pytest.mark.parametrize("start", [Fraction(0), Fraction(1, 3)])
def test_cues_are_seen_at_their_times_exactly(tmp_path: Path, rate: Fraction, start: Fraction) -> None:
    source = subtitles(tmp_path, TIMED)
    shown = node(SubtitleInput, asset="assets/a", start=start)
    for seconds, seen in ((Fraction(1001, 1000), (0,)), (Fraction(2), (1,)), (Fraction(7, 2), ())):
        number = -(-(seconds + start) // (1 / rate))
        for frame, expected in ((number, seen), (number - 1, None)):
            request = Context({}, SubtitleInput.video, time=frame / rate, source=source).request
            found = shown._seen(request)
            if expected is not None:
                assert found == expected
            else:
                assert found != seen


def test_nothing_is_seen_between_cues(tmp_path: Path) -> None:
    source = subtitles(tmp_path, TIMED)
    assert drawn(source, 0).window.empty
    assert drawn(source, 10).window.empty
    assert not drawn(source, Fraction(3, 2)).window.empty


def test_frames_between_which_nothing_changes_are_one(tmp_path: Path) -> None:
    source = subtitles(tmp_path, TIMED)
    shown = node(SubtitleInput, asset="assets/a")

    def fingerprint(time: Fraction) -> object:
        return shown.fingerprint(Context({}, SubtitleInput.video, time=time, source=source).request)

    assert fingerprint(Fraction(11, 10)) == fingerprint(Fraction(19, 10))
    assert fingerprint(Fraction(19, 10)) != fingerprint(Fraction(2))
    assert fingerprint(Fraction(0)) == fingerprint(Fraction(9))


def test_a_cue_is_set_as_text_input_sets_it(tmp_path: Path) -> None:
    look: dict[str, Any] = {"size": 40.0, "outline_width": 4.0, "shadow_opacity": 0.5, "weight": "bold"}
    ours = drawn(one(tmp_path, "안녕, Artifex 😀"), margins=(0.0, 0.1), **look)
    text = node(TextInput, text="안녕, Artifex 😀", anchor="bottom", position=(0.5, 0.9), **look)
    theirs = text.render(Context({}, TextInput.video, (WIDTH, HEIGHT)))
    np.testing.assert_allclose(ours.filled(WHOLE), theirs.filled(WHOLE), atol=1e-6)


def test_cues_stand_between_the_margins(tmp_path: Path) -> None:
    long = one(tmp_path, "many words that will never fit into one line of a picture as narrow as this one is")
    for margins in ((0.05, 0.05), (0.3, 0.2)):
        left, top, right, bottom = ink(drawn(long, margins=margins, outline_width=0.0, size=22.0))
        assert left >= margins[0] * WIDTH - 1
        assert right <= (1 - margins[0]) * WIDTH + 1
        assert top >= margins[1] * HEIGHT
        assert bottom <= (1 - margins[1]) * HEIGHT
    bottom = ink(drawn(one(tmp_path, "x"), margins=(0.0, 0.0)))[3]
    assert bottom > HEIGHT - 30


@pytest.mark.parametrize(
    ("setting", "across", "down"),
    [
        ("", "middle", "bottom"),
        ("align:start", "left", "bottom"),
        ("align:right", "right", "bottom"),
        ("line:0", "middle", "top"),
        ("line:0%", "middle", "top"),
        ("line:-1", "middle", "bottom"),
        ("line:100%", "middle", "bottom"),
        ("line:50% position:10% align:left", "left", "middle"),
        ("position:90% align:end", "right", "bottom"),
        ("position:100% align:center", "right", "bottom"),
        ("position:66%,line-right align:center", "middle", "bottom"),
        ("position:34%,line-left", "middle", "bottom"),
        ("line:66%,end", "middle", "middle"),
        ("line:34%,center", "middle", "middle"),
    ],
)
def test_webvtts_settings_say_where(tmp_path: Path, setting: str, across: str, down: str) -> None:
    left, top, right, bottom = ink(drawn(one(tmp_path, "Hg", setting)))
    middle = ((left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT)
    places = {"left": 0, "top": 0, "middle": 1, "right": 2, "bottom": 2}
    assert (int(middle[0] * 3), int(middle[1] * 3)) == (places[across], places[down])


@pytest.mark.parametrize("key", range(1, 10))
def test_subrips_places_are_the_keypads(tmp_path: Path, key: int) -> None:
    source = subtitles(tmp_path, f"1\n00:00:00,000 --> 00:00:09,000\n{{\\an{key}}}Hg\n")
    left, top, right, bottom = ink(drawn(source))
    column, row = int((left + right) / 2 / WIDTH * 3), int((top + bottom) / 2 / HEIGHT * 3)
    assert (column, 2 - row) == ((key - 1) % 3, (key - 1) // 3)


def test_a_narrow_cue_breaks_earlier(tmp_path: Path) -> None:
    wide, narrow = one(tmp_path, "one two three four"), one(tmp_path, "one two three four", "size:30%")
    assert ink(drawn(narrow))[1] < ink(drawn(wide))[1] - 40
    assert ink(drawn(narrow))[2] - ink(drawn(narrow))[0] < 0.33 * WIDTH


def test_cues_that_are_seen_together_stand_above_each_other(tmp_path: Path) -> None:
    both = subtitles(tmp_path, "1\n00:00:00,000 --> 00:00:09,000\nlower\n\n2\n00:00:00,500 --> 00:00:05,000\nupper\n")
    early, late = drawn(both, Fraction(1, 4)), drawn(both, 1)
    assert ink(late)[3] == ink(early)[3]
    assert ink(late)[1] < ink(early)[1] - 40
    lower = Window(0, ink(early)[1] + 2, WIDTH, HEIGHT - ink(early)[1] - 2)
    np.testing.assert_array_equal(early.filled(lower), late.filled(lower))


def test_tags_are_followed(tmp_path: Path) -> None:
    plain = drawn(one(tmp_path, "word")).filled(WHOLE)
    bold = drawn(one(tmp_path, "<b>word</b>")).filled(WHOLE)
    np.testing.assert_array_equal(bold, drawn(one(tmp_path, "word"), weight="bold").filled(WHOLE))
    np.testing.assert_array_equal(
        drawn(one(tmp_path, "<i>word</i>")).filled(WHOLE), drawn(one(tmp_path, "word"), italic=True).filled(WHOLE)
    )
    underlined = drawn(one(tmp_path, "<u>word</u>"), outline_width=0.0).filled(WHOLE)[..., 3]
    left, _, right, _ = ink(drawn(one(tmp_path, "word"), outline_width=0.0))
    line = underlined[:, left:right].min(axis=1)
    assert (line > 0.9).sum() == pytest.approx(48 / 15, abs=1)
    assert not np.array_equal(plain, bold)


def test_the_mask_and_tiles(tmp_path: Path) -> None:
    source = one(tmp_path, "Hello 😀\n안녕")
    shown = node(SubtitleInput, asset="assets/a", box_opacity=0.5)
    mask = applied(shown, {}, (WIDTH, HEIGHT), output=SubtitleInput.mask, source=source)
    bare = applied(node(SubtitleInput, asset="assets/a"), {}, (WIDTH, HEIGHT), source=source)
    assert SubtitleInput.mask.kind == MASK
    np.testing.assert_allclose(mask.filled(WHOLE)[..., 0], bare.filled(WHOLE)[..., 3], atol=0.01)
    assert (
        applied(shown, {}, (WIDTH, HEIGHT), output=SubtitleInput.mask, source=source, time=Fraction(99)).channels == 1
    )
    whole = applied(shown, {}, (WIDTH, HEIGHT), source=source).filled(WHOLE)
    for x in range(0, WIDTH, 213):
        for y in (200, 280):
            tile = Window(x, y, 213, 80).intersect(WHOLE)
            part = applied(shown, {}, (WIDTH, HEIGHT), source=source, region=tile)
            np.testing.assert_allclose(part.filled(tile), whole[tile.inside(WHOLE)], atol=1e-5)
    assert applied(shown, {}, (WIDTH, HEIGHT), source=source, region=EVERYWHERE).window.height < HEIGHT


@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(1, 4)])
def test_a_proxy_shows_the_same_smaller(tmp_path: Path, scale: Fraction) -> None:
    source = one(tmp_path, "words that break where the full picture's do", "size:40%")
    full, size = drawn(source).filled(WHOLE), (int(WIDTH * scale), int(HEIGHT * scale))
    proxy = drawn(source, scale=scale).filled(Window(0, 0, *size))
    averaged = np.asarray(cv2.resize(full, size, interpolation=cv2.INTER_AREA))
    assert np.abs(averaged - proxy)[..., 3].max() < 0.3
    assert np.abs(averaged - proxy).mean() < 0.004


def test_a_document_lasts_as_long_as_its_subtitles(tmp_path: Path) -> None:
    source = subtitles(tmp_path, TIMED)
    nodes = {
        "words": {"type": "SubtitleInput", "params": {"asset": "assets/a", "start": 1}},
        "out": output("words"),
    }
    made = compile(document(nodes, duration=None), catalogue(), "", {"words": source.info})
    assert made.frame_count == 113
    with open_sources({"words": SourceFile(source.path, source.info)}, WorkingColour("ACEScg"), 1) as opened:
        puller = FramePuller(made, opened, WorkingColour("ACEScg"))
        seen = [not puller.frame(number).window.empty for number in range(0, made.frame_count, 5)]
    times = [Fraction(number, 25) - 1 for number in range(0, made.frame_count, 5)]
    assert seen == [Fraction(1001, 1000) <= time < Fraction(7, 2) for time in times]


@pytest.mark.parametrize(
    ("type_", "holds", "said"),
    [("SubtitleInput", "media", "no subtitle file"), ("MediaInput", "subtitles", "read it with a SubtitleInput")],
)
def test_an_asset_of_another_kind_is_told(tmp_path: Path, type_: str, holds: str, said: str) -> None:
    info = subtitles(tmp_path, TIMED).info if holds == "subtitles" else footage_info()
    nodes = {"x": {"type": type_, "params": {"asset": "assets/a"}}, "out": output("x.video")}
    checked = check(document(nodes), catalogue())
    messages = [problem.message for problem in checked.stream_problems({"x": info})]
    assert said in messages[0]
