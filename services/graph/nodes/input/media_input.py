"""MediaInput."""

from collections.abc import Hashable
from fractions import Fraction
from functools import lru_cache
from typing import Final, get_args

import numpy as np

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import (
    AUDIO,
    MASK,
    VIDEO,
    Asset,
    Audio,
    Choice,
    Frame,
    MediaSource,
    Output,
    RenderContext,
    Request,
    SoundContext,
    Time,
)
from libs.frames.interpretation import FieldOrder, Interpretation, Pictures
from services.graph.nodes.clip import LOOP, ClipNode, middle_of_frame
from services.graph.nodes.input.clip_sound import clip_samples
from services.graph.nodes.input.interpreted import AUTO, MATRICES, PRIMARIES, RANGES, TRANSFERS, interpreted
from services.graph.nodes.input.retiming import Shown, frames_within
from services.graph.nodes.placement import FITS, keeps_size, placed, placed_window

NEAREST: Final = "nearest"
BLEND: Final = "blend"
_MOST_BLENDED: Final = 1000
"""Frames in one picture: of files that claim rates no camera has, it would be any number."""


class MediaInput(ClipNode):
    """Brings a media file's pictures and sound into the graph.

    The picture at time t is the one that the file shows at t − start + trim: where the document's rate is another,
    frames are repeated or left out, or, with `retime` "blend", the mean of what the file shows from there on for the
    longer of a frame of the document and one of its own: weighted by time, in linear light. A variable rate is never
    blended, nor one of more than a thousand times the document's. Pictures are upright; their colour tags say how they
    become light: BT.709 and untagged files by the gamma of 2.4 (ITU-R BT.1886), sRGB, linear, PQ (SMPTE ST 2084) and
    HLG (BT.2100) with reference white at 1; `primaries`, `transfer`, `matrix` and `range` take the place of tags that
    are wrong or missing. Signals whiter than white are kept. Alpha is taken as straight and multiplied in after
    linearisation. Pixels that are not square become square. Sound is resampled to 48 kHz and stands at t − start + trim
    to the sample; outside the clip there is silence, except in a loop.

    Interlaced frames hold two fields, the lines of two times. `deinterlace` makes whole pictures of them, one of each
    frame or, at twice the rate, one of each field, by FFmpeg's bwdif (M. Weston's filter of three fields, bounded as in
    yadif), before anything else is done. With `field_order` "auto" that befalls the frames that say to be interlaced,
    in the order that they say; "top" and "bottom" say it of all frames.

    Where the file's rate is constant, frame n is shown from n / rate to (n + 1) / rate, however coarse the clock is
    that the file counts its times by. A proxy is made from the whole picture by averaging in linear light.

    Memory: a few frames of the file. Cost: decoding, one conversion, and one resampling where sizes differ, for each
    frame that is blended; 2 ms for each deinterlaced picture of 1920x1080. Pictures that keep their size are converted
    strip by strip together with the nodes that follow.
    """

    category = "Input"
    version = "1.1.0"
    time_dependent = True

    video = Output(VIDEO, "The pictures.")
    audio = Output(AUDIO, "The sound.")
    mask = Output(MASK, "The pictures' alpha.")

    asset = Asset(doc="The media file.")
    trim = Time(Fraction(0), minimum=0, doc="Seconds left out at the beginning of the file.")
    fit = Choice(
        "fit",
        choices=FITS,
        doc="Size of the picture: as it is with its top left corner at the document's, the largest that fits whole, "
        "the smallest that fills, or stretched to the document.",
    )
    retime = Choice(
        NEAREST,
        choices=(NEAREST, BLEND),
        doc="What is shown where the document's rate is another: the nearest frame, or frames blended by their time.",
    )
    deinterlace = Choice(
        "off",
        choices=get_args(Pictures),
        doc="Whole pictures of interlaced frames: none, one of each frame, or one of each field at twice the rate.",
    )
    field_order = Choice(
        AUTO, choices=get_args(FieldOrder), doc="Which field of a frame is the first: as the file says, or the named."
    )
    primaries = Choice(AUTO, choices=tuple(PRIMARIES), doc="Primaries in the place of the file's tag.")
    transfer = Choice(AUTO, choices=tuple(TRANSFERS), doc="Transfer curve in the place of the file's tag.")
    matrix = Choice(AUTO, choices=tuple(MATRICES), doc="Matrix of Y'CbCr in the place of the file's tag.")
    range = Choice(
        AUTO,
        choices=tuple(RANGES),
        doc="Range of codes in the place of the file's tag: limited is 16 to 235 of 8 bits.",
    )

    def length(self, info: media.MediaInfo) -> Fraction:
        """Seconds of the clip that are played."""
        if info.video_streams:
            duration = info.video_streams[0].duration
        elif info.audio_streams:
            duration = info.audio_streams[0].duration
        else:
            return Fraction(0)
        whole = Fraction(duration.numerator, duration.denominator or 1)
        return max(whole - self.trim, Fraction(0)) if self.trim else whole

    def extent(self, info: media.MediaInfo | None) -> Fraction | None:
        return None if info is None else self.start + self.length(info)

    def fingerprint(self, request: Request) -> Hashable:
        source = _source(request.source)
        return (source.key, self.fit, tuple(self._shown(request, source)), repr(self._interpretation))

    def pointwise(self, request: Request) -> bool:
        source = request.source
        if source is None or not keeps_size(source.info, self.fit, request):
            return False
        # Strip by strip, the reader would have to keep all of them.
        return self.retime == NEAREST or len(self._shown(request, source)) <= 2

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        source = _source(request.source)
        shown = self._shown(request, source)
        wants_mask = request.output.kind == MASK
        if not shown:
            return Frame.empty(1 if wants_mask else 4)
        if not wants_mask:
            return self._picture(shown, source, request)
        if not source.info.video_streams[0].has_alpha:
            window = placed_window(source.info, self.fit, request)
            return Frame(np.ones((window.height, window.width, 1), np.float32), window.x, window.y, opaque=True)
        frame = self._picture(shown, source, request)
        return Frame(np.ascontiguousarray(frame.pixels[..., 3:]), frame.x, frame.y, frame.opaque)

    def sound(self, context: SoundContext) -> Audio:
        source = _source(context.source)
        samples = clip_samples(
            context,
            source,
            start=self.start,
            trim=self.trim,
            length=self.length(source.info),
            loops_before=self.before == LOOP,
            loops_after=self.after == LOOP,
        )
        return Audio(samples, context.rate)

    @property
    def _interpretation(self) -> Interpretation:
        return _interpretation(
            self.primaries, self.transfer, self.matrix, self.range, self.deinterlace, self.field_order
        )

    def _picture(self, shown: list[Shown], source: MediaSource, request: Request) -> Frame:
        source = interpreted(source, self._interpretation)
        (first, weight), *others = shown
        mixed = placed(source, first, self.fit, request)
        if not others:
            return mixed
        mixed.pixels[...] *= np.float32(weight)
        opaque = mixed.opaque
        for time, weight in others:
            frame = placed(source, time, self.fit, request)
            frame.pixels[...] *= np.float32(weight)
            mixed.pixels[...] += frame.pixels
            opaque = opaque and frame.opaque
        if opaque:
            mixed.pixels[..., 3] = 1.0  # the weights' sum is 1 up to rounding
        return Frame(mixed.pixels, mixed.x, mixed.y, opaque)

    def _shown(self, request: Request, source: MediaSource) -> list[Shown]:
        """Which of the file's frames are shown, each by a time at which it is, the same for all times that show it."""
        length = self.length(source.info)
        local = self.clip_time(request.time, length)
        if local is None:
            return []
        begin = local + self.trim if self.trim else local
        rate, count = self._timing(source.info)
        if rate is None:
            return [(begin, 1.0)]
        alone = self.retime == NEAREST or rate > _MOST_BLENDED * request.frame_rate
        if alone or self._holds(request.time - self.start, length):
            return [(middle_of_frame(begin, rate, count), 1.0)]
        return frames_within(
            begin, max(1 / rate, 1 / request.frame_rate), rate, count,
            (self.trim, length) if self.after == LOOP else None,
        )  # fmt: skip

    def _holds(self, since: Fraction, length: Fraction) -> bool:
        """Whether one picture is held at that time since the start."""
        return (since < 0 and self.before != LOOP) or (since >= length and self.after != LOOP)

    def _timing(self, info: media.MediaInfo) -> tuple[Fraction | None, int]:
        """The pictures' constant rate, None where there is none, and their number."""
        stream = info.video_streams[0]
        rate = stream.frame_rate
        if stream.variable_frame_rate or rate.numerator <= 0 or rate.denominator <= 0 or stream.frame_count <= 0:
            return None, 0
        fields = 2 if self.deinterlace == "field" else 1
        return Fraction(rate.numerator * fields, rate.denominator), stream.frame_count * fields


def _source(source: MediaSource | None) -> MediaSource:
    if source is None:
        raise ValueError("the engine opened no media for this node")
    return source


@lru_cache(maxsize=64)
def _interpretation(
    primaries: str, transfer: str, matrix: str, range_: str, deinterlace: Pictures, order: FieldOrder
) -> Interpretation:
    tags = (PRIMARIES[primaries], TRANSFERS[transfer], MATRICES[matrix], RANGES[range_])
    return Interpretation(*tags, deinterlace, "auto" if deinterlace == "off" else order)
