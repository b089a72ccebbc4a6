"""SubtitleInput."""

from bisect import bisect_right
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import (
    MASK,
    VIDEO,
    Asset,
    Choice,
    Float,
    Frame,
    MediaSource,
    Output,
    RenderContext,
    Request,
    Time,
    Vector2,
)
from libs.frames.subtitle_text import BOLD, ITALIC, UNDERLINE, Marked
from libs.frames.subtitles import Cue, Placement, read_subtitles
from services.graph.nodes.lettering import LetteringNode
from services.graph.nodes.typography.fonts import font
from services.graph.nodes.typography.layout import Layout, Style, set_text
from services.graph.nodes.typography.painting import Spot, covered, painted, stacked
from services.graph.nodes.typography.segments import BREAKS, KEEP_WORDS
from services.graph.nodes.typography.shaping import Face

_ROWS: Final = ("bottom", "middle", "top")
_ALIGNMENTS: Final = ("left", "center", "right", "start", "end")
_SHARES: Final = {"left": 0.0, "start": 0.0, "center": 0.5, "right": 1.0, "end": 1.0}


class SubtitleInput(LetteringNode):
    """Shows the subtitles of a SubRip (.srt) or WebVTT (.vtt) file, each at its time.

    A cue from s to e is seen at the times t of s ≤ t − start < e, exactly: frame n is of the time n / rate. Cues that
    are seen together stand one above the other, the earliest nearest to the edge. Text is set as TextInput sets it,
    with all that goes with it; <i>, <b> and <u> are followed. Lines are as long as fits between the margins, and break
    as `breaks` says.

    Where a cue says where it stands, it does: by SubRip's {\\an1} to {\\an9}, or WebVTT's `line`, `position`, `size`
    and `align` (W3C, WebVTT: The Web Video Text Tracks Format); not beyond the margins. WebVTT's styles, regions and
    vertical text have no effect. The usual margins are EBU R 95's for graphics.

    Memory: the pixels that the text covers, three times, and the file's text. Cost: shaping and drawing, once for as
    long as the same cues are seen.
    """

    category = "Input"
    time_dependent = True

    video = Output(VIDEO, "The subtitles on transparent black.")
    mask = Output(MASK, "What the letters and their outline cover, times the opacity.")

    asset = Asset(doc="The subtitles: an .srt or .vtt file, in UTF-8.", holds="subtitles")
    start = Time(Fraction(0), doc="When the file's times begin in the document.")
    size = Float(48.0, minimum=1, maximum=2000, unit="px", doc="Height of the em.")
    breaks = Choice(
        KEEP_WORDS,
        choices=BREAKS,
        doc="Where lines break: at spaces, by Unicode's rules, or by these and never within a word of any script.",
    )
    outline_width = Float(3.0, minimum=0, maximum=200, unit="px", doc="Thickness of a line around letters; 0 for none.")
    row = Choice("bottom", choices=_ROWS, doc="Where cues stand that do not say it.")
    align = Choice("center", choices=_ALIGNMENTS, doc="How lines stand that do not say it.")
    margins = Vector2(
        (0.05, 0.05),
        minimum=0,
        maximum=0.45,
        doc="What stays free at the sides, and at the top and bottom, in parts of the width and height.",
    )

    def extent(self, info: media.MediaInfo | None) -> Fraction | None:
        return None if info is None else self.start + Fraction(info.duration.numerator, info.duration.denominator or 1)

    def fingerprint(self, request: Request) -> Hashable:
        source = _source(request.source)
        values = {name: value for name, value in self.values.items() if name not in ("asset", "start")}
        return (source.key, self._seen(request), tuple(sorted(values.items())))

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        wants_mask = request.output.kind == MASK
        limit = request.region.intersect(request.surroundings)
        track = _track(_source(request.source))
        spots = self._spots([track.cues[number] for number in self._seen(request)], request)
        look = self.look(float(request.scale))
        made = (
            covered(spot, look, self.opacity, limit)
            if wants_mask
            else painted(spot, look, self.opacity, limit, context.colour)
            for spot in spots
        )
        frame = stacked(made)
        return frame if not frame.window.empty else Frame.empty(1 if wants_mask else 4)

    def _seen(self, request: Request) -> tuple[int, ...]:
        """Which cues are seen, by number."""
        return _track(_source(request.source)).at(request.time - self.start)

    def _spots(self, cues: Sequence[Cue], request: Request) -> Iterator[Spot]:
        """The cues' layouts where they stand, in pixels of the request."""
        scale = float(request.scale)
        width, height = request.width / scale, request.height / scale
        left, top = self.margins[0] * width, self.margins[1] * height
        # Stacks of cues that do not say on which line they stand: how high each is already.
        high = dict.fromkeys(_ROWS, 0.0)
        for cue in cues:
            placed = cue.placement
            align = placed.align or self.align
            layout = self._set(cue.text, align, min(placed.size * width, width - 2 * left))
            x = self._across(layout, placed, align, left, width)
            if placed.line is None:
                row = placed.row or self.row
                y = {"top": top + high[row], "bottom": height - top - high[row] - layout.height}.get(
                    row, (height - layout.height) / 2 + high[row]
                )
                high[row] += layout.height
            else:
                y = self._down(layout, placed, top, height)
            yield Spot(layout.scaled(scale), x * scale, y * scale, self.size * scale)

    def _set(self, text: Marked, align: str, room: float) -> Layout:
        style = Style(
            self.font,
            self.weight,
            self.size,
            align,
            max(room, self.size),
            self.line_spacing,
            self.letter_spacing,
            self.breaks,
            self.italic,
            tight=True,
        )
        faces = [
            Face(
                self.font,
                "bold" if mark & BOLD else self.weight,
                self.italic != bool(mark & ITALIC),
                bool(mark & UNDERLINE),
            )
            for mark in text.marks
        ]
        return set_text(text.text, style, faces)

    def _across(self, layout: Layout, placed: Placement, align: str, left: float, width: float) -> float:
        share = _SHARES[align]
        if placed.position is not None:
            x = placed.position * width - _SHARES[placed.anchor or align] * layout.width
        else:
            x = left + share * (width - 2 * left - layout.width)
        return min(max(x, left), max(width - left - layout.width, left))

    def _down(self, layout: Layout, placed: Placement, top: float, height: float) -> float:
        assert placed.line is not None
        if placed.line_in_parts:
            y = placed.line * height - _SHARES[placed.line_anchor or "start"] * layout.height
        else:
            first = font(self.font, self.weight, self.italic)
            step = (first.ascent + first.descent + first.line_gap) * self.size * self.line_spacing
            # Lines are counted from the top; from the bottom −1 is the last.
            y = (
                top + placed.line * step
                if placed.line >= 0
                else height - top + (placed.line + 1) * step - layout.height
            )
        return min(max(y, top), max(height - top - layout.height, top))


@dataclass(frozen=True, slots=True)
class _Track:
    """A file's cues, to be found by time."""

    cues: tuple[Cue, ...]
    starts: tuple[Fraction, ...]
    longest: Fraction

    def at(self, time: Fraction) -> tuple[int, ...]:
        """The numbers of those that are seen."""
        first, end = bisect_right(self.starts, time - self.longest), bisect_right(self.starts, time)
        return tuple(number for number in range(first, end) if time < self.cues[number].end)


def _track(source: MediaSource) -> _Track:
    return _read(str(source.path), source.info.format, source.key)


@lru_cache(maxsize=8)
def _read(path: str, kind: str, key: str) -> _Track:
    """`key` tells contents apart that lie at the same place one after the other."""
    cues = read_subtitles(path, kind)
    return _Track(cues, tuple(cue.start for cue in cues), max(cue.end - cue.start for cue in cues))


def _source(source: MediaSource | None) -> MediaSource:
    if source is None:
        raise LookupError("the subtitles' file was not opened")
    return source
