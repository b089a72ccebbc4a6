"""Subtitles: times, texts and places as the formats have them, and what is refused with its line."""

import contextlib
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.frames.errors import MediaError, MediaUnreadable, MediaUnsupported
from libs.frames.subtitle_text import BOLD, ITALIC, UNDERLINE, read_markup
from libs.frames.subtitles import MAX_TEXT, Cue, Placement, probe_subtitles, read_subtitles, subtitle_format

SRT = """1
00:00:01,500 --> 00:00:04,000
Hello, <i>world</i>

2
00:01:00,001 --> 01:02:03,004
{\\an8}안녕
두 번째 줄
"""
VTT = """WEBVTT - made by hand

STYLE
::cue { color: lime }

NOTE
this is nobody's

intro
00:01.500 --> 00:04.000 align:start line:10% position:25% size:50%
<v Anna>Hello &amp; <b>goodbye</b>

01:00:00.000 --> 01:00:02.500 line:-2
<c.loud>مرحبا</c><ruby>漢<rt>kan</rt></ruby>
"""


def read(folder: Path, text: str | bytes, kind: str = "srt") -> tuple[Cue, ...]:
    path = folder / f"a.{kind}"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_subtitles(path, kind)


def test_subrip_has_times_texts_and_places(tmp_path: Path) -> None:
    first, second = read(tmp_path, SRT)
    assert (first.start, first.end) == (Fraction(3, 2), Fraction(4))
    assert first.text.text == "Hello, world"
    assert first.text.marks == (0,) * 7 + (ITALIC,) * 5
    assert (second.start, second.end) == (Fraction(60_001, 1000), Fraction(3723004, 1000))
    assert second.text.text == "안녕\n두 번째 줄"
    assert second.placement == Placement(align="center", row="top")


def test_webvtt_has_settings_entities_and_blocks_that_are_no_cues(tmp_path: Path) -> None:
    first, second = read(tmp_path, VTT, "vtt")
    assert (first.start, first.end) == (Fraction(3, 2), Fraction(4))
    assert first.text.text == "Hello & goodbye"
    assert first.text.marks == (0,) * 8 + (BOLD,) * 7
    assert first.placement == Placement("start", "", 0.1, True, 0.25, 0.5)
    assert second.start == 3600
    assert second.text.text == "مرحبا漢"
    assert second.placement == Placement(line=-2.0)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("kind", "text"), [("srt", SRT), ("vtt", VTT)])
def test_line_ends_and_byte_order_marks_change_nothing(
    tmp_path: Path, newline: str, encoding: str, kind: str, text: str
) -> None:
    plain = read(tmp_path, text, kind)
    assert read(tmp_path, text.replace("\n", newline).encode(encoding), kind) == plain


def test_ffmpeg_finds_the_same_times(tmp_path: Path) -> None:
    for kind, text in (("srt", SRT), ("vtt", VTT)):
        ours = read(tmp_path, text, kind)
        with av.open(str(tmp_path / f"a.{kind}")) as container:
            stream = container.streams.subtitles[0]
            packets: list[Any] = [packet for packet in container.demux(stream) if packet.size]
            base = stream.time_base
        theirs = [(packet.pts * base, (packet.pts + packet.duration) * base) for packet in packets]
        assert [(cue.start, cue.end) for cue in ours] == theirs


def test_cues_come_in_order_and_those_without_text_do_not(tmp_path: Path) -> None:
    blocks = [("00:00:05,000", "later"), ("00:00:01,000", "earlier"), ("00:00:02,000", "<i></i>")]
    text = "\n\n".join(f"1\n{start} --> 00:00:09,000\n{said}" for start, said in blocks)
    assert [cue.text.text for cue in read(tmp_path, text)] == ["earlier", "later"]


@pytest.mark.parametrize(
    ("source", "text", "marks"),
    [
        ("<b>a<i>b</b>c</i>d", "abcd", (BOLD, BOLD | ITALIC, ITALIC, 0)),
        ("<u>never closed", "never closed", (UNDERLINE,) * 12),
        ("a < b > c <3", "a < b > c <3", (0,) * 12),
        ('<font color="#ff0000">red</font>', "red", (0,) * 3),
        ("<00:00:01.000>timed", "timed", (0,) * 5),
        ("</i>x", "x", (0,)),
        ("<I>A</I>", "A", (ITALIC,)),
        ("<i.loud>x</i>", "x", (ITALIC,)),
    ],
)
def test_tags_mark_characters_until_they_are_closed(source: str, text: str, marks: tuple[int, ...]) -> None:
    assert read_markup(source, entities=False) == read_markup(source, entities=True)
    marked = read_markup(source, entities=False)
    assert (marked.text, marked.marks) == (text, marks)


def test_entities_are_webvtts_alone() -> None:
    assert read_markup("&lt;i&gt; &nbsp;&lrm;&#8364;&bogus;", entities=True).text == "<i> \u00a0\u200e€&bogus;"
    assert read_markup("&lt;", entities=False).text == "&lt;"


