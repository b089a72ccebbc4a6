"""AV1 by SVT-AV1: the smallest files, free of licences."""

from __future__ import annotations

from libs.frames.codecs.video import PRESETS, Profile, Quality, VideoCodec, VideoSettings
from libs.frames.deliveries import DELIVERIES
from libs.frames.light_metadata import mastering_text

# SVT-AV1's own presets; below 3 they are for research.
_SPEEDS = dict(zip(PRESETS, (12, 11, 10, 9, 8, 7, 5, 4, 3), strict=True))


def _options(settings: VideoSettings, profile: str, threads: int) -> dict[str, str]:
    delivery = DELIVERIES[settings.color]
    parameters: dict[str, object] = {
        # Its threads do not change the bytes. It would take all cores otherwise.
        "lp": min(threads, 6),
        "chroma-sample-position": delivery.siting,
    }
    if delivery.metadata:
        parameters["mastering-display"] = mastering_text(settings.mastering, integers=False)
    return {
        "crf": AV1.rate_factor(settings),
        "preset": str(_SPEEDS[settings.preset]),
        "svtav1-params": ":".join(f"{name}={value}" for name, value in parameters.items()),
    }


AV1 = VideoCodec(
    name="av1",
    encoder="libsvtav1",
    stream="av1",
    containers=("mp4", "webm", "mkv"),
    profiles={"8bit": Profile("yuv420p", 8, "4:2:0"), "10bit": Profile("yuv420p10le", 10, "4:2:0")},
    quality=Quality(1, 63, 24),
    options=_options,
    minimum=(64, 64),
)
