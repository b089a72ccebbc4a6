"""MediaInput where the file's tags are wrong, and where its frames are interlaced."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifex.nodes import Frame, Window
from libs.frames.probe import probe
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.sources import DraftSource, SourceFile, open_sources
from services.graph.nodes.input.interpreted import MATRICES, PRIMARIES, RANGES, TRANSFERS
from services.graph.nodes.input.media_input import MediaInput
from tests.unit.libs.frames.clips import decode_all, make, swscale_rgb
from tests.unit.libs.frames.interlaced import HEIGHT, WIDTH, by_ffmpeg, make_interlaced
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.support import Context, node

COLOUR = WorkingColour("Linear Rec.709 (sRGB)")


def noise(seed: int = 1) -> Any:
    return np.random.default_rng(seed).integers(60, 196, (64, 96, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_interlaced(tmp_path_factory.mktemp("interlaced") / "clip.mov")


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without loss, in BT.709 of limited range, and tagged so."""
    path = tmp_path_factory.mktemp("tags") / "tagged.mkv"
    return make(path, [noise()], codec="ffv1", pixel_format="yuv444p")


def read(path: Path, time: Fraction = Fraction(0), region: Window | None = None, **params: Any) -> Frame:
    with open_sources({"n": SourceFile(path, probe(path))}, COLOUR, 1) as sources:
        clip = node(MediaInput, asset="assets/a", fit="none", **params)
        return applied(clip, {}, (96, 64), source=sources["n"], time=time, region=region)


@pytest.mark.parametrize(
    ("params", "matrix", "range_"),
    [({}, 1, 1), ({"matrix": "bt601"}, 5, 1), ({"matrix": "bt2020"}, 9, 1), ({"range": "full"}, 1, 2)],
)
def test_matrix_and_range_take_the_place_of_the_tags(
    tagged: Path, params: dict[str, Any], matrix: int, range_: int
) -> None:
    """Beside libswscale, told the same: within its rounding of an 8-bit code."""
    (frame,) = decode_all(tagged)
    theirs = swscale_rgb(frame, matrix, range_)
    ours = np.clip(read(tagged, **params).pixels[..., :3], 0, None).astype(np.float64) ** (1 / 2.4)
    inside = (theirs > 0.01) & (theirs < 0.99)
    assert np.abs(ours - theirs)[inside].max() * 255 < 1.0


def pq(signal: Any) -> Any:
    """SMPTE ST 2084, in units of 203 cd/m²."""
    power = signal ** (1 / 78.84375)
    return 10_000 / 203 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)


@pytest.mark.parametrize(
    ("transfer", "curve"),
    [
        ("bt709", lambda v: v**2.4),
        ("gamma22", lambda v: v**2.2),
        ("linear", lambda v: v),
        ("srgb", lambda v: np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)),
        ("pq", pq),
    ],
)
def test_the_transfer_takes_the_place_of_the_tag(tagged: Path, transfer: str, curve: Any) -> None:
    signal = read(tagged, transfer="linear").pixels[..., :3].astype(np.float64)
    light = read(tagged, transfer=transfer, primaries="bt709").pixels[..., :3]
    np.testing.assert_allclose(light, curve(signal), rtol=2e-4, atol=1e-5)


def test_primaries_take_the_place_of_the_tag(tagged: Path) -> None:
    """BT.2087's matrix from BT.2020 to BT.709, in linear light."""
    to_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
    wide = read(tagged, primaries="bt2020").pixels[..., :3]
    np.testing.assert_allclose(wide, read(tagged).pixels[..., :3] @ to_709.T, atol=3e-4)


def test_every_word_is_one_that_the_file_could_have_said(tagged: Path) -> None:
    plain = read(tagged).pixels
    for name, words in (("primaries", PRIMARIES), ("transfer", TRANSFERS), ("matrix", MATRICES), ("range", RANGES)):
        found = [read(tagged, **dict[str, Any]({name: word})).pixels for word in words]
        np.testing.assert_array_equal(found[0], plain)
        same = sum(np.array_equal(pixels, plain) for pixels in found)
        assert same == 2, name  # auto, and what the file says


def luma(frame: Frame) -> Any:
    """BT.601's of the picture as it is shown, in codes: the file's own Y'."""
    shown = np.clip(frame.pixels[..., :3].astype(np.float64), 0, None) ** (1 / 2.4)
    return 16 + 219 * (shown @ np.array([0.299, 0.587, 0.114]))


@pytest.mark.parametrize(("mode", "rate"), [("frame", 25), ("field", 50)])
def test_interlaced_frames_become_ffmpegs_pictures(clip: Path, mode: str, rate: int) -> None:
    expected = by_ffmpeg(clip, f"mode=send_{mode}:deint=interlaced")
    for number in (rate // 25, 9, 20):
        found = luma(read(clip, Fraction(number, rate), deinterlace=mode))
        assert np.abs(found - expected[number]).max() < 0.6
    # In any order, and by strips.
    whole = read(clip, Fraction(9, rate), deinterlace=mode).pixels
    strip = read(clip, Fraction(9, rate), Window(0, 16, WIDTH, 20), deinterlace=mode)
    np.testing.assert_allclose(strip.pixels, whole[16:36], rtol=2e-6, atol=2e-7)


def test_fields_have_their_own_fingerprints_and_frames_share_theirs(clip: Path) -> None:
    with open_sources({"n": SourceFile(clip, probe(clip))}, COLOUR, 1) as sources:

        def prints(**params: Any) -> set[Any]:
            one = node(MediaInput, asset="assets/a", **params)
            times = [Fraction(n, 50) for n in range(4)]
            contexts = [Context({}, MediaInput.video, time=time, source=sources["n"]) for time in times]
            return {one.fingerprint(context.request) for context in contexts}

        assert len(prints(deinterlace="field")) == 4
        assert len(prints(deinterlace="frame")) == 2
        assert not prints(deinterlace="frame") & prints()


def test_a_draft_is_interpreted_too_and_readers_are_closed(clip: Path) -> None:
    with open_sources({"n": SourceFile(clip, probe(clip))}, COLOUR, 1) as sources:
        source = sources["n"]
        params: dict[str, Any] = {"asset": "assets/a", "fit": "none", "transfer": "linear"}
        exact = applied(node(MediaInput, **params), {}, (WIDTH, HEIGHT), source=source)
        draft = applied(node(MediaInput, **params), {}, (WIDTH, HEIGHT), source=DraftSource(source))
        np.testing.assert_array_equal(draft.pixels, exact.pixels)
        # Another way of taking it takes the place of the first.
        params["transfer"] = "srgb"
        other = applied(node(MediaInput, **params), {}, (WIDTH, HEIGHT), source=source)
        assert np.abs(other.pixels - exact.pixels).max() > 0.05