@given(st.text(alphabet="ab<>/iub&;. \n#", max_size=40), st.booleans())
@settings(max_examples=200)
def test_any_text_has_a_mark_for_each_character(source: str, entities: bool) -> None:
    marked = read_markup(source, entities=entities)
    assert len(marked.text) == len(marked.marks)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("srt", "", "holds no cue"),
        ("srt", "1\n00:00:01,000 --> 00:00:02\nx", "line 2 is no time"),
        ("srt", "1\n00:00:02,000 --> 00:00:01,000\nx", "line 2 ends before it begins"),
        ("srt", "1\n00:61:02,000 --> 00:62:01,000\nx", "line 2 has a time of more than 59"),
        ("srt", "1\n00:00:01,000 --> 00:00:02,000\nx\n\nlost words\n", "line 5 belongs to no cue"),
        ("srt", b"1\n00:00:01,000 --> 00:00:02,000\ncaf\xe9", "line 3 is not UTF-8"),
        ("srt", b"1\n00:00:01,000 --> 00:00:02,000\na\0b", "no text"),
        ("srt", b"\x1aE\xdf\xff" * 9, "is not UTF-8"),
        ("vtt", "00:01.000 --> 00:02.000\nx", 'its first line must be "WEBVTT"'),
        ("vtt", "WEBVTTX\n\n00:01.000 --> 00:02.000\nx", 'its first line must be "WEBVTT"'),
        ("vtt", "WEBVTT\n\nNOTE nothing", "holds no cue"),
        ("vtt", "WEBVTT\n\n00:01.000 -> 00:02.000\nx", "holds no cue"),
        ("vtt", "WEBVTT\n\n00:01 --> 00:02\nx", "line 3 is no time"),
    ],
)
def test_what_is_broken_is_told_with_its_line(tmp_path: Path, kind: str, text: str | bytes, said: str) -> None:
    with pytest.raises(MediaUnreadable, match=said) as refused:
        read(tmp_path, text, kind)
    assert refused.value.metadata["file"] == f"a.{kind}"


def test_what_has_no_duration_is_left_out(tmp_path: Path) -> None:
    text = "1\n00:00:01,000 --> 00:00:01,000\nnever\n\n2\n00:00:02,000 --> 00:00:03,000\nseen"
    assert [cue.text.text for cue in read(tmp_path, text)] == ["seen"]
    with pytest.raises(MediaUnreadable, match="holds no cue"):
        read(tmp_path, text[:36])


@pytest.mark.parametrize("repeated", ["<a ", "<b>", "<i></i>", "<1.", "{\\", "&amp", "a"])
@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_time_grows_with_the_text_alone(tmp_path: Path, kind: str, repeated: str) -> None:
    """Of text that is read again and again from each of its characters, this much would take minutes."""
    many = repeated * 200_000
    head = {"srt": "1\n00:00:01,000 --> 00:00:02,000", "vtt": f"WEBVTT\n\n00:01.000 --> 00:02.000 {many}"}
    begin = time.process_time()
    with contextlib.suppress(MediaUnsupported):
        read(tmp_path, f"{head[kind]}\nx<1{many}", kind)
    assert time.process_time() - begin < 10


def test_what_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaUnsupported, match="line 1 begins a cue of more than"):
        read(tmp_path, f"1\n00:00:01,000 --> 00:00:02,000\n{'x' * (MAX_TEXT + 1)}")


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_cues_or_a_typed_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    for kind, head in (("srt", b""), ("vtt", b"WEBVTT\n\n")):
        try:
            cues = read(folder, head + data, kind)
        except MediaError:
            continue
        assert cues


@pytest.mark.parametrize(
    ("setting", "placement"),
    [
        ("align:middle", Placement(align="center")),
        ("line:101% position:x size:-5%", Placement()),
        ("line:0", Placement(line=0.0)),
        ("line:5,end position:30%,line-left", Placement(line=5.0, position=0.3, anchor="left")),
        ("line:5%,end position:x,line-left", Placement(line=0.05, line_in_parts=True, line_anchor="end")),
        ("vertical:rl region:r1 unknown:3", Placement()),
    ],
)
def test_settings_that_mean_nothing_are_left_out(tmp_path: Path, setting: str, placement: Placement) -> None:
    (cue,) = read(tmp_path, f"WEBVTT\n\n00:01.000 --> 00:02.000 {setting}\nx", "vtt")
    assert cue.placement == placement


def test_it_says_what_a_file_holds(tmp_path: Path) -> None:
    read(tmp_path, SRT)
    info = probe_subtitles(tmp_path / "a.srt", "srt")
    assert (info.format, info.subtitles.cue_count) == ("srt", 2)
    assert (info.subtitles.start_time.numerator, info.subtitles.start_time.denominator) == (3, 2)
    assert Fraction(info.duration.numerator, info.duration.denominator) == Fraction(3723004, 1000)
    assert not info.video_streams


@pytest.mark.parametrize(("name", "kind"), [("a.srt", "srt"), ("A.B.VTT", "vtt"), ("srt", None), ("a.srt.mp4", None)])
def test_a_name_tells_subtitles_from_media(name: str, kind: str | None) -> None:
    assert subtitle_format(name) == kind
