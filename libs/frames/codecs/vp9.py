"""VP9 by libvpx: for the web, free of licences."""

from __future__ import annotations

from libs.frames.codecs.video import PRESETS, Profile, Quality, VideoCodec, VideoSettings

# libvpx's cpu-used, by preset. Up to 5 it is of the deadline "good"; from 6 on of "realtime", which takes a sixth of
# the time for files that are a sixth larger.
_SPEEDS = dict(zip(PRESETS, (8, 7, 6, 5, 4, 3, 2, 1, 0), strict=True))


def _options(settings: VideoSettings, profile: str, threads: int) -> dict[str, str]:
    speed = _SPEEDS[settings.preset]
    return {
        "crf": VP9.rate_factor(settings),
        # Without a rate, the factor alone decides.
        "b": "0",
        "deadline": "realtime" if speed > 5 else "good",
        "cpu-used": str(speed),
        # Threads share a picture by its columns, as many as its width allows; sharing rows would change the bytes.
        "tile-columns": "2",
        "row-mt": "0",
        "frame-parallel": "0",
    }


VP9 = VideoCodec(
    name="vp9",
    encoder="libvpx-vp9",
    stream="vp9",
    # MP4 counts times exactly, so segments lie in it; movies in WebM are what browsers ask for.
    containers=("mp4", "webm", "mkv"),
    profiles={"8bit": Profile("yuv420p", 8, "4:2:0")},
    quality=Quality(1, 63, 24),
    options=_options,
)
