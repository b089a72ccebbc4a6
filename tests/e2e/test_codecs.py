"""Footage with its sound, in every codec and container that movies are made in."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from artifex.client import Client
from libs.frames.audio_reader import AudioReader
from libs.frames.video_reader import VideoReader
from tests.support.documents import graded, silent
from tests.support.footage import bunny
from tests.support.jobs import render

pytestmark = pytest.mark.asyncio(loop_scope="session")

FRAMES = 15
MOVIES = {
    "h264.mp4": ("h264", "8bit", "h264", "aac"),
    "h265.mp4": ("h265", "10bit", "hevc", "aac"),
    "prores.mov": ("prores", "422hq", "prores", "pcm_s24le"),
    "dnxhr.mov": ("dnxhr", "hqx", "dnxhd", "pcm_s24le"),
    "vp9.webm": ("vp9", "8bit", "vp9", "opus"),
    "av1.mkv": ("av1", "10bit", "av1", "flac"),
    "ffv1.mkv": ("ffv1", "16bit", "ffv1", "flac"),
}


async def test_footage_comes_out_in_every_codec(client: Client, plate: str, tmp_path: Path) -> None:
    async def made(name: str) -> None:
        codec, profile, stream, sound = MOVIES[name]
        document = graded(plate, width=320, height=180, rate="25", duration=FRAMES / 25)
        document["nodes"]["grade"]["params"] = {}
        document["nodes"]["out"]["params"] = {"path": name, "codec": codec, "profile": profile}
        job = await render(client, document, tmp_path / name)
        asset = await client.assets.get(job.output_asset)
        video, audio = asset.media.video_streams[0], asset.media.audio_streams[0]
        assert (asset.display_name, video.codec, audio.codec) == (name, stream, sound)
        assert (video.frame_count, video.frame_rate.numerator, video.variable_frame_rate) == (FRAMES, 25, False)
        assert asset.provenance.details["loudness"].endswith(" LUFS")

    await asyncio.gather(*(made(name) for name in MOVIES))
    whole = pictures(tmp_path / "ffv1.mkv")
    with AudioReader(tmp_path / "ffv1.mkv") as reader, AudioReader(bunny()) as source:
        heard, original = reader.read(0, FRAMES * 1920 + 2000), source.read(0, FRAMES * 1920)
    assert np.abs(heard[:, : FRAMES * 1920] - original).max() <= 2.0**-23, "sound that is kept whole is the footage's"
    assert not heard[:, FRAMES * 1920 :].any()
    for name in MOVIES:
        got = pictures(tmp_path / name)
        assert len(got) == FRAMES
        assert max(np.abs(one - other).mean() for one, other in zip(got, whole, strict=True)) < 6
        with AudioReader(tmp_path / name) as reader:
            ours = reader.read(0, FRAMES * 1920)[0, 4800:-4800]
        # Where the correlation with the footage's sound is best, nothing is shifted.
        scores = [float(np.dot(ours[100:-100], original[0, 4800 + s : -4800 + s - 200])) for s in range(0, 201, 10)]
        assert int(np.argmax(scores)) == 10, name


async def test_an_hdr_movie_tells_how_bright_it_is(client: Client, plate: str, tmp_path: Path) -> None:
    document = silent(graded(plate, width=320, height=180, rate="25", duration=1))
    # Three stops above white: highlights of 8 · 203 cd/m².
    document["nodes"]["grade"]["params"] = {"exposure": 3}
    document["nodes"]["out"]["params"] = {"path": "hdr.mp4", "codec": "h265", "color": "hdr10", "quality": 1}
    job = await render(client, document, tmp_path / "hdr.mp4")
    stream = (await client.assets.get(job.output_asset)).media.video_streams[0]
    assert (stream.color_primaries, stream.color_transfer, stream.color_matrix) == ("bt2020", "smpte2084", "bt2020nc")
    assert (stream.bit_depth, stream.chroma_location, stream.mastering_display.peak) == (10, "topleft", 1000)
    with VideoReader(tmp_path / "hdr.mp4") as reader:
        lights = [pq_light(picture[..., :3]).max(axis=-1) for _, picture in reader.frames()]
    brightest, average = max(light.max() for light in lights), max(light.mean() for light in lights)
    # Chroma at half the size makes single pixels at edges brighter than any was.
    assert stream.content_light.max_content_light == pytest.approx(brightest, rel=0.2)
    assert stream.content_light.max_frame_average_light == pytest.approx(average, rel=0.02)
    assert brightest > 1000


def pq_light(signal: NDArray[np.float32]) -> NDArray[np.float64]:
    """SMPTE ST 2084's EOTF, in cd/m²."""
    raised = np.clip(signal.astype(np.float64), 0, 1) ** (32 / 2523)
    return np.asarray(
        10_000 * (np.maximum(raised - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * raised)) ** (16384 / 2610)
    )


def pictures(path: Path) -> list[NDArray[np.int64]]:
    """Every frame as 8-bit RGB, by libswscale."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.time_base is not None
        times = [frame.pts * stream.time_base for frame in frames if frame.pts is not None]
        assert all(abs(time - Fraction(number, 25)) <= Fraction(1, 2000) for number, time in enumerate(times))
        return [frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray().astype(int) for frame in frames]
