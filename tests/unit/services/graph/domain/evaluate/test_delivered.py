"""Whole movies of every codec and container, by another FFmpeg than the one that wrote them: tags, colours, sync."""

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from artifex.nodes import Frame
from libs.frames.codecs import VIDEO_CODECS
from libs.frames.codecs.movies import MOVIES
from libs.frames.deliveries import DELIVERIES
from libs.frames.join import join_segments
from libs.frames.probe import probe
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import Compiled, compile
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.output import SegmentWriter, SoundWriter
from services.graph.domain.evaluate.sources import SourceFile, open_sources
from tests.unit.services.graph.support import document, output

WIDTH, HEIGHT, RATE = 256, 128, 24
COUNT, FLASH = 12, 7
# R'G'B' of four patches; the fifth frame from the end is white.
PATCHES = np.array([[0.5, 0.5, 0.5], [0.6, 0.3, 0.3], [0.3, 0.6, 0.35], [0.25, 0.3, 0.65]])
HDR = [("h265", "10bit"), ("av1", "10bit"), ("prores", "422hq"), ("dnxhr", "hqx")]
MADE = [(codec.name, "auto", "rec709", where) for codec in VIDEO_CODECS.values() for where in codec.containers]
MADE += [(codec, profile, "hdr10", where) for codec, profile in HDR for where in VIDEO_CODECS[codec].containers]
MADE += [("h264", "8bit", "p3", "mp4"), ("av1", "10bit", "hlg", "webm"), ("h265", "10bit", "rec2020", "mov")]
MADE += [("ffv1", "16bit", "hlg", "mkv"), ("dnxhr", "444", "hlg", "mov"), ("prores", "4444", "p3", "mov")]


def movie(folder: Path, made: Compiled, container: str) -> Path:
    """Two segments and their sound, joined: patches, one white frame, and a tone that begins with it."""
    colour = WorkingColour("ACEScg")
    delivery = DELIVERIES[made.sink.values["color"]]
    signal = np.repeat(np.repeat(PATCHES[None], HEIGHT, axis=0), WIDTH // len(PATCHES), axis=1)
    pixels = np.concatenate([signal, np.ones((HEIGHT, WIDTH, 1))], -1).astype(np.float32)
    patches = Frame(colour.decoded(pixels, delivery.transfer, delivery.primaries))
    pixels[..., :3] = 0.7
    white = Frame(colour.decoded(pixels, delivery.transfer, delivery.primaries))
    segments = []
    for first, last in ((0, 5), (5, COUNT)):
        segments.append(folder / f"segment{first}")
        with SegmentWriter(segments[-1], made, colour, 1) as segment:
            for number in range(first, last):
                segment.write(white if number == FLASH else patches)
    times = np.arange(COUNT * 2000) / 48_000
    tone = np.where(times >= FLASH / RATE, 0.5 * np.sin(2 * np.pi * 1000 * times), 0.0)
    with SoundWriter(folder / "sound", made) as sound:
        sound.write(np.stack([tone, tone]).astype(np.float32))
    join_segments(segments, folder / "sound", folder / f"a.{container}", Fraction(RATE), container)
    return folder / f"a.{container}"


def tool(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "verbose", *arguments], capture_output=True, check=True
    )


def pictures(path: Path) -> tuple[str, NDArray[np.float64]]:
    """The header as the tool tells it, and R'G'B' of all frames, converted by the tags."""
    scaling = "scale=flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp"
    ran = tool("-i", str(path), "-map", "v", "-vf", scaling, "-pix_fmt", "gbrp16le", "-f", "rawvideo", "-")
    codes = np.frombuffer(ran.stdout, np.uint16).reshape(-1, 3, HEIGHT, WIDTH)
    header = ran.stderr.decode().partition("Stream mapping:")[0]
    return header, np.moveaxis(codes[:, [2, 0, 1]], 1, -1) / 65535


def sound(path: Path) -> NDArray[np.float32]:
    """Samples of the first channel from the first frame on."""
    timed = "aresample=async=1:first_pts=0"
    # Else the tool moves all times so that the file's first one, Opus's encoder delay, is 0.
    ran = tool("-copyts", "-i", str(path), "-map", "a", "-af", timed, "-ac", "2", "-f", "f32le", "-")
    return np.frombuffer(ran.stdout, np.float32)[::2]


@pytest.mark.parametrize(("codec", "profile", "color", "container"), MADE)
def test_another_stack_finds_what_was_delivered(
    tmp_path: Path, codec: str, profile: str, color: str, container: str
) -> None:
    quality = 8 if VIDEO_CODECS[codec].quality else 0
    params = {"path": f"a.{container}", "codec": codec, "profile": profile, "color": color, "quality": quality}
    nodes = {"text": {"type": "TextInput", "params": {"text": "x"}}, "out": {**output("text"), "params": params}}
    made = compile(document(nodes, width=WIDTH, height=HEIGHT, fps=str(RATE)), catalogue(), "", {})
    path = movie(tmp_path, made, container)

    delivery = DELIVERIES[color]
    header, shown = pictures(path)
    video = next(line for line in header.splitlines() if "Video:" in line)
    matrix = "gbr" if profile == "16bit" else delivery.matrix
    said = {delivery.transfer, delivery.primaries, matrix}
    words = set(re.findall(r"[a-z0-9-]+", video.partition("Video:")[2]))
    assert said <= words
    # ProRes leaves the range to the format, which has one alone.
    assert codec == "prores" or ("pc" if profile == "16bit" else "tv") in words
    assert f"{RATE} fps" in video
    assert ("MaxCLL=" in header) == delivery.metadata
    if delivery.siting == "topleft" and VIDEO_CODECS[codec].profiles.get(profile, None) is not None:
        halved = VIDEO_CODECS[codec].profiles[profile].chroma == "4:2:0"
        assert ("topleft" in words) == halved
        assert (probe(path).video_streams[0].chroma_location == "topleft") == halved

    assert len(shown) == COUNT
    middles = shown[0, HEIGHT // 2, WIDTH // 8 :: WIDTH // 4]
    assert np.abs(middles - PATCHES).max() < 0.02
    assert [number for number, frame in enumerate(shown) if frame[64, 128].min() > 0.65] == [FLASH]

    colour = WorkingColour("ACEScg")
    with open_sources({"movie": SourceFile(path, probe(path))}, colour, 1) as opened:
        light = opened["movie"].picture(Fraction(0)).pixels[HEIGHT // 2, WIDTH // 8 :: WIDTH // 4]
    told = colour.decoded(np.concatenate([PATCHES, np.ones((4, 1))], -1)[None], delivery.transfer, delivery.primaries)
    assert np.abs(light / told[0] - 1)[:, :3].max() < 0.2, "and MediaInput finds the light that went in"

    heard = sound(path)
    begin = int(np.argmax(np.abs(heard) > 0.1))
    # What is compressed with loss rings for a few milliseconds before.
    assert abs(begin - FLASH * 2000) <= (0 if MOVIES[container].audio[0] in ("flac", "pcm") else 200), begin
