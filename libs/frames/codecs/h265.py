"""H.265 (ITU-T H.265, HEVC) by x265: half of H.264's size at the same looks, and ten bits."""

from __future__ import annotations

from libs.frames.codecs.video import Profile, Quality, VideoCodec, VideoSettings
from libs.frames.deliveries import DELIVERIES
from libs.frames.light_metadata import mastering_text


def _options(settings: VideoSettings, profile: str, threads: int) -> dict[str, str]:
    parameters: dict[str, object] = {
        # Closed groups; x265 opens them unless told otherwise.
        "open-gop": 0,
        # Parameter sets stand once, in the container, as QuickTime wants it; they are the same in all segments.
        "repeat-headers": 0,
        # x265 would count cores for itself, and how many frames it works on at once shows in the bytes.
        "frame-threads": min(threads, 4),
        "pools": threads,
        "info": 0,
        "log-level": "error",
    }
    delivery = DELIVERIES[settings.color]
    if delivery.siting == "topleft":
        parameters["chromaloc"] = 2
    if delivery.metadata:
        parameters["master-display"] = mastering_text(settings.mastering, integers=True)
    return {
        "preset": settings.preset,
        "crf": H265.rate_factor(settings),
        "profile": "main10" if profile == "10bit" else "main",
        "x265-params": ":".join(f"{name}={value}" for name, value in parameters.items()),
    }


H265 = VideoCodec(
    name="h265",
    encoder="libx265",
    stream="hevc",
    containers=("mp4", "mov", "mkv"),
    profiles={"8bit": Profile("yuv420p", 8, "4:2:0"), "10bit": Profile("yuv420p10le", 10, "4:2:0")},
    quality=Quality(1, 51, 20),
    options=_options,
    reorder=2,
    tag="hvc1",
    # x265 4.1 writes beyond its buffers where both sides are within 33 and 63.
    minimum=(64, 64),
)
