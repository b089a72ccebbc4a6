"""What the codecs for pictures have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from libs.frames.deliveries import DELIVERIES, USUAL_MASTERING, Mastering

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
"""Encoding speeds by x264's words, the fastest first; other encoders' numbers are found by position."""


@dataclass(frozen=True)
class VideoSettings:
    """How pictures are compressed. Segments of equal settings, size and rate can be joined."""

    codec: str = "h264"
    profile: str = ""
    """One of the codec's profiles; empty for the first that has bits enough for the colours."""
    quality: float = 0
    """The codec's own measure, lower is better; 0 for the codec's usual."""
    preset: str = "veryfast"
    color: str = "rec709"
    """One of `DELIVERIES`."""
    mastering: Mastering = USUAL_MASTERING
    """Told where the light is absolute."""


@dataclass(frozen=True)
class Profile:
    """A kind of stream that a codec can make."""

    pixel_format: str
    """What the encoder is given, by libavutil's name."""
    bits: int
    chroma: str
    """4:2:0, 4:2:2, 4:4:4, or RGB."""


@dataclass(frozen=True)
class Quality:
    """The range of a rate factor, and what is used when nothing is said."""

    best: float
    worst: float
    usual: float


@dataclass(frozen=True, kw_only=True)
class VideoCodec:
    """One way to compress pictures."""

    name: str
    encoder: str
    """libavcodec's encoder."""
    stream: str
    """libavcodec's name of what it makes."""
    containers: tuple[str, ...]
    """File name extensions that fit; segments are stored in the first."""
    profiles: Mapping[str, Profile]
    """By name, the usual one first."""
    quality: Quality | None
    """None where the profile alone says what is spent."""
    options: Callable[[VideoSettings, str, int], dict[str, str]]
    """The encoder's options for settings, a profile's name, and so many threads."""
    tag: str = ""
    """The sample entry in MP4 and MOV, where libavformat's own choice is not what players want."""
    intra: bool = False
    """Whether every frame is a keyframe."""
    reorder: int = 0
    """By how many frames decoding runs ahead of showing, at most."""
    mend: Callable[[bytes, VideoSettings], bytes] | None = None
    """Puts into a packet what the encoder left out of it."""
    minimum: tuple[int, int] = (2, 2)
    """Width and height of the smallest picture."""

    def chosen(self, settings: VideoSettings) -> str:
        """The name of the profile that is meant: the one that is asked for, else the first with bits enough for the
        colours, else the first."""
        if settings.profile:
            return settings.profile
        bits = DELIVERIES[settings.color].bits
        fitting = (name for name, profile in self.profiles.items() if profile.bits >= bits)
        return next(fitting, next(iter(self.profiles)))

    def profile(self, settings: VideoSettings) -> Profile:
        """The profile of `chosen`. KeyError for one that there is not."""
        return self.profiles[self.chosen(settings)]

    def misfits(self, settings: VideoSettings, width: int, height: int) -> Iterator[tuple[str, str]]:
        """What of the settings does not fit this codec, by field ("size" for the picture's), and what to do instead."""
        if settings.profile and settings.profile not in self.profiles:
            yield "profile", f"{self.name} has no profile {settings.profile}; it has {', '.join(self.profiles)}"
            return
        if settings.color not in DELIVERIES:
            yield "color", f'"{settings.color}" is none of {", ".join(DELIVERIES)}'
            return
        if settings.preset not in PRESETS:
            yield "preset", f'"{settings.preset}" is none of {", ".join(PRESETS)}'
        if settings.quality:
            yield from self._misfitting_quality(settings.quality)
        profile = self.profile(settings)
        yield from self._misfitting_color(settings, profile)
        if (width % 2 and profile.chroma in ("4:2:0", "4:2:2")) or (height % 2 and profile.chroma == "4:2:0"):
            yield "size", f"{self.name} {profile.chroma} needs even sides, not {width}x{height}"
        if width < self.minimum[0] or height < self.minimum[1]:
            smallest = "x".join(map(str, self.minimum))
            yield "size", f"{self.name} takes pictures of {smallest} or larger, not {width}x{height}"

    def _misfitting_color(self, settings: VideoSettings, profile: Profile) -> Iterator[tuple[str, str]]:
        color, delivery = settings.color, DELIVERIES[settings.color]
        if profile.bits < delivery.bits:
            enough = [name for name, each in self.profiles.items() if each.bits >= delivery.bits]
            if enough:
                yield "profile", f"{color} needs {delivery.bits} bits; let the profile be {' or '.join(enough)}"
            else:
                yield "color", f"{color} needs {delivery.bits} bits, and {self.name} has {profile.bits}"
        elif delivery.metadata and self.containers[0] not in ("mp4", "mov"):
            yield "color", f"{self.name} has no place for what {color} tells of its light"

    def _misfitting_quality(self, quality: float) -> Iterator[tuple[str, str]]:
        if self.quality is None:
            yield "quality", f"{self.name} has no quality; its profile says what is spent. Leave it at 0"
        elif not self.quality.best <= quality <= self.quality.worst:
            allowed = f"{self.quality.best:g} to {self.quality.worst:g}"
            yield "quality", f"{self.name} takes {allowed}, or 0 for its usual {self.quality.usual:g}; not {quality:g}"

    def rate_factor(self, settings: VideoSettings) -> str:
        """The quality as the encoder is told. Only of codecs that have one."""
        assert self.quality is not None
        return f"{settings.quality or self.quality.usual:g}"
