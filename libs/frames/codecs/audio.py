"""What sound is compressed with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AudioCodec:
    """One way to store sound."""

    name: str
    encoder: str
    """libavcodec's encoder."""
    stream: str
    """libavcodec's name of what it makes."""
    sample_format: str
    """What the encoder is given, by libavutil's name."""
    carrier: str
    """The format of a file that holds the sound alone; its clock counts samples."""
    media_type: str
    """Of such a file."""
    bits: int = 0
    """Of a sample, for those that lose nothing more; 0 for those that do."""
    floats: bool = False
    """Whether samples are kept as they are, also beyond -1..1."""

    @property
    def lossless(self) -> bool:
        return self.bits > 0


AUDIO_CODECS = {
    codec.name: codec
    for codec in (
        AudioCodec(
            name="aac",
            encoder="aac",
            stream="aac",
            sample_format="fltp",
            carrier="mp4",
            media_type="audio/mp4",
        ),
        # Ogg keeps what MP4 has no room for: how many samples of the last packet are meant.
        AudioCodec(
            name="opus",
            encoder="libopus",
            stream="opus",
            sample_format="flt",
            carrier="ogg",
            media_type="audio/ogg",
        ),
        AudioCodec(
            name="flac",
            encoder="flac",
            stream="flac",
            sample_format="s32",
            carrier="mp4",
            media_type="audio/mp4",
            bits=24,
        ),
        AudioCodec(
            name="pcm",
            encoder="pcm_s24le",
            stream="pcm_s24le",
            sample_format="s32",
            carrier="mov",
            media_type="video/quicktime",
            bits=24,
        ),
        AudioCodec(
            name="float",
            encoder="pcm_f32le",
            stream="pcm_f32le",
            sample_format="flt",
            carrier="wav",
            media_type="audio/wav",
            bits=32,
            floats=True,
        ),
    )
}
"""By the name that documents use."""
