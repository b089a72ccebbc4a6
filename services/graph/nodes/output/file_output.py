"""FileOutput."""

from collections.abc import Collection, Iterator

from artifex.nodes import AUDIO, VIDEO, Boolean, Choice, Float, Input, Integer, Node, String
from artifex.stills import MOST_DIGITS, still_name
from libs.frames.codecs import PRESETS, VIDEO_CODECS, VideoSettings
from libs.frames.codecs.movies import MOVIES, extension
from libs.frames.codecs.sounds import SOUNDS, is_sound
from libs.frames.codecs.stills import STILL_ENDINGS, STILLS, StillSettings, is_stills, stills_of
from libs.frames.deliveries import DELIVERIES, PRIMARIES

# What a movie may be made of: profiles that only other tasks read are left out.
_PROFILES = {
    codec.name: [name for name in codec.profiles if name not in ("rgb8", "rgba8")] for codec in VIDEO_CODECS.values()
} | {each.name: list(each.depths) for each in STILLS.values()}
_ENDINGS = ", ".join(f".{name}" for name in MOVIES)
_SOUND_ENDINGS = ", ".join(f".{name}" for name in SOUNDS)
_STILL_ENDINGS = ", ".join(f".{name}" for name in STILL_ENDINGS)

_LAST_NUMBER = 10**MOST_DIGITS - 1

_AUDIO = {name: each.audio for name, each in MOVIES.items()} | {name: each.audio for name, each in SOUNDS.items()}
"""The codecs for sound that files take, by their endings."""


