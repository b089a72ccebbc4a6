"""Subtitles: cues with their times and texts, from SubRip (.srt) and WebVTT (.vtt) files.

SubRip has no standard; what is read is what players agree on, and the tags <i>, <b>, <u> and {\\an1} to {\\an9}. WebVTT
is the W3C's, its cue settings and cue text; styles, regions and vertical text are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Final

from artifex.media.v1.messages_pb2 import MediaInfo, Subtitles
from libs.frames.errors import MediaUnreadable, MediaUnsupported
from libs.frames.probe import to_rational
from libs.frames.subtitle_text import Marked, read_markup

FORMATS: Final = ("srt", "vtt")
"""Extensions of the files that are taken."""
MAX_BYTES: Final = 16 * 1024 * 1024
MAX_CUES: Final = 100_000
MAX_TEXT: Final = 4000
"""Characters of one cue."""

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{3})"
_TIMING: Final = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s+(.*))?")
_SETTING: Final = re.compile(r"(?<!\S)([a-z]++):(\S+)")
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)%")
_ALIGNED: Final = re.compile(r"\{\\an([1-9])\}")
_EXTENSIONS: Final = re.compile(r"\{\\[^{}]*+\}")
_ALIGNMENTS: Final = {
    "start": "start",
    "left": "left",
    "center": "center",
    "middle": "center",
    "end": "end",
    "right": "right",
}
_LINE_ANCHORS: Final = ("start", "center", "end")
_ANCHORS: Final = {"line-left": "left", "center": "center", "line-right": "right"}
# The keypad's rows from below, and its columns.
_ROWS, _COLUMNS = ("bottom", "middle", "top"), ("left", "center", "right")


@dataclass(frozen=True)
class Placement:
    """Where a cue asks to stand; None and empty where it does not say."""

    align: str = ""
    """start, left, center, end or right: how its lines stand."""
    row: str = ""
    """top, middle or bottom."""
    line: float | None = None
    """Of the first line: a number of lines from the top, from the bottom where negative; or parts of the height."""
    line_in_parts: bool = False
    position: float | None = None
    """Of the text across, in parts of the width: of that edge or middle that `align` names, or `anchor`."""
    size: float = 1.0
    """How wide it may be, in parts of the width."""
    line_anchor: str = ""
    """start, center or end: what of the text lies on a line in parts of the height; its top where it does not say."""
    anchor: str = ""
    """left, center or right."""


@dataclass(frozen=True)
class Cue:
    """A text and when it is seen: from `start` to before `end`, in seconds."""

    start: Fraction
    end: Fraction
    text: Marked
    placement: Placement = field(default_factory=Placement)


def subtitle_format(name: str) -> str | None:
    """Which of `FORMATS` a file's name promises; None for what is no subtitle file."""
    extension = PurePath(name).suffix.lower().removeprefix(".")
    return extension if extension in FORMATS else None


def probe_subtitles(path: Path | str, kind: str) -> MediaInfo:
    """What a subtitle file holds, once all of it has been read. `kind` is one of `FORMATS`.

    Raises MediaUnreadable for what is none, with the line that is wrong, MediaUnsupported for one that is too large.
    """
    cues = read_subtitles(path, kind)
    end = max(cue.end for cue in cues)
    info = MediaInfo(format=kind, subtitles=Subtitles(cue_count=len(cues)))
    info.subtitles.start_time.CopyFrom(to_rational(cues[0].start))
    info.duration.CopyFrom(to_rational(end))
    return info


