"""SequenceInput."""

from collections.abc import Hashable, Iterator
from fractions import Fraction
from typing import Final, Protocol, runtime_checkable

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import (
    MASK,
    VIDEO,
    Asset,
    Choice,
    Colour,
    Frame,
    Integer,
    MediaSource,
    Output,
    RenderContext,
    Request,
    String,
    Vector2,
    parse_rational,
)
from libs.frames.errors import MediaUnsupported
from libs.frames.sequence_reader import SequenceReader
from libs.frames.still_channels import layers_of, picture_channels
from services.graph.nodes.clip import BLACK, ClipNode
from services.graph.nodes.input.still_light import ALPHAS, AUTO, STILL_SPACES
from services.graph.nodes.input.still_picture import StillPicture, channel_mask, checkerboard, layer_picture, nothing
from services.graph.nodes.placement import FITS, keeps_size, laid

ERROR: Final = "error"
NEAREST: Final = "nearest"
CHECKERBOARD: Final = "checkerboard"
_MISSING: Final = (ERROR, "hold", NEAREST, BLACK, CHECKERBOARD)
_OWN: Final = -1
"""As a frame's number: the sequence's own."""
_FARTHEST: Final = 1 << 24


@runtime_checkable
class StillSource(Protocol):
    """A source whose file is a sequence of stills."""

    def stills(self) -> SequenceReader:
        """The stills by their numbers; safe to use from several threads, and not to be closed."""
        ...


