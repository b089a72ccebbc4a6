"""The way out of the working space: the right codes into the encoder, and proofs that fail when they should."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import PyOpenColorIO as ocio
import pytest
from numpy.typing import NDArray

from artifex.nodes import Frame
from libs.chassis.errors import Internal
from libs.frames.audio_reader import AudioReader
from libs.frames.loudness import measure
from libs.frames.video_writer import OutputFrame
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import Compiled, compile
from services.graph.domain.evaluate.colour import CONFIG, WorkingColour
from services.graph.domain.evaluate.output import SegmentWriter, SoundWriter
from services.graph.domain.evaluate.sources import SourceFile, open_sources
from tests.unit.services.graph.support import document, footage, footage_info, output

CODECS = {
    "h264": ("a.mp4", "8bit"),
    "h265": ("a.mp4", "10bit"),
    "prores": ("a.mov", "422hq"),
    "dnxhr": ("a.mov", "444"),
    "vp9": ("a.webm", "8bit"),
    "av1": ("a.mkv", "10bit"),
    "ffv1": ("a.mkv", "16bit"),
}


def compiled(width: int = 256, height: int = 128, colorspace: str = "ACEScg", **params: Any) -> Compiled:
    nodes = {
        "text": {"type": "TextInput", "params": {"text": "x"}},
        "out": {**output("text"), "params": params},
    }
    return compile(document(nodes, width=width, height=height, colorspace=colorspace), catalogue(), "", {})


def prepared(tmp_path: Path, frame: Frame, **settings: Any) -> OutputFrame:
    made = compiled(**settings)
    with SegmentWriter(tmp_path / "s", made, WorkingColour(made.settings.colorspace), 1) as segment:
        filled = segment.prepare(frame)
        segment.append(filled)
    return filled


@pytest.mark.parametrize("codec", list(CODECS))
@pytest.mark.parametrize("space", ["ACEScg", "Linear Rec.709 (sRGB)"])
def test_codes_are_those_of_opencolorio_and_the_standard(tmp_path: Path, codec: str, space: str) -> None:
    path, profile = CODECS[codec]
    colours = np.random.default_rng(1).uniform(0, 1.2, (8, 4)).astype(np.float32)
    colours[0, :3], colours[1, :3] = 0.18, 4.0
    pixels = np.repeat(np.repeat(colours[None], 128, axis=0), 32, axis=1)
    pixels[..., 3] = 1.0
    filled = prepared(tmp_path, Frame(pixels), colorspace=space, codec=codec, path=path, profile=profile)
    # OpenColorIO's display encoding in float64's stead, then the matrix of BT.709-6 written out, 8-bit codes.
    shown = pixels[:1, ::32].copy()
    config = ocio.Config.CreateFromFile(CONFIG)
    transform = ocio.ColorSpaceTransform(space, "Gamma 2.4 Encoded Rec.709")
    config.getProcessor(transform).getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE).applyRGBA(shown)
    red, green, blue = (np.clip(shown[0, :, channel], 0, 1) for channel in range(3))
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    expected: list[NDArray[np.float32]]
    if filled.full_range:
        expected, scale = [green * 255, blue * 255, red * 255], 65535 / 255
    else:
        expected = [
            16 + 219 * luma,
            128 + 224 * (blue - luma) / 1.8556,
            128 + 224 * (red - luma) / 1.5748,
        ]
        scale = 4.0 if filled.planes[0].dtype == np.uint16 else 1.0
    for plane, codes in zip(filled.planes, expected, strict=True):
        step = plane.shape[1] // 8
        middles = plane[plane.shape[0] // 2, step // 2 :: step]
        # Half a code of rounding, and float32's own.
        assert np.abs(middles - codes * scale).max() < (0.51 if scale < 100 else 2.0)


@pytest.mark.parametrize("codec", ["h264", "h265", "prores"])
def test_footage_that_nobody_changed_keeps_its_codes(tmp_path: Path, codec: str) -> None:
    """The decoder's own samples of an H.264 frame, and what the encoder is given for it after light and back."""
    path, profile = CODECS[codec]
    made = compiled(1280, 720, codec=codec, path=path, profile=profile)
    colour = WorkingColour("ACEScg")
    with (
        open_sources({"clip": SourceFile(footage(), footage_info())}, colour, 1) as opened,
        SegmentWriter(tmp_path / "s", made, colour, 1) as segment,
    ):
        picture = opened["clip"].picture(Fraction(60, 25))
        filled = segment.prepare(picture)
        segment.append(filled)
    with av.open(str(footage())) as container:
        frame = [frame for frame, _ in zip(container.decode(video=0), range(61), strict=False)][60]
    theirs = [
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, : plane.width] for plane in frame.planes
    ]
    # Codes are legal where their R'G'B' lies within 0..1; what did not is clipped.
    light = picture.pixels[..., :3] @ np.linalg.inv(colour.video_light("bt709", "bt709").to_working).T
    inside = ((light > 1e-5) & (light < 0.999)).all(axis=2)
    scale = 4 if filled.planes[0].dtype == np.uint16 else 1
    assert inside.mean() > 0.5
    assert np.array_equal(filled.planes[0][inside], theirs[0][inside].astype(int) * scale)
    if codec == "prores":
        return
    fours = np.asarray(inside.reshape(360, 2, 640, 2).all(axis=(1, 3)))
    whole = np.zeros_like(fours)
    whole[1:-1, 1:-1] = np.min([fours[i : 358 + i, j : 638 + j] for i in range(3) for j in range(3)], axis=0)
    for ours, original in zip(filled.planes[1:], theirs[1:], strict=True):
        assert np.array_equal(ours[whole], original[whole].astype(int) * scale)


