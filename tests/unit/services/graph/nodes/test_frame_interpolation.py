import threading
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifex.nodes import Frame, Window
from libs.chassis.errors import FailedPrecondition
from services.graph.domain.compile.compiler import validate
from services.graph.nodes.time import optical_flow
from services.graph.nodes.time.between import blended, moved_between
from services.graph.nodes.time.frame_interpolation import FrameInterpolation
from services.graph.nodes.time.interpolation_model import INTERPOLATION, moved_by_model
from services.graph.nodes.time.optical_flow import QUALITIES, flows, grey
from tests.unit.services.graph.nodes.moving import COLOUR, catalogue, psnr, puller, scene, shown
from tests.unit.services.graph.nodes.oracles.frame_interpolation import SIZE, WHOLE, between
from tests.unit.services.graph.nodes.oracles.pictures import noise
from tests.unit.services.graph.nodes.tiny_onnx import mixing
from tests.unit.services.graph.support import document, output


@pytest.mark.parametrize("quality", QUALITIES)
def test_it_is_far_nearer_to_the_truth_than_a_blend(quality: str) -> None:
    first, second = (Frame(scene(n / 25, *SIZE), opaque=True) for n in (0, 1))
    true = scene(0.5 / 25, *SIZE)
    assert psnr(between(0.5, quality).pixels, true) > psnr(blended(first, second, 0.5, WHOLE).pixels, true) + 15


def test_a_clip_of_twelve_pictures_is_seen_at_every_frame_of_the_document() -> None:
    seen = shown(FrameInterpolation, {"method": "blend"}, 25, clock=12)
    assert seen == pytest.approx([n / 25 for n in range(25)], abs=1e-6)


def test_the_clips_own_pictures_pass_bit_by_bit() -> None:
    nodes = {"clip": {"type": "Pan"}, "x": {"type": "FrameInterpolation", "inputs": {"video": "clip"}}}
    made = puller(nodes, FrameInterpolation, width=160, height=90, fps="24")
    plain = puller({"x": {"type": "Pan"}}, FrameInterpolation, width=160, height=90, fps="24")
    np.testing.assert_array_equal(made.frame(4).pixels, plain.frame(4).pixels)
    assert np.abs(made.frame(3).pixels - plain.frame(3).pixels).max() > 0


def test_at_the_documents_rate_there_is_nothing_to_do() -> None:
    assert shown(FrameInterpolation, {"rate": 0}, 4) == pytest.approx([0, 0.04, 0.08, 0.12])


def test_across_a_cut_the_nearer_picture_is_shown() -> None:
    first, second = noise(1, 96, 64, alpha=False), noise(2, 96, 64, alpha=False)
    whole = Window(0, 0, 96, 64)
    assert moved_between(first, second, 0.4, whole, COLOUR, "medium", 1).pixels is first.pixels
    assert moved_between(first, second, 0.6, whole, COLOUR, "medium", 1).pixels is second.pixels


def test_a_picture_between_something_and_nothing_is_the_first() -> None:
    picture, whole = noise(1), Window(0, 0, 64, 64)
    assert moved_between(picture, Frame.empty(), 0.9, whole, COLOUR, "medium", 1).pixels is picture.pixels
    assert moved_between(Frame.empty(), picture, 0.9, whole, COLOUR, "medium", 1).window.empty