def read_subtitles(path: Path | str, kind: str) -> tuple[Cue, ...]:
    """The cues in order of their beginnings, those that begin together as the file has them; at least one.

    Raises like `probe_subtitles`.
    """
    path = Path(path)
    if path.stat().st_size > MAX_BYTES:
        raise MediaUnsupported(path, f"it is larger than the {MAX_BYTES // 1024**2} MiB taken of subtitles")
    lines = _decoded(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = 0
    if kind == "vtt":
        if not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
            raise MediaUnreadable(path, 'it is no WebVTT file: its first line must be "WEBVTT"')
        first = 1
    cues: list[Cue] = []
    for number, block in _blocks(lines, first):
        cue = _cue(path, kind, number, block)
        if cue is not None:
            cues.append(cue)
            if len(cues) > MAX_CUES:
                raise MediaUnsupported(path, f"it holds more than the {MAX_CUES} cues taken")
    if not cues:
        raise MediaUnreadable(path, f"it holds no cue that a .{kind} file could: a time such as {_EXAMPLES[kind]}")
    return tuple(sorted(cues, key=lambda cue: cue.start))


_EXAMPLES: Final = {"srt": "00:00:01,500 --> 00:00:04,000", "vtt": "00:01.500 --> 00:04.000"}


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise MediaUnreadable(path, f"line {line} is not UTF-8; save the file as UTF-8") from error
    if "\0" in text:
        raise MediaUnreadable(path, "it is no text")
    return text


def _blocks(lines: list[str], first: int) -> Iterator[tuple[int, list[str]]]:
    """Lines that stand together, with the number of the first, counted from 1."""
    block: list[str] = []
    begin = 0
    for number, line in enumerate([*lines[first:], ""], first + 1):
        if line.strip():
            begin = begin if block else number
            block.append(line)
        elif block:
            yield begin, block
            block = []


def _cue(path: Path, kind: str, number: int, block: list[str]) -> Cue | None:
    """The cue of a block; None for a block that is none, and for a cue without text or duration."""
    at = next((index for index, line in enumerate(block[:2]) if "-->" in line), None)
    if at is None:
        if kind == "vtt":
            # Notes, styles and regions; whatever else has no time is left out, as the standard says.
            return None
        raise MediaUnreadable(path, f"line {number} belongs to no cue: a time such as {_EXAMPLES[kind]} is missing")
    match = _TIMING.fullmatch(block[at])
    if match is None:
        raise MediaUnreadable(path, f"line {number + at} is no time; write it as {_EXAMPLES[kind]}")
    start, end = _time(path, number + at, match.groups()[:4]), _time(path, number + at, match.groups()[4:8])
    if end < start:
        raise MediaUnreadable(path, f"line {number + at} ends before it begins")
    text = "\n".join(block[at + 1 :])
    placement = Placement()
    if kind == "vtt":
        placement = _settings(match[9] or "")
    elif (asked := _ALIGNED.search(text)) is not None:
        key = int(asked[1]) - 1
        placement = Placement(align=_COLUMNS[key % 3], row=_ROWS[key // 3])
    marked = read_markup(_EXTENSIONS.sub("", text) if kind == "srt" else text, entities=kind == "vtt")
    if len(marked.text) > MAX_TEXT:
        raise MediaUnsupported(path, f"line {number} begins a cue of more than {MAX_TEXT} characters")
    # What ends as it begins is seen at no time; editors leave such cues behind.
    return Cue(start, end, marked, placement) if marked.text.strip() and start < end else None


def _time(path: Path, number: int, parts: tuple[str | None, ...]) -> Fraction:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    if minutes > 59 or seconds > 59:
        raise MediaUnreadable(path, f"line {number} has a time of more than 59 minutes or seconds")
    return Fraction(((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths, 1000)


def _settings(text: str) -> Placement:
    """WebVTT's cue settings; those that it does not know, or that are out of range, are left out as it asks."""
    given = dict(_SETTING.findall(text))
    align = _ALIGNMENTS.get(given.get("align", ""), "")
    where, _, line_anchor = given.get("line", "").partition(",")
    line, in_parts = _line(where)
    where, _, anchor = given.get("position", "").partition(",")
    position = _parts(where)
    size = _parts(given.get("size", ""))
    return Placement(
        align,
        "",
        line,
        in_parts,
        position,
        1.0 if size is None else size,
        line_anchor if in_parts and line_anchor in _LINE_ANCHORS else "",
        _ANCHORS.get(anchor, "") if position is not None else "",
    )


def _line(text: str) -> tuple[float | None, bool]:
    parts = _parts(text)
    if parts is not None:
        return parts, True
    return (float(text), False) if re.fullmatch(r"-?\d{1,4}", text) else (None, False)


def _parts(text: str) -> float | None:
    match = _PERCENT.fullmatch(text)
    return float(match[1]) / 100 if match is not None and float(match[1]) <= 100 else None
