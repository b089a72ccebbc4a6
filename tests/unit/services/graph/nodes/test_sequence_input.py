"""SequenceInput: which still is shown when, which of its channels, and where it lies."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Frame, Window
from libs.frames.errors import MediaUnreadable, MediaUnsupported
from services.graph.domain.compile.compiler import compile, validate
from services.graph.domain.documents.problems import Reason
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.domain.evaluate.sources import FileSource
from services.graph.nodes.input.sequence_input import SequenceInput
from tests.support.stills import noise, packed, write_still
from tests.unit.services.graph.domain.evaluate.random_graphs import CATALOGUE
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.sequence_input import opened, sequence_of, shown
from tests.unit.services.graph.support import Context, document, footage_info, node, output

LAYERS = ("R", "G", "B", "A", "Z", "diffuse.R", "diffuse.G", "diffuse.B", "ao.Y")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> FileSource:
    """Stills 10, 11, 12, 15 and 16, each as bright as its number."""
    folder = tmp_path_factory.mktemp("numbers")
    stills = [
        write_still(folder / f"n.{number}.exr", np.full((9, 16, 3), number, np.float32))
        for number in (10, 11, 12, 15, 16)
    ]
    return opened(packed(folder / "n.zip", stills))


@pytest.fixture(scope="module")
def layered() -> FileSource:
    return opened(sequence_of("l.exr", [noise(1, 16, 9, len(LAYERS))], channels=LAYERS))


def number_at(source: FileSource, time: str | int, **params: Any) -> float | None:
    frame = shown(source, (16, 9), time=Fraction(time), space="working", **params)
    return None if frame.window.empty else float(frame.pixels[0, 0, 0])


@pytest.mark.parametrize(
    ("params", "time", "expected"),
    [
        ({}, 0, 10),
        ({}, "1/25", 11),
        ({}, "2/25", 12),
        ({"fps": "12.5"}, "1/25", 10),
        ({"fps": "24000/1001"}, "1001/24000", 11),
        ({"fps": "24000/1001"}, "1000/24000", 10),
        ({"start": Fraction(1)}, "26/25", 11),
        ({"start": Fraction(1)}, 0, None),
        ({"start": Fraction(1), "before": "hold"}, 0, 10),
        ({"start": Fraction(1), "before": "loop"}, "24/25", 16),
        ({}, 9, 16),
        ({"after": "black"}, 9, None),
        ({"after": "loop"}, "8/25", 11),
        ({"first": 15}, 0, 15),
        ({"first": 11, "last": 12, "after": "loop"}, "3/25", 12),
        ({"first": 17}, 0, None),
        ({"missing": "hold"}, "3/25", 12),
        ({"missing": "hold"}, "4/25", 12),
        ({"missing": "nearest"}, "3/25", 12),
        ({"missing": "nearest"}, "4/25", 15),
        ({"missing": "black"}, "4/25", None),
        ({"missing": "hold", "first": 8}, 0, 10),
        ({"missing": "hold", "last": 20}, 5, 16),
    ],
)
def test_stills_are_shown_by_their_numbers(
    numbers: FileSource, params: dict[str, Any], time: str | int, expected: float | None
) -> None:
    assert number_at(numbers, time, **params) == expected


def test_a_missing_still_is_an_error_that_names_it(numbers: FileSource) -> None:
    with pytest.raises(MediaUnsupported, match=r"n\.##\.exr: it has no frame 14"):
        number_at(numbers, "4/25")


def test_a_checkerboard_is_no_picture(numbers: FileSource) -> None:
    frame = shown(numbers, (16, 9), time=Fraction(4, 25), missing="checkerboard")
    assert frame.window == Window(0, 0, 16, 9)
    assert set(frame.pixels[..., 0].ravel()) == {np.float32(0.18), np.float32(0.36)}
    mask = shown(numbers, (16, 9), time=Fraction(4, 25), missing="checkerboard", output=SequenceInput.mask)
    assert (mask.pixels == 1).all()


def test_all_times_of_one_still_are_kept_as_one(numbers: FileSource) -> None:
    clip = node(SequenceInput, asset="assets/a", fps="12.5")
    request = Context({}, SequenceInput.video, source=numbers).request
    keys = [clip.fingerprint(request._replace(time=Fraction(number, 25))) for number in range(4)]
    assert keys[0] == keys[1] != keys[2] == keys[3]
    assert clip.fingerprint(request._replace(output=SequenceInput.mask)) != keys[0]


def test_the_files_rate_goes_before_the_documents(tmp_path: Path) -> None:
    stills = [np.full((4, 4, 3), number, np.float32) for number in range(4)]
    source = opened(sequence_of("t.exr", stills, tags={"framesPerSecond": (50, 1)}))
    assert number_at(source, "1/25") == 2
    assert number_at(source, "1/25", fps="25") == 1
    assert node(SequenceInput, asset="assets/a").extent(source.info) == Fraction(4, 50)


def test_layers_and_channels(layered: FileSource) -> None:
    samples = noise(1, 16, 9, len(LAYERS))
    how: dict[str, Any] = {"space": "working", "alpha": "straight"}
    main = shown(layered, (16, 9), **how).pixels
    np.testing.assert_array_equal(main[..., :3], samples[..., :3] * samples[..., 3:4])
    diffuse = shown(layered, (16, 9), layer="diffuse", **how)
    assert diffuse.opaque
    np.testing.assert_array_equal(diffuse.pixels[..., :3], samples[..., 5:8])
    grey = shown(layered, (16, 9), layer="ao", **how).pixels
    np.testing.assert_array_equal(grey[..., :3], samples[..., 8:].repeat(3, -1))
    mask = shown(layered, (16, 9), output=SequenceInput.mask).pixels
    np.testing.assert_array_equal(mask, samples[..., 3:4])
    depth = shown(layered, (16, 9), output=SequenceInput.mask, mask_channel="Z", mask_range=(0.25, 0.75)).pixels
    np.testing.assert_allclose(depth, np.clip((samples[..., 4:5] - 0.25) * 2, 0, 1), atol=1e-6)
    away = shown(layered, (16, 9), output=SequenceInput.mask, mask_channel="Z", mask_range=(0.75, 0.25)).pixels
    np.testing.assert_allclose(away, 1 - depth, atol=1e-6)
    of_layer = shown(layered, (16, 9), output=SequenceInput.mask, layer="diffuse", mask_channel="R").pixels
    np.testing.assert_array_equal(of_layer, samples[..., :1])
    whole = shown(layered, (16, 9), output=SequenceInput.mask, layer="diffuse").pixels
    assert (whole == 1).all()


@pytest.mark.parametrize("between", [(0.0, 1e-320), (1e-320, 0.0), (-1.7e308, 1.7e308), (0.0, 1e-39), (1e300, 2e300)])
def test_any_range_makes_a_mask_of_numbers(layered: FileSource, between: tuple[float, float]) -> None:
    mask = shown(layered, (16, 9), output=SequenceInput.mask, mask_channel="Z", mask_range=between).pixels
    assert ((mask >= 0) & (mask <= 1)).all()


@pytest.mark.parametrize(
    ("params", "words"),
    [({"layer": "specular"}, 'no layer "specular" that is a picture; its layers: "", "ao", "diffuse"'),
     ({"mask_channel": "N.X"}, 'no channel "N.X"; it has R, G, B, A, Z')],
)  # fmt: skip
def test_what_is_not_in_the_file_is_named(layered: FileSource, params: dict[str, Any], words: str) -> None:
    wanted = SequenceInput.mask if "mask_channel" in params else SequenceInput.video
    with pytest.raises(MediaUnsupported) as caught:
        shown(layered, (16, 9), output=wanted, **params)
    assert words in caught.value.message


def test_alpha_is_as_the_file_says_or_as_it_is_told(layered: FileSource) -> None:
    samples = noise(1, 16, 9, len(LAYERS))
    stored = shown(layered, (16, 9), space="working").pixels
    np.testing.assert_array_equal(stored, samples[..., :4])
    ignored = shown(layered, (16, 9), space="working", alpha="ignore")
    assert ignored.opaque
    assert (ignored.pixels[..., 3] == 1).all()
    # Display-encoded colour is divided before it becomes light, and multiplied after.
    shade = shown(layered, (16, 9), space="srgb").pixels
    straight = samples[..., :3] / samples[..., 3:4]
    opaque = np.ones((9, 16, 4), np.float32)
    opaque[..., :3] = straight
    other = shown(opened(sequence_of("s.exr", [opaque])), (16, 9), space="srgb").pixels
    np.testing.assert_allclose(shade[..., :3], other[..., :3] * samples[..., 3:4], rtol=2e-3, atol=1e-3)


def test_png_alpha_is_straight_and_exr_alpha_a_little_over_one_is_one(tmp_path: Path) -> None:
    samples = noise(2, 16, 9)
    source = opened(sequence_of("p.png", [samples], kind="uint16", tags={"oiio:UnassociatedAlpha": 1}))
    expected = samples.astype(np.float64)
    expected[..., :3] *= expected[..., 3:]
    np.testing.assert_allclose(shown(source, (16, 9), space="working").pixels, expected, atol=2e-5)
    samples[..., 3] = 1.25
    assert (shown(opened(sequence_of("o.exr", [samples])), (16, 9)).pixels[..., 3] == 1).all()


@pytest.mark.parametrize(
    "window", [Window(3, 2, 5, 4), Window(-4, -3, 26, 17), Window(20, 0, 4, 4), Window(-9, -9, 4, 4)]
)
def test_pixels_lie_where_the_data_window_says(window: Window) -> None:
    samples = noise(3, window.width, window.height)
    samples[..., 3] = 1.0
    source = opened(sequence_of("w.exr", [samples], window=window, display=(16, 9)))
    frame = shown(source, (16, 9), space="working", fit="none")
    assert frame.window == window.intersect(Window(0, 0, 16, 9)) or frame.window.empty
    whole = applied(
        node(SequenceInput, asset="assets/a", space="working"), {}, (16, 9), region=window.grown(5), source=source
    )
    assert whole.window == window, "what lies beyond the document can be moved into view"
    np.testing.assert_array_equal(whole.pixels, samples)
    mask = shown(source, (16, 9), output=SequenceInput.mask)
    np.testing.assert_array_equal(mask.filled(Window(0, 0, 16, 9))[..., 0], frame.filled(Window(0, 0, 16, 9))[..., 3])


@pytest.mark.parametrize("window", [Window(0, 0, 64, 36), Window(5, 3, 31, 20), Window(-7, -5, 80, 50)])
@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(1, 4)])
def test_a_proxy_is_the_full_picture_made_small(window: Window, scale: Fraction) -> None:
    samples = noise(4, window.width, window.height, low=-1, high=16)
    samples[..., 3] = noise(5, window.width, window.height)[..., 3]
    source = opened(sequence_of("w.exr", [samples], window=window, display=(64, 36)))
    region = Window(0, 0, 64, 36).grown(16)
    sequence = node(SequenceInput, asset="assets/a", space="working")
    full = applied(sequence, {}, (64, 36), region=region, source=source).filled(region)
    size = (int(64 * scale), int(36 * scale))
    grown = Window(0, 0, *size).grown(int(16 * scale))
    small = applied(sequence, {}, size, region=grown, source=source, scale=scale).filled(grown)
    step = scale.denominator
    mean = full.astype(np.float64).reshape(grown.height, step, grown.width, step, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(small, mean, atol=5e-6)


@pytest.mark.parametrize(("size", "fit", "window"), [
    ((128, 72), "fit", Window(0, 0, 128, 72)), ((100, 100), "fill", Window(-39, 0, 178, 100)),
    ((100, 20), "stretch", Window(0, 0, 100, 20)), ((48, 48), "fit", Window(0, 10, 48, 27)),
])  # fmt: skip
def test_fit_places_the_display_window(size: tuple[int, int], fit: str, window: Window) -> None:
    samples = np.ones((36, 64, 3), np.float32)
    source = opened(sequence_of("f.exr", [samples]))
    sequence = node(SequenceInput, asset="assets/a", space="working", fit=fit)
    frame = applied(sequence, {}, size, region=Window(0, 0, *size).grown(100), source=source)
    assert frame.window == window
    assert frame.opaque
    np.testing.assert_allclose(frame.pixels, 1.0, atol=1e-6)


def test_tiles_are_parts_of_the_whole() -> None:
    samples = noise(6, 50, 30, low=-1, high=8)
    source = opened(sequence_of("t.exr", [samples], window=Window(5, 4, 50, 30), display=(64, 36)))
    for size in ((64, 36), (96, 54), (40, 22)):
        sequence = node(SequenceInput, asset="assets/a")
        area = Window(0, 0, *size)
        whole = applied(sequence, {}, size, source=source).filled(area)
        for tile in (Window(0, 0, size[0], 7), Window(3, 7, 21, 11), Window(20, 2, 5, size[1] - 2)):
            part = applied(sequence, {}, size, region=tile, source=source).crop(tile).filled(tile)
            np.testing.assert_array_equal(part, whole[tile.inside(area)])


def test_odd_numbers_stay_where_they_are() -> None:
    """NaN and infinity of a renderer spoil no neighbour; a still of one pixel is one."""
    samples = noise(7, 16, 9)
    samples[..., 3] = 1.0
    samples[4, 5, 0] = np.nan
    frame = shown(opened(sequence_of("n.exr", [samples])), (16, 9))
    spoilt = ~np.isfinite(frame.pixels).all(axis=-1)
    assert list(zip(*np.nonzero(spoilt), strict=True)) == [(4, 5)]
    one = shown(opened(sequence_of("o.exr", [noise(8, 1, 1)])), (1, 1), space="working")
    np.testing.assert_array_equal(one.pixels, noise(8, 1, 1))


def test_a_still_that_does_not_decode_is_named(tmp_path: Path) -> None:
    good = write_still(tmp_path / "b.0001.exr", noise(9, 64, 36))
    bad = write_still(tmp_path / "b.0002.exr", noise(10, 64, 36))
    data = bytearray(bad.read_bytes())
    data[600:-1] = bytes(len(data) - 601)
    bad.write_bytes(data)
    source = opened(packed(tmp_path / "b.zip", [good, bad]))
    assert not shown(source).window.empty
    with pytest.raises(MediaUnreadable, match=r"b\.0002\.exr does not decode"):
        shown(source, time=Fraction(1, 25))


def test_the_engine_renders_it_strip_by_strip(layered: FileSource) -> None:
    nodes = {
        "x": {"type": "SequenceInput", "params": {"asset": "assets/a", "fit": "none"}},
        "y": {"type": "ColorCorrector", "inputs": {"video": "x"}, "params": {"exposure": 1.0}},
        "out": output("y"),
    }
    compiled = compile(document(nodes, width=16, height=8), CATALOGUE, "", {"x": layered.info})
    frame = FramePuller(compiled, {"x": layered}, WorkingColour("ACEScg")).frame(0)
    alone = shown(layered, (16, 8), fit="none")
    np.testing.assert_allclose(frame.filled(alone.window)[..., :3], 2 * alone.pixels[..., :3], rtol=1e-5)


def test_documents_name_what_is_wrong(layered: FileSource) -> None:
    def found(node_type: str, info: media.MediaInfo, **params: Any) -> list[tuple[str, str]]:
        nodes = {"x": {"type": node_type, "params": {"asset": "assets/a", **params}}, "out": output("x")}
        told = validate(document(nodes, duration=None), CATALOGUE, {"assets/a": info})
        return [(problem.path, problem.reason) for problem in told]

    assert found("SequenceInput", layered.info) == []
    assert found("SequenceInput", footage_info()) == [("nodes.x.params.asset", Reason.NO_STREAM)]
    assert found("MediaInput", layered.info) == [("nodes.x.params.asset", Reason.NO_STREAM)]
    look = media.MediaInfo(format="cube", look=media.Look(grid_size=9))
    assert found("MediaInput", look) == [("nodes.x.params.asset", Reason.NO_STREAM)]
    assert found("SequenceInput", layered.info, first=9, last=3) == [("nodes.x.params.last", Reason.PARAMETER_RANGE)]
    assert found("SequenceInput", layered.info, fps="fast") == [("nodes.x.params.fps", Reason.PARAMETER_RANGE)]
    wrong = [("nodes.x.params.layer", Reason.PARAMETER_RANGE)]
    assert found("SequenceInput", layered.info, layer="specular") == wrong
    wrong = [("nodes.x.params.mask_channel", Reason.PARAMETER_RANGE)]
    assert found("SequenceInput", layered.info, mask_channel="N.X") == wrong
    assert found("SequenceInput", layered.info, layer="diffuse", mask_channel="B") == []
    assert found("SequenceInput", layered.info, first=99) == [("nodes.x.params.first", Reason.PARAMETER_RANGE)]
    assert found("SequenceInput", layered.info, fps="0.0") == [("nodes.x.params.fps", Reason.PARAMETER_RANGE)]


def test_without_a_duration_a_document_lasts_as_long_as_the_stills(numbers: FileSource) -> None:
    nodes = {"x": {"type": "SequenceInput", "params": {"asset": "assets/a", "start": 1}}, "out": output("x")}
    compiled = compile(document(nodes, duration=None, fps="10"), CATALOGUE, "", {"x": numbers.info})
    assert compiled.frame_count == 10 + 7


def test_an_empty_frame_has_the_kind_asked_for(numbers: FileSource) -> None:
    for wanted, channels in ((SequenceInput.video, 4), (SequenceInput.mask, 1)):
        frame = shown(numbers, time=Fraction(9), after="black", output=wanted)
        assert frame.pixels.shape == Frame.empty(channels).pixels.shape
