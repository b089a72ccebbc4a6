"""FileOutput."""

from artifex.nodes import AUDIO, VIDEO, Choice, Input, Integer, Node, String


class FileOutput(Node, sink=True):
    """Writes a movie file.

    Pictures leave the working space for display-encoded Rec.709 (gamma 2.4, BT.1886), the exact inverse of the way in;
    what is transparent is black. H.264 is 8 bit 4:2:0, limited range, tagged BT.709, in closed groups of pictures;
    sound is AAC at 48 kHz, stereo, sample-exact.

    Memory: one frame and the encoder's look-ahead. Cost: one conversion of the frame, and the encoding.
    """

    category = "Output"

    video = Input(VIDEO, "The pictures.")
    audio = Input(AUDIO, "The sound; without it the movie is silent.", required=False)

    path = String(
        "movie.mp4",
        doc="The movie's file name.",
        min_length=1,
        max_length=255,
        pattern=r"(?!\.)[^/\\\x00-\x1f]*\.mp4",
        pattern_hint="a file name that ends in .mp4, without folders",
        animatable=False,
    )
    codec = Choice("h264", choices=("h264",), doc="How pictures are compressed.")
    quality = Integer(
        18,
        minimum=1,
        maximum=51,
        animatable=False,
        doc="Constant rate factor: 18 is hardly told from the original, every 6 more halve the size.",
    )
    preset = Choice(
        "veryfast",
        choices=("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"),
        doc="Encoding speed; slower makes smaller files of the same quality.",
    )
    audio_bitrate = Integer(
        192, minimum=32, maximum=512, unit="kbit/s", animatable=False, doc="Of the compressed sound, both channels."
    )
