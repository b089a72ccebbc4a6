"""Jobs in every codec: rendered by a real worker in several segments, joined and verified by media's own code."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest
import pytest_asyncio

from artifex.graph.v1 import messages_pb2
from libs.chassis.errors import InvalidArgument
from libs.frames.decoded import frame_hashes
from libs.frames.probe import from_rational, probe
from libs.frames.video_reader import VideoReader
from tests.integration.graph.studio import Studio, studio

pytestmark = pytest.mark.asyncio(loop_scope="module")

FRAMES = 20
RATE = Fraction(24000, 1001)
CODECS = {
    "h264": ("title.mp4", "8bit", "h264", "yuv420p"),
    "h265": ("title.mp4", "10bit", "hevc", "yuv420p10le"),
    "prores": ("title.mov", "422hq", "prores", "yuv422p10le"),
    "dnxhr": ("title.mov", "hqx", "dnxhd", "yuv422p10le"),
    "vp9": ("title.webm", "8bit", "vp9", "yuv420p"),
    "av1": ("title.webm", "10bit", "av1", "yuv420p10le"),
    "ffv1": ("title.mkv", "16bit", "ffv1", "gbrp16le"),
}


def moving(**params: Any) -> str:
    """A title that moves across the picture: every frame is another."""
    return json.dumps(
        {
            "schema": "artifex.graph/1",
            "settings": {"width": 256, "height": 128, "fps": "24000/1001", "duration": str(FRAMES / RATE)},
            "nodes": {
                "title": {"type": "TextInput", "params": {"text": "Artifex", "size": 60, "color": [0.9, 0.6, 0.3]}},
                "moved": {
                    "type": "Transform2D",
                    "inputs": {"video": "title"},
                    "params": {"translate": {"keys": [[0, [-60, 0]], [1, [60, 0]]]}},
                },
                "out": {"type": "FileOutput", "inputs": {"video": "moved"}, "params": params},
            },
        }
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Studio]:
    folder = tmp_path_factory.mktemp("codecs")
    async with studio(folder, {"ARTIFEX_GRAPH_CHUNK_FRAMES": "6"}) as started, started.worker("worker"):
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def movies(running: Studio) -> dict[str, Path]:
    """The same document in every codec; all jobs at once."""
    names: dict[str, str] = {}
    for codec, (path, profile, _, _) in CODECS.items():
        request = messages_pb2.CreateRenderJobRequest(document_json=moving(path=path, codec=codec, profile=profile))
        names[codec] = (await running.render.CreateRenderJob(request)).render_job.name
    found: dict[str, Path] = {}
    for codec, name in names.items():
        await running.watch(name)
        job = (await running.render.GetRenderJob(messages_pb2.GetRenderJobRequest(name=name))).render_job
        assert job.state == messages_pb2.RenderJob.STATE_SUCCEEDED, f"{codec}: {job.failure.message}"
        work = next(work for work in running.assembled if work.job == name)
        assert len(work.segments) > 2, "it was cut into several segments"
        assert work.container == CODECS[codec][0].rpartition(".")[2]
        found[codec] = running.movie(job)
    return found


@pytest.mark.parametrize("codec", list(CODECS))
async def test_a_movie_holds_every_frame_in_the_codec_asked_for(movies: dict[str, Path], codec: str) -> None:
    _, _, stream, pixel_format = CODECS[codec]
    media = probe(movies[codec])
    video = media.video_streams[0]
    assert (video.codec, video.pixel_format, video.frame_count) == (stream, pixel_format, FRAMES)
    assert from_rational(video.frame_rate) == RATE
    assert not media.audio_streams
    hashes = frame_hashes(movies[codec])
    assert len(hashes) == FRAMES
    assert codec != "ffv1" or len(set(hashes)) == FRAMES, "every frame is another"


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec != "ffv1"])
async def test_the_pictures_are_those_that_are_kept_whole(movies: dict[str, Path], codec: str) -> None:
    with VideoReader(movies["ffv1"]) as reader:
        whole = [picture[..., :3] for _, picture in reader.frames()]
    with VideoReader(movies[codec]) as reader:
        for index in (0, 5, 6, 11, 12, FRAMES - 1):
            got = reader.frame_at(index / RATE)[..., :3]
            errors = [float(np.abs(picture - got).mean()) for picture in whole]
            assert errors[index] < 0.01
            assert int(np.argmin(errors)) == index, "not a neighbour's"


@pytest.mark.parametrize("codec", list(CODECS))
async def test_ffmpegs_own_tool_decodes_the_same_samples_at_the_same_times(movies: dict[str, Path], codec: str) -> None:
    """A build of its own, with decoders of its own; equal sums are equal planes."""
    told = (await asyncio.to_thread(_framemd5, movies[codec])).splitlines()
    (base,) = (Fraction(line.split()[-1]) for line in told if line.startswith("#tb 0"))
    rows = [line.split(",") for line in told if not line.startswith("#")]
    exact = codec not in ("vp9", "av1", "ffv1")  # Matroska and WebM count milliseconds
    for index, row in enumerate(rows):
        assert abs(int(row[2]) * base - index / RATE) <= (0 if exact else Fraction(1, 2000))
    with av.open(str(movies[codec])) as container:
        ours = [_md5(frame) for frame in container.decode(video=0)]
    assert [row[5].strip() for row in rows] == ours


def _framemd5(movie: Path) -> str:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(movie), "-map", "0:v"]
    passed = [*command, "-fps_mode", "passthrough", "-f", "framemd5", "-"]
    return subprocess.run(passed, capture_output=True, check=True, timeout=60).stdout.decode()


def _md5(frame: av.VideoFrame) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    size = (frame.format.components[0].bits + 7) // 8
    for plane in frame.planes:
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        digest.update(lines[: plane.height, : plane.width * size].tobytes())
    return digest.hexdigest()


async def test_what_does_not_go_together_is_refused_with_its_place(running: Studio) -> None:
    request = messages_pb2.CreateRenderJobRequest(document_json=moving(path="a.webm", codec="prores"))
    with pytest.raises(InvalidArgument) as caught:
        await running.render.CreateRenderJob(request)
    assert caught.value.reason == "ERROR_REASON_GRAPH_INVALID"
    (violation,) = caught.value.violations
    assert violation.field == "nodes.out.params.codec"
    assert ".webm takes vp9, av1" in violation.description
    assert ".mov" in violation.description