def test_what_is_not_a_number_is_black_and_spreads_nowhere(tmp_path: Path) -> None:
    pixels = np.full((128, 256, 4), 0.5, np.float32)
    filled = prepared(tmp_path, Frame(pixels.copy()))
    pixels[64, 128, 1] = np.nan
    spoilt = prepared(tmp_path, Frame(pixels))
    changed = [np.argwhere(one != other) for one, other in zip(filled.planes, spoilt.planes, strict=True)]
    assert [int(code) for code in changed[0].ravel()] == [64, 128]
    assert spoilt.planes[0][64, 128] < filled.planes[0][64, 128]
    assert all(np.abs(place - (32, 64)).max(initial=0) <= 1 for place in changed[1:])


@pytest.mark.parametrize("codec", list(CODECS))
def test_what_is_transparent_is_black(tmp_path: Path, codec: str) -> None:
    path, profile = CODECS[codec]
    filled = prepared(tmp_path, Frame.empty(), codec=codec, path=path, profile=profile)
    depth = {"yuv420p": 0, "yuv422p": 0}.get(filled.pixel_format, 2)
    black = (0, 0, 0) if filled.full_range else (16 << depth, 128 << depth, 128 << depth)
    assert all((plane == code).all() for plane, code in zip(filled.planes, black, strict=True))


def test_a_segment_that_does_not_come_back_whole_is_no_success(tmp_path: Path) -> None:
    with SegmentWriter(tmp_path / "s", compiled(), WorkingColour("ACEScg"), 1) as segment:
        for _ in range(3):
            segment.write(Frame.empty())
    segment.prove()
    with SegmentWriter(tmp_path / "s", compiled(), WorkingColour("ACEScg"), 1) as shorter:
        shorter.write(Frame.empty())
    with pytest.raises(Internal, match="of 3 frames that were encoded, 1 decode"):
        segment.prove()


@pytest.mark.parametrize("path", ["a.mp4", "a.mov", "a.webm", "a.mkv"])
def test_sound_that_is_not_a_number_is_silent_and_what_is_too_loud_is_clipped(tmp_path: Path, path: str) -> None:
    samples = np.zeros((2, 48_000), np.float32)
    samples[:, 10_000], samples[:, 20_000], samples[:, 30_000] = np.nan, np.inf, -7.0
    with SoundWriter(tmp_path / "s", compiled(path=path, codec="vp9" if path == "a.webm" else "h264")) as sound:
        sound.write(samples)
    sound.prove()
    with AudioReader(tmp_path / "s") as reader:
        heard = reader.read(0, 48_000)
    assert np.isfinite(heard).all()
    assert np.abs(heard[:, 9_000:11_000]).max() < 0.01
    assert heard[:, 19_990:20_010].max() > 0.2
    assert heard[:, 29_990:30_010].min() < -0.2
    if path == "a.mov":
        assert heard[0, [20_000, 30_000]].tolist() == [1 - 2.0**-23, -1.0]


@pytest.mark.parametrize(
    ("path", "codec", "media_type"),
    [
        ("a.mp4", "auto", "audio/mp4"),
        ("a.mov", "auto", "video/quicktime"),
        ("a.mkv", "auto", "audio/mp4"),
        ("a.mkv", "opus", "audio/ogg"),
    ],
)
def test_sound_that_does_not_come_back_is_no_success(tmp_path: Path, path: str, codec: str, media_type: str) -> None:
    made = compiled(path=path, audio_codec=codec)
    sine = 0.25 * np.sin(2 * np.pi * 997 * np.arange(48_000) / 48_000)
    tone = np.stack([sine, sine]).astype(np.float32)

    def write(samples: NDArray[np.float32]) -> SoundWriter:
        with SoundWriter(tmp_path / "s", made) as sound:
            for start in range(0, samples.shape[1], 10_000):
                sound.write(samples[:, start : start + 10_000])
        return sound

    sound = write(tone)
    sound.prove()
    assert sound.media_type == media_type
    # A sine of amplitude A in both channels is of -0.691 + 10 log10(2 · A²/2) LUFS, and the K filter adds 0.69 there.
    assert measure(tmp_path / "s").loudness.lufs == pytest.approx(20 * np.log10(0.25), abs=0.15)
    longer = write(tone)
    write(tone[:, :40_000])
    with pytest.raises(Internal, match="samples that were encoded"):
        longer.prove()
    loud = write(tone)
    write(tone * np.float32(0.01))
    with pytest.raises(Internal, match="decodes"):
        loud.prove()
