"""The way out as stills: what their files hold, beside OpenImageIO and OpenColorIO, and joined from parts."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from artifex.nodes import Frame, Pixels
from artifex.stills import Pattern, find_stills, open_archive, unpack
from libs.frames.errors import MediaError, MediaUnreadable, MediaUnsupported
from libs.frames.join_stills import join_stills
from libs.frames.sequence_probe import probe_sequence
from libs.frames.still_colour import convert
from services.graph.domain.compile.compiler import Compiled, compile
from services.graph.domain.evaluate.colour import WorkingColour, config
from services.graph.domain.evaluate.evaluator import render_frames
from services.graph.domain.evaluate.stills import StillsSegment, chromaticities_of
from services.media.adapters.stills_child import assemble_stills
from tests.unit.services.graph.domain.evaluate.random_graphs import CATALOGUE
from tests.unit.services.graph.nodes.oracles.sequence_input import opened, shown
from tests.unit.services.graph.support import document, output, picture

WIDTH, HEIGHT = 48, 26


def compiled(path: str, colorspace: str = "ACEScg", **params: Any) -> Compiled:
    out = output("x")
    out["params"] = {"path": path, **params}
    nodes = {"x": {"type": "TextInput", "params": {"text": "A", "size": {"keys": [[0, 8], [1, 24]]}}}, "out": out}
    return compile(
        document(nodes, width=WIDTH, height=HEIGHT, colorspace=colorspace, duration="8/25"), CATALOGUE, "", {}
    )


def segment(tmp_path: Path, plan: Compiled, frames: list[Frame], first: int = 0) -> Path:
    colour = WorkingColour(plan.settings.colorspace)
    place = tmp_path / f"part{first}"
    with StillsSegment(place, plan, colour, 1, first) as part:
        for frame in frames:
            part.append(part.prepare(frame))
    part.prove()
    return place


def read(path: Path) -> tuple[Pixels, dict[str, Any]]:
    """As OpenImageIO reads a file, alpha as it is stored."""
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(str(path), config)
    assert source is not None
    spec = source.spec()
    pixels = np.asarray(source.read_image("float"), np.float32).reshape(spec.height, spec.width, -1)
    source.close()
    return pixels, {item.name: item.value for item in spec.extra_attribs} | {"format": str(spec.format)}


@pytest.mark.parametrize("compression", ["auto", "zips", "piz", "rle", "none"])
@pytest.mark.parametrize("profile", ["half", "float"])
def test_exr_holds_the_working_spaces_light(tmp_path: Path, profile: str, compression: str) -> None:
    pixels = picture(1, WIDTH, HEIGHT)
    plan = compiled("s.####.exr", profile=profile, compression=compression)
    (still,) = unpack(segment(tmp_path, plan, [Frame(pixels)]), tmp_path / "out")
    found, tags = read(still)
    assert still.name == "s.0001.exr"
    expected = pixels.astype(np.float16).astype(np.float32) if profile == "half" else pixels
    np.testing.assert_array_equal(found, expected)
    assert (tags["format"], tags["framesPerSecond"]) == (profile, (25, 1))
    assert tags["compression"] == ("zip" if compression == "auto" else compression)
    np.testing.assert_allclose(
        tags["chromaticities"], (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767), atol=1e-6
    )


@pytest.mark.parametrize("fps", ["23.976023976023976", "2147483648/2147483647", "1000000007/41708333"])
def test_a_rate_of_more_digits_than_exr_has_is_told_nearly(tmp_path: Path, fps: str) -> None:
    plan = compiled("s.#.exr")
    plan = replace(plan, settings=replace(plan.settings, fps=Fraction(fps)))
    (still,) = unpack(segment(tmp_path, plan, [Frame(picture(1, WIDTH, HEIGHT))]), tmp_path / "out")
    above, below = read(still)[1]["framesPerSecond"]
    assert above / below == pytest.approx(float(Fraction(fps)), rel=1e-9)


def test_what_a_half_does_not_hold_is_its_largest_number(tmp_path: Path) -> None:
    pixels = np.full((HEIGHT, WIDTH, 4), 1.0, np.float32)
    pixels[0, 0, 0], pixels[0, 1, 0], pixels[1, 1, 2], pixels[2, 2, 3] = 1e9, -1e9, np.nan, 1.5
    (still,) = unpack(segment(tmp_path, compiled("s.#.exr"), [Frame(pixels)]), tmp_path / "out")
    found, _ = read(still)
    assert (found[0, 0, 0], found[0, 1, 0], found[2, 2, 3]) == (65504, -65504, 1)
    assert np.isnan(found[1, 1, 2])
    assert np.isnan(found).sum() == 1


@pytest.mark.parametrize(
    ("path", "profile", "steps", "kind"),
    [("s.#.png", "8bit", 255, "uint8"), ("s.#.png", "16bit", 65535, "uint16"), ("s.#.tif", "auto", 65535, "uint16"),
     ("s.#.tiff", "8bit", 255, "uint8"), ("s.#.tif", "float", 0, "float")],
)  # fmt: skip
def test_other_kinds_hold_what_a_player_shows(tmp_path: Path, path: str, profile: str, steps: int, kind: str) -> None:
    generator = np.random.default_rng(2)
    pixels = generator.uniform(0.0, 1.0, (HEIGHT, WIDTH, 4)).astype(np.float32)
    straight = pixels.copy()
    WorkingColour("ACEScg").encode(straight)
    pixels[..., :3] *= pixels[..., 3:]
    (still,) = unpack(segment(tmp_path, compiled(path, profile=profile), [Frame(pixels)]), tmp_path / "out")
    found, tags = read(still)
    assert tags["format"] == kind
    assert tags.get("oiio:UnassociatedAlpha") == 1
    expected = np.clip(straight, 0.0, 1.0) if steps else straight
    seen = pixels[..., 3] > 0.05
    assert np.abs(found - expected)[seen].max() <= (0.5001 / steps + 1e-5 if steps else 2e-5)


def test_without_alpha_they_lie_over_black(tmp_path: Path) -> None:
    pixels = np.full((HEIGHT, WIDTH, 4), (0.2, 0.1, 0.05, 0.5), np.float32)
    (still,) = unpack(segment(tmp_path, compiled("s.#.exr", alpha=False), [Frame(pixels[4:8], 0, 4)]), tmp_path / "out")
    found, _ = read(still)
    assert found.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_allclose(found[5, 5], (0.2, 0.1, 0.05), atol=1e-4)
    assert not found[0].any()


@pytest.mark.parametrize("space", ["ACEScg", "ACES2065-1", "Linear Rec.709 (sRGB)", "Linear AdobeRGB", "Linear P3-D65"])
def test_every_working_space_tells_its_primaries(space: str) -> None:
    """What is told leads to ACES2065-1 as OpenColorIO does."""
    ours = convert(chromaticities_of(space), chromaticities_of("ACES2065-1"))
    basis = np.eye(3, dtype=np.float32)[None].copy()
    config().getProcessor(space, "ACES2065-1").getDefaultCPUProcessor().applyRGB(basis)
    np.testing.assert_allclose(ours, basis[0].T, atol=2e-5)


def test_what_was_written_comes_in_as_it_was(tmp_path: Path) -> None:
    pixels = picture(3, WIDTH, HEIGHT)
    for space in ("ACEScg", "Linear Rec.709 (sRGB)"):
        part = segment(tmp_path, compiled("s.#.exr", space, profile="float"), [Frame(pixels)])
        source = opened(part, WorkingColour("ACEScg"))
        found = shown(source, (WIDTH, HEIGHT), alpha="premultiplied").pixels
        if space == "ACEScg":
            np.testing.assert_allclose(found, pixels, atol=1e-5)
        else:
            assert np.abs(found - pixels).max() > 0.1
            back = convert(chromaticities_of("ACEScg"), chromaticities_of(space))
            np.testing.assert_allclose(found[..., :3] @ back.T, pixels[..., :3], atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_parts_make_the_sequence_that_one_would(tmp_path: Path, threads: int) -> None:
    plan = compiled("s.%04d.exr", start_number=1001)

    def part(first: int, count: int) -> Path:
        place = tmp_path / f"{first}-{count}-{threads}"
        assert render_frames(plan, {}, first, count, place, threads, lambda done: None) == "application/zip"
        return place

    whole, parts = part(0, 8), [part(0, 3), part(3, 4), part(7, 1)]
    request = {"segments": [str(each) for each in parts], "audio": None, "output": str(tmp_path / "joined"),
               "name": "s.%04d.exr", "frame_rate": "24000/1001", "frame_count": 8}  # fmt: skip
    media = assemble_stills(request)
    assert (tmp_path / "joined").read_bytes() == whole.read_bytes()
    assert (media.sequence.pattern, media.sequence.first_frame, media.sequence.last_frame) == ("s.####.exr", 1001, 1008)
    stream = media.video_streams[0]
    assert (stream.frame_count, stream.frame_rate.numerator, stream.frame_rate.denominator) == (8, 24000, 1001)
    assert Fraction(stream.duration.numerator, stream.duration.denominator) == 8 * Fraction(1001, 24000)
    unpack(tmp_path / "joined", tmp_path / "out")
    assert [still.name for still in find_stills(tmp_path / "out") or []] == [
        f"s.{number}.exr" for number in range(1001, 1009)
    ]


def test_parts_that_make_no_sequence_are_typed_errors(tmp_path: Path) -> None:
    plan, frame = compiled("s.###.exr"), Frame(picture(4, WIDTH, HEIGHT))
    one, two, four = (segment(tmp_path, plan, [frame], first) for first in (0, 1, 3))
    other = segment(tmp_path, compiled("t.###.exr"), [frame], 2)
    pattern = Pattern("s.", 3, ".exr")
    cases: list[tuple[list[Path], type[MediaError], str]] = [
        ([one, four], MediaUnsupported, "s.004.exr stands where s.002.exr should"),
        ([one, one], MediaUnsupported, "s.001.exr stands where s.002.exr should"),
        ([one, two, other], MediaUnsupported, "'t.003.exr' is no name"),
    ]
    for parts, kind, words in cases:
        with pytest.raises(kind) as caught:
            join_stills(parts, tmp_path / "out", pattern)
        assert words in caught.value.message
    with open_archive(two) as (_, members):
        place = members[0].offset + 200
    data = bytearray(two.read_bytes())
    data[place] ^= 1
    two.write_bytes(data)
    with pytest.raises(MediaUnreadable, match="is not what was rendered"):
        join_stills([one, two], tmp_path / "out", pattern)
    request = {"segments": [str(one)], "audio": None, "output": str(tmp_path / "joined"), "name": "s.###.exr",
               "frame_rate": "25", "frame_count": 2}  # fmt: skip
    with pytest.raises(MediaUnsupported, match="1 stills of 1 numbers, and 2 were asked for"):
        assemble_stills(request)


def test_equal_frames_are_equal_bytes(tmp_path: Path) -> None:
    frame = Frame(picture(5, WIDTH, HEIGHT))
    for path in ("s.#.exr", "s.#.tif", "s.#.png"):
        data = []
        for run in ("one", "two"):
            (tmp_path / run).mkdir(exist_ok=True)
            data.append(segment(tmp_path / run, compiled(path), [frame]).read_bytes())
        assert data[0] == data[1]
        assert probe_sequence(tmp_path / "one" / "part0").sequence.still_count == 1
