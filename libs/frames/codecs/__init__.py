"""What movies are compressed with: one file per family, one table of all.

Every setting here serves one end: segments that different processes encoded can be joined without encoding again. So
each segment begins with a keyframe and leans on nothing outside itself, and equal settings give equal decoder
configurations. The same pictures, settings and threads give the same bytes.
"""

from __future__ import annotations

from libs.frames.codecs.audio import AUDIO_CODECS, AudioCodec
from libs.frames.codecs.av1 import AV1
from libs.frames.codecs.dnxhr import DNXHR
from libs.frames.codecs.ffv1 import FFV1
from libs.frames.codecs.h264 import H264
from libs.frames.codecs.h265 import H265
from libs.frames.codecs.prores import PRORES
from libs.frames.codecs.video import PRESETS, Profile, VideoCodec, VideoSettings
from libs.frames.codecs.vp9 import VP9

VIDEO_CODECS = {codec.name: codec for codec in (H264, H265, PRORES, DNXHR, VP9, AV1, FFV1)}
"""By the name that documents use."""

__all__ = [
    "AUDIO_CODECS",
    "PRESETS",
    "VIDEO_CODECS",
    "AudioCodec",
    "Profile",
    "VideoCodec",
    "VideoSettings",
]