class FileOutput(Node, sink=True):
    """Writes a movie file, a sequence of stills, or sound alone.

    Pictures leave the working space for what `color` says, the exact inverse of the way in; what is transparent is
    black. They are tagged with it, in stream and container: Y'CbCr in limited range, R'G'B' in full range.

        rec709   BT.709's primaries, gamma 2.4 (BT.1886)
        p3       P3's primaries with D65's white, gamma 2.4
        rec2020  BT.2020's primaries, gamma 2.4; ten bits
        hdr10    BT.2020's primaries, PQ (SMPTE ST 2084), where 1 is 203 cd/m² (BT.2408); ten bits, not in ffv1
        hlg      BT.2020's primaries, HLG (BT.2100), where 1 is the signal 0.75; ten bits

    An hdr10 movie tells on what display it was judged (SMPTE ST 2086), and how bright it is (CTA-861.3): MaxCLL is the
    brightest pixel, MaxFALL the average of the frame that is brightest on average, a pixel being as bright as the
    largest of its R, G and B. Both are measured of every frame as it is rendered.

    Chroma that is halved both ways lies on the left, in rec2020, hdr10 and hlg on the top left. Sound is stereo at
    48 kHz, sample-exact. The ending of `path` says the container, which takes:

        .mp4    h264, h265, vp9, av1            sound aac
        .mov    h264, h265, prores, dnxhr       sound pcm, aac
        .mkv    h264, h265, vp9, av1, ffv1      sound flac, opus, pcm
        .webm   vp9, av1                        sound opus

    Profiles, the usual one first:

        h264     8bit                 4:2:0, by x264
        h265     8bit, 10bit          4:2:0, by x265
        prores   422hq, 4444          10 bit, every frame alone
        dnxhr    hqx, hq, 444         10 bit 4:2:2, 8 bit 4:2:2, 10 bit 4:4:4; every frame alone
        vp9      8bit                 4:2:0, by libvpx
        av1      8bit, 10bit          4:2:0, by SVT-AV1
        ffv1     10bit, 16bit         without loss: 4:4:4 Y'CbCr, R'G'B'; every frame alone

    Where `path` is a pattern of stills, such as "shot.####.exr" or "shot.%04d.png", each frame is a file. OpenEXR holds
    light in the working space, multiplied by alpha, and tells the space's chromaticities and the frame rate; the others
    hold Rec.709's display encoding, with straight alpha.

        .exr          half, float             zip, zips, piz, rle, none; with loss pxr24, b44, b44a, dwaa, dwab
        .tif, .tiff   16bit, 8bit, float      lzw, zip, none
        .png          8bit, 16bit             zip

    The stills are one file, a zip that stores them as they are, which `artifex render` unpacks. They have no sound.

    Sound alone, without the input `video`, is written where `path` ends in:

        .wav          pcm (24 bit), float (32 bit, not clipped)
        .flac         flac (24 bit)
        .m4a          aac
        .aac          aac, which begins 1024 samples late: the file cannot tell the encoder's delay
        .opus         opus
        .ogg          opus, flac

    Segments are compressed once, in closed groups of pictures of at most two seconds, and joined as they are.

    Memory: one frame and the encoder's look-ahead. Cost: one conversion of the frame, and the encoding.
    """

    category = "Output"
    version = "1.3.0"

    video = Input(VIDEO, "The pictures; sound alone has none.", required=False)
    audio = Input(AUDIO, "The sound; without it the movie is silent.", required=False)

    path = String(
        "movie.mp4",
        doc="The movie's file name; its ending says the container. A pattern of stills has # for each digit, or %04d.",
        min_length=1,
        max_length=255,
        pattern=rf"(?!\.)[^/\\\x00-\x1f]*(\.(?i:{'|'.join(_AUDIO)})|(#|%(0\d)?d)\.(?i:{'|'.join(STILL_ENDINGS)}))",
        pattern_hint=f"a file name that ends in one of {_ENDINGS}, without folders; "
        f"a pattern of stills, as shot.####.exr ({_STILL_ENDINGS}); or sound alone ({_SOUND_ENDINGS})",
        animatable=False,
    )
    codec = Choice("h264", choices=tuple(VIDEO_CODECS), doc="How pictures are compressed.")
    profile = Choice(
        "auto",
        choices=("auto", *dict.fromkeys(name for names in _PROFILES.values() for name in names)),
        doc="Bits and chroma, as the codec or the kind of stills offers them; auto is its usual one that has bits "
        "enough for the colours.",
    )
    compression = Choice(
        "auto",
        choices=("auto", *dict.fromkeys(name for each in STILLS.values() for name in each.compressions)),
        doc="Of stills; auto is their usual one, without loss.",
    )
    alpha = Boolean(True, animatable=False, doc="Whether stills hold alpha; without it they are laid over black.")
    start_number = Integer(
        1, minimum=0, maximum=900_000_000, animatable=False, doc="Of stills: the first one's number."
    )
    color = Choice("rec709", choices=tuple(DELIVERIES), doc="How colours are encoded, and what the tags say.")
    mastering_display = Choice(
        "p3", choices=tuple(PRIMARIES), doc="Primaries of the display that hdr10 was judged on; the white is D65."
    )
    mastering_peak = Float(
        1000.0, minimum=50, maximum=10000, unit="cd/m²", animatable=False, doc="That display's brightest white."
    )
    mastering_black = Float(
        0.0001, minimum=0, maximum=5, unit="cd/m²", animatable=False, doc="That display's darkest black."
    )
    quality = Integer(
        0,
        minimum=0,
        maximum=63,
        animatable=False,
        doc=(
            "Constant rate factor, lower is better; 0 is the codec's usual. h264 and h265: 1 to 51, usually 18 and 20, "
            "every 6 more halve the size. vp9 and av1: 1 to 63, usually 24. Not for prores, dnxhr and ffv1."
        ),
    )
    preset = Choice(
        "veryfast",
        choices=PRESETS,
        doc=(
            "Encoding speed; slower makes smaller files of the same quality. x264's and x265's own; for av1 SVT-AV1's "
            "12 to 3, for vp9 libvpx's cpu-used 8 to 0. Nothing to the others."
        ),
    )
    audio_codec = Choice(
        "auto",
        choices=("auto", *dict.fromkeys(name for taken in _AUDIO.values() for name in taken)),
        doc="How sound is compressed; auto is the file's usual. flac and pcm keep 24 bits, without loss, float all.",
    )
    audio_bitrate = Integer(
        192,
        minimum=32,
        maximum=512,
        unit="kbit/s",
        animatable=False,
        doc="Of sound in aac and opus, both channels.",
    )

    def misfits(self, width: int, height: int) -> Iterator[tuple[str, str]]:
        if is_stills(self.path):
            yield from self._still_misfits()
            return
        if is_sound(self.path):
            yield from self._sound_misfits()
            return
        if self.compression != "auto":
            yield "compression", "movies have none; let the path be a pattern of stills, or leave it at auto"
        container = extension(self.path)
        codec = VIDEO_CODECS[self.codec]
        if container not in codec.containers:
            fitting = ", ".join(name for name, each in VIDEO_CODECS.items() if container in each.containers)
            endings = ", ".join(f".{name}" for name in codec.containers)
            yield "codec", f".{container} takes {fitting}; for {codec.name} let the path end in {endings}"
        if self.audio_codec not in ("auto", *_AUDIO[container]):
            yield "audio_codec", _taken(container, self.audio_codec)
        if self.profile != "auto" and self.profile not in _PROFILES[self.codec]:
            yield "profile", f"{self.codec} offers {', '.join(_PROFILES[self.codec])}; not {self.profile}"
            return
        profile = "" if self.profile == "auto" else self.profile
        settings = VideoSettings(self.codec, profile, self.quality, self.preset, self.color)
        for field, message in codec.misfits(settings, width, height):
            if field == "color":
                message = f"{message}; take {' or '.join(_codecs_of(self.color, width, height))}"
            # The picture's size stands in the document's settings; what can be chosen here is the codec.
            yield ("codec" if field == "size" else field), message

    def misconnected(self, connected: Collection[str]) -> Iterator[tuple[str, str]]:
        if is_sound(self.path):
            if "video" in connected:
                yield "video", f"a .{extension(self.path)} file holds sound alone; leave it out, or write a movie"
            if "audio" not in connected:
                yield "audio", "a file for sound needs some; connect it"
            return
        if "video" not in connected:
            yield "video", f'pictures are missing; connect it, or let "path" end in one of {_SOUND_ENDINGS}'
        if is_stills(self.path) and "audio" in connected:
            yield "audio", "stills have no sound; leave it out, or write it with an output of its own"

    def _sound_misfits(self) -> Iterator[tuple[str, str]]:
        ending = extension(self.path)
        if self.audio_codec not in ("auto", *_AUDIO[ending]):
            yield "audio_codec", _taken(ending, self.audio_codec)

    def _still_misfits(self) -> Iterator[tuple[str, str]]:
        try:
            written, pattern = stills_of(self.path)
        except KeyError:
            message = "a pattern has up to 9 #, or one %04d, right before its ending, and no digit or # before that"
            yield "path", f"{message}; write shot.####.exr"
            return
        if still_name(pattern.name(_LAST_NUMBER)) is None:
            yield "path", "names of stills have at most 255 bytes, and no characters that cannot be seen"
        depth = "" if self.profile == "auto" else self.profile
        compression = "" if self.compression == "auto" else self.compression
        for field, message in StillSettings(written.name, depth, compression).misfits():
            yield ("profile" if field == "depth" else field), message
        if self.color != "rec709":
            yield "color", f"stills are written in rec709, or in the working space's light as .exr; not in {self.color}"


def _codecs_of(color: str, width: int, height: int) -> list[str]:
    """The codecs that have a profile for such colours."""
    return [
        name
        for name, codec in VIDEO_CODECS.items()
        if all(field != "color" for field, _ in codec.misfits(VideoSettings(name, color=color), width, height))
    ]


def _taken(ending: str, codec: str) -> str:
    """What to do for sound of a codec that a file does not take."""
    endings = ", ".join(f".{name}" for name, taken in _AUDIO.items() if codec in taken)
    return f".{ending} takes {', '.join(_AUDIO[ending])}; for {codec} let the path end in {endings}"
