"""MediaInput."""

from collections.abc import Hashable
from fractions import Fraction

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
    sample_at,
)
from services.graph.nodes.clip import LOOP, ClipNode, middle_of_frame
from services.graph.nodes.placement import FITS, keeps_size, placed, placed_window


class MediaInput(ClipNode):
    """Brings a media file's pictures and sound into the graph.

    The picture at time t is the one that the file shows at t − start + trim: frames are repeated or left out where the
    document's rate is another, never blended. Pictures are upright; their colour tags say how they become light:
    BT.709 and untagged files by the gamma of 2.4 (ITU-R BT.1886), sRGB, linear, PQ (SMPTE ST 2084) and HLG (BT.2100)
    with reference white at 1. Signals whiter than white are kept. Alpha is taken as straight and multiplied in after
    linearisation. Pixels that are not square become square. Sound is resampled to 48 kHz and stands at
    t − start + trim to the sample; outside the clip there is silence, except in a loop.

    Where the file's rate is constant, frame n is shown from n / rate to (n + 1) / rate, however coarse the clock is
    that the file counts its times by. A proxy is made from the whole picture by averaging in linear light.

    Memory: a few frames of the file. Cost: decoding, one conversion, and one resampling where sizes differ; pictures
    that keep their size are converted strip by strip together with the nodes that follow.
    """

    category = "Input"
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
        return (source.key, self.fit, self._source_time(request.time, source))

    def pointwise(self, request: Request) -> bool:
        return request.source is not None and keeps_size(request.source.info, self.fit, request)

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        source = _source(request.source)
        time = self._source_time(request.time, source)
        wants_mask = request.output.kind == MASK
        if time is None:
            return Frame.empty(1 if wants_mask else 4)
        if not wants_mask:
            return placed(source, time, self.fit, request)
        if not source.info.video_streams[0].has_alpha:
            window = placed_window(source.info, self.fit, request)
            return Frame(np.ones((window.height, window.width, 1), np.float32), window.x, window.y, opaque=True)
        frame = placed(source, time, self.fit, request)
        return Frame(np.ascontiguousarray(frame.pixels[..., 3:]), frame.x, frame.y, frame.opaque)

    def sound(self, context: SoundContext) -> Audio:
        source = _source(context.source)
        rate, channels = context.rate, context.channels
        begin, trim = sample_at(self.start, rate), sample_at(self.trim, rate)
        length = sample_at(self.length(source.info), rate)
        samples = np.zeros((channels, context.count), dtype=np.float32)
        done = 0
        while done < context.count:
            local = context.start + done - begin
            loops = self.before == LOOP if local < 0 else local >= length and self.after == LOOP
            offset = local % length if loops and length else local
            # Up to where the mapping from document to file is one straight piece.
            border = min((edge for edge in (0, length) if edge > offset), default=offset + context.count)
            count = min(context.count - done, border - offset)
            if 0 <= offset < length:
                samples[:, done : done + count] = source.samples(trim + offset, count, rate=rate, channels=channels)
            done += count
        return Audio(samples, rate)

    def _source_time(self, time: Fraction, source: MediaSource) -> Fraction | None:
        """Which of the file's frames is shown, by a time at which it is, the same for all times that show it."""
        local = self.clip_time(time, self.length(source.info))
        if local is None:
            return None
        if self.trim:
            local += self.trim
        stream = source.info.video_streams[0]
        rate = stream.frame_rate
        if stream.variable_frame_rate or rate.numerator <= 0 or rate.denominator <= 0 or stream.frame_count <= 0:
            return local
        return middle_of_frame(local, Fraction(rate.numerator, rate.denominator), stream.frame_count)


def _source(source: MediaSource | None) -> MediaSource:
    if source is None:
        raise ValueError("the engine opened no media for this node")
    return source