@pytest.mark.parametrize("size", [(1, 1), (61, 47), (5, 90), (130, 3)])
def test_sizes_light_beyond_white_and_what_is_not_finite(size: tuple[int, int]) -> None:
    first = np.random.default_rng(1).uniform(-1, 16, (size[1], size[0], 4)).astype(np.float32)
    first[..., 3] = 1.0
    second = np.roll(first, 1, axis=1)
    whole = Window(0, 0, *size)
    made = moved_between(Frame(first), Frame(second), 0.5, whole, COLOUR, "fast", 1)
    assert made.window == whole
    assert np.isfinite(made.pixels).all()
    assert made.pixels[..., 3].max() <= 1.0
    first[size[1] // 2, size[0] // 2, 0] = np.nan
    lost = np.isnan(moved_between(Frame(first), Frame(second), 0.5, whole, COLOUR, "fast", 1).pixels).any(-1)
    assert lost.sum() <= 400


def test_windows_that_differ_and_opaque() -> None:
    texture = scene(0.0, 60, 40)
    first, second = Frame(texture, 10, 20, opaque=True), Frame(texture, 16, 20, opaque=True)
    made = moved_between(first, second, 0.5, Window(0, 0, 100, 100), COLOUR, "medium", 1)
    assert made.window == Window(10, 20, 66, 40)
    assert not made.opaque
    np.testing.assert_allclose(
        made.pixels[10:30, 20:45], Frame(texture, 13, 20).filled(made.window)[10:30, 20:45], atol=0.02
    )
    assert between(0.3).opaque
    assert between(0.3).pixels[..., 3].min() == 1.0


def test_threads_change_nothing_and_flows_are_found_once() -> None:
    a, b = grey(scene(0.0, *SIZE), COLOUR.luma), grey(scene(0.04, *SIZE), COLOUR.luma)
    assert flows(a, b, "medium") is flows(a.copy(), b.copy(), "medium")
    assert flows(a, b, "medium") is not flows(b, a, "medium")
    first, second = (Frame(scene(n / 25, *SIZE), opaque=True) for n in (0, 1))
    one, two = (moved_between(first, second, 0.5, WHOLE, COLOUR, "medium", threads).pixels for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_grey_is_display_like_and_shows_black_over_nothing() -> None:
    ramp = np.zeros((1, 5, 4), np.float32)
    ramp[0, :, :3] = np.array([0, 0.18, 1, 16, np.nan], np.float32)[:, None]
    ramp[..., 3] = 1.0
    codes = grey(ramp, (0.3, 0.6, 0.1))[0].astype(int).tolist()
    assert codes == [0, 93, 154, 255, 93]
    assert grey(np.zeros((1, 1, 4), np.float32), (0.3, 0.6, 0.1))[0, 0] == 93


def test_without_weights_a_model_is_refused_with_what_to_put_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nodes: dict[str, Any] = {
        "clip": {"type": "Pan"},
        "x": {"type": "FrameInterpolation", "inputs": {"video": "clip"}, "params": {"method": "model"}},
        "out": output("x"),
    }
    for folder in ("", str(tmp_path)):
        monkeypatch.setenv("ARTIFEX_MODELS", folder)
        (problem,) = validate(document(nodes), catalogue(FrameInterpolation), {})
        assert problem.path == "nodes.x.params.method"
        assert "put frame-interpolation/model.onnx into" in problem.message
        with pytest.raises(FailedPrecondition, match="not installed"):
            moved_by_model(noise(1), noise(2), 0.5, WHOLE, COLOUR)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / INTERPOLATION.files[0]
    path.parent.mkdir()
    monkeypatch.setenv("ARTIFEX_MODELS", str(tmp_path))
    return path


def test_a_model_is_asked_in_srgb_and_keeps_light_beyond_white(model: Path) -> None:
    """One that mixes its pictures by the timestep: of opaque colour within sRGB the mean of the codes."""
    model.write_bytes(mixing())
    first, second = np.full((33, 50, 4), 0.2, np.float32), np.full((33, 50, 4), 0.6, np.float32)
    for pixels in (first, second):
        pixels[..., 3] = 1.0
    made = moved_by_model(Frame(first, opaque=True), Frame(second, opaque=True), 0.25, WHOLE, COLOUR)
    assert made.opaque

    def coded(light: float) -> float:
        return 1.055 * float(light ** (1 / 2.4)) - 0.055

    code = 0.75 * coded(0.2) + 0.25 * coded(0.6)
    np.testing.assert_allclose(made.pixels[..., :3], ((code + 0.055) / 1.055) ** 2.4, atol=2e-4)
    bright = first.copy()
    bright[..., :3] = 8.0
    made = moved_by_model(Frame(bright), Frame(bright * np.array([1, 1, 1, 0.5], np.float32)), 0.5, WHOLE, COLOUR)
    np.testing.assert_allclose(made.pixels[..., :3], 8.0, rtol=1e-4)
    np.testing.assert_allclose(made.pixels[..., 3], 0.75, atol=1e-5)


def test_a_file_that_is_no_model_is_a_typed_error(model: Path) -> None:
    model.write_bytes(b"not a model")
    with pytest.raises(FailedPrecondition, match="no model"):
        moved_by_model(noise(1), noise(2), 0.5, WHOLE, COLOUR)


def test_its_key_follows_the_file(model: Path) -> None:
    assert INTERPOLATION.key() == ""
    model.write_bytes(mixing())
    key = INTERPOLATION.key()
    model.write_bytes(b"other")
    assert "" != INTERPOLATION.key() != key


def test_a_share_of_a_third_of_a_coarse_clock_is_on_the_frame() -> None:
    """23.976 means 24000/1001, whose pictures a document of that rate meets exactly."""
    params = {"rate": 23.976, "method": "blend"}
    seen = shown(FrameInterpolation, params, 5, fps="24000/1001")
    assert seen == pytest.approx([float(Fraction(1001 * n, 24000)) for n in range(5)], abs=1e-7)


def test_a_flow_that_several_ask_for_at_once_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found, find = [], optical_flow._computed

    def slowly(*args: Any) -> optical_flow.FlowPair:
        found.append(threading.get_ident())
        time.sleep(0.2)
        return find(*args)

    monkeypatch.setattr(optical_flow, "_computed", slowly)
    first, second = np.random.default_rng(71).integers(0, 255, (2, 60, 80), np.uint8)
    with ThreadPoolExecutor(3) as pool:
        pairs = list(pool.map(lambda _: flows(first, second, "fast"), range(3)))
    assert len(found) == 1
    assert pairs[0] is pairs[1] is pairs[2]
    assert not optical_flow._KEPT._looking