class SequenceInput(ClipNode):
    """Brings numbered stills into the graph: OpenEXR, DPX, TIFF, PNG and JPEG.

    With f the frame rate, the still of number first + ⌊(t − start) · f⌋ is shown at time t. In a document on disk the
    asset is a folder, or a pattern such as "shot.####.exr" or "shot.%04d.exr"; it is uploaded as one file, a zip that
    stores the stills as they are, which `artifex assets upload` makes, too. All stills have one size and the same
    channels.

    Colour, where `space` is auto: OpenEXR is scene-linear light in the primaries that its chromaticities or its
    colorInteropID tell (an ACES container's are AP0; without any, Rec.709's, as OpenEXR has it), adapted to the working
    space's white by Bradford's method. DPX is what its header says: the logarithm of printing density, linear light, or
    video. All others are display-encoded Rec.709 (gamma 2.4), but PNG that says it is sRGB. The logarithm is Kodak's
    (Conversion of 10-bit Log Film Data, 1995), 1 and 0 at the reference white w = 685/1023 and black b = 95/1023:

        light = (10^((c − w)·1023/300) − k) / (1 − k),   k = 10^((b − w)·1023/300)

    The display window of an OpenEXR or DPX file is what is laid into the document; pixels of the data window beyond it
    are kept, and can be moved into view. A layer is the channels whose names begin with its own and a dot:
    "diffuse.R", "diffuse.G", "diffuse.B" are the layer "diffuse". X, Y and Z stand for red, green and blue, and one
    channel alone is grey. Layers of several parts are found by the same names.

    A proxy is made of the whole still by averaging in linear light.

    Memory: the channels that are shown of as many stills as frames are made at a time, and of two more; and the file
    of each that is read. Cost: reading and decoding, one conversion, and one
    resampling where sizes differ; stills that keep their size are converted strip by strip with the nodes that follow.
    """

    category = "Input"
    time_dependent = True

    video = Output(VIDEO, "The pictures.")
    mask = Output(MASK, "Alpha, or the channel that is named.")

    asset = Asset(doc="The image sequence.", holds="sequence")
    first = Integer(
        _OWN,
        minimum=_OWN,
        animatable=False,
        doc="Number of the still that is shown at `start`; -1 for the sequence's first.",
    )
    last = Integer(
        _OWN, minimum=_OWN, animatable=False, doc="Number of the still that is shown last; -1 for the sequence's last."
    )
    fps = String(
        AUTO,
        doc='Stills a second: "24", "24000/1001"; auto is what the stills tell, or else the document\'s rate.',
        max_length=40,
        pattern=r"auto|[1-9]\d{0,3}|0*[1-9]\d{0,8}/0*[1-9]\d{0,8}|\d{0,4}\.\d{1,6}",
        pattern_hint='auto, or a rate such as "24", "23.976" or "24000/1001"',
        animatable=False,
    )
    missing = Choice(
        ERROR,
        choices=_MISSING,
        doc="What is shown where a number has no still: an error that names it, the still before, the nearest, nothing "
        "(transparent black), or a checkerboard.",
    )
    layer = String("", max_length=255, animatable=False, doc="The layer that is shown; empty for the main one.")
    mask_channel = String(
        "",
        max_length=255,
        animatable=False,
        doc='The channel that is the mask: "Z", "depth.Z"; empty for the layer\'s alpha.',
    )
    mask_range = Vector2(
        (0.0, 1.0), doc="The channel's values that become 0 and 1 in the mask, such as near and far of a depth."
    )
    space = Choice(AUTO, choices=STILL_SPACES, doc="The colour space of the files.")
    alpha = Choice(
        AUTO,
        choices=ALPHAS,
        doc="Whether colour is stored multiplied by alpha; auto is what the files say. Ignored, pictures are opaque.",
    )
    fit = Choice(
        "fit",
        choices=FITS,
        doc="Size of the picture: as it is with its top left corner at the document's, the largest that fits whole, "
        "the smallest that fills, or stretched to the document.",
    )

    def misfits(self, width: int, height: int) -> Iterator[tuple[str, str]]:
        if _OWN < self.last < self.first:
            yield "last", f"{self.last} is before the first, {self.first}; give the number of a later still"
        if self.fps != AUTO and not 0 < (parse_rational(self.fps) or 0) <= _FARTHEST:
            yield "fps", f"{self.fps} is no rate"

    def mismatched(self, info: media.MediaInfo) -> Iterator[tuple[str, str]]:
        channels = list(info.sequence.channels)
        if picture_channels(channels, self.layer) is None:
            # A still of depth alone is of use by its mask.
            if self.layer or not self.mask_channel:
                known = ", ".join(f'"{layer}"' for layer in layers_of(channels)) or "none"
                yield "layer", f'the stills have no picture "{self.layer}"; their layers: {known}'
        elif self.mask_channel and not {self.mask_channel, f"{self.layer}.{self.mask_channel}"} & set(channels):
            yield "mask_channel", f'the stills have no channel "{self.mask_channel}"; they have {", ".join(channels)}'
        if max(self.first, info.sequence.first_frame) > info.sequence.last_frame and self.last == _OWN:
            yield "first", f"{self.first} is behind the last still, {info.sequence.last_frame}"

    def extent(self, info: media.MediaInfo | None) -> Fraction | None:
        if info is None or not info.HasField("sequence"):
            return None
        first, last = self._range(info.sequence)
        rate = self._rate(info, None)
        return None if rate is None else self.start + max(last - first + 1, 0) / rate

    def fingerprint(self, request: Request) -> Hashable:
        source = _source(request.source)
        number = self._number(request, source.info)
        if request.output.kind == MASK:
            what: Hashable = (self.mask_channel, self.mask_range)
        else:
            what = (self.space, self.alpha)
        return (source.key, number, self.missing, self.layer, self.fit, what)

    def pointwise(self, request: Request) -> bool:
        return request.source is not None and keeps_size(request.source.info, self.fit, request)

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        source = _source(request.source)
        channels = 1 if request.output.kind == MASK else 4
        number = self._number(request, source.info)
        if number is None:
            return Frame.empty(channels)
        if not isinstance(source, StillSource):
            raise MediaUnsupported(source.path, "this is no image sequence")
        still = self._still(source.stills(), number, source, context.colour, channels)
        return laid(still.picture, still.window, source.info, self.fit, request, context.threads)

    def _still(
        self, reader: SequenceReader, number: int, source: MediaSource, colour: Colour, channels: int
    ) -> StillPicture:
        sequence = source.info.sequence
        shown = self._present(reader, number)
        if shown is None:
            stream = source.info.video_streams[0]
            return nothing(channels) if self.missing == BLACK else checkerboard(stream.width, stream.height, channels)
        if channels == 1:
            return channel_mask(reader, shown, sequence, self.layer, self.mask_channel, self.mask_range)
        return layer_picture(reader, shown, sequence, self.layer, space=self.space, alpha=self.alpha, colour=colour)

    # -- which still -------------------------------------------------------------------------------------------------

    def _range(self, sequence: media.StillSequence) -> tuple[int, int]:
        """Numbers of the first and the last still that are played."""
        return (
            sequence.first_frame if self.first == _OWN else self.first,
            sequence.last_frame if self.last == _OWN else self.last,
        )

    def _rate(self, info: media.MediaInfo, document: Fraction | None) -> Fraction | None:
        if self.fps != AUTO:
            return parse_rational(self.fps)
        told = info.video_streams[0].frame_rate
        return Fraction(told.numerator, told.denominator) if told.numerator and told.denominator else document

    def _number(self, request: Request, info: media.MediaInfo) -> int | None:
        """The still's number at the request's time; None where nothing is shown."""
        first, last = self._range(info.sequence)
        rate = self._rate(info, request.frame_rate) or request.frame_rate
        count = last - first + 1
        local = self.clip_time(request.time, max(count, 0) / rate)
        if local is None or count < 1:
            return None
        return first + min(local.numerator * rate.numerator // (local.denominator * rate.denominator), count - 1)

    def _present(self, reader: SequenceReader, number: int) -> int | None:
        """The still that is there for a number; None where there is none and none is to take its place."""
        if reader.holds(number):
            return number
        if self.missing == ERROR:
            remedy = 'upload it whole, or let "missing" say what is shown instead'
            raise MediaUnsupported(reader.pattern, f"it has no frame {number}; {remedy}")
        if self.missing == "hold":
            return reader.before(number)
        return reader.nearest(number) if self.missing == NEAREST else None


def _source(source: MediaSource | None) -> MediaSource:
    if source is None:
        raise ValueError("the engine opened no stills for this node")
    return source
