from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifex.nodes import Frame, Window
from libs.chassis.errors import FailedPrecondition
from services.graph.domain.compile.compiler import validate
from services.graph.nodes.process.upscaler import Upscaler
from services.graph.nodes.process.upscaling_model import MODELS, network, weights_for
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.moving import catalogue
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WIDTH, chart, noise
from tests.unit.services.graph.nodes.oracles.upscaler import upscaled
from tests.unit.services.graph.support import Context, document, node, output, picture


@pytest.mark.parametrize("factor", [1.3, 2.0, 3.7])
def test_any_part_is_that_of_the_whole(factor: float) -> None:
    whole = upscaled(noise(1), factor)
    for region in (Window(0, 0, 20, 20), Window(37, 11, 15, 40), Window(-9, -9, 30, 30), Window(70, 50, 500, 500)):
        context = Context({}, Upscaler.upscaled, (200, 150), region)
        needed = node(Upscaler, factor=factor).region_needed("video", context.request)
        part = applied(node(Upscaler, factor=factor), {"video": noise(1).crop(needed)}, (200, 150), region=region)
        assert part.window == whole.window.intersect(region)
        np.testing.assert_allclose(part.pixels, whole.crop(region).pixels, atol=2e-5)
    assert upscaled(noise(1), factor, Window(900, 900, 5, 5)).window.empty


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (5, 3)])
def test_flat_pictures_stay_flat_to_the_edge(size: tuple[int, int]) -> None:
    frame = Frame(np.full((size[1], size[0], 4), np.float32(-0.5)) + np.array([16, 0, 0, 1.5], np.float32), opaque=True)
    made = upscaled(frame, 2.5)
    assert made.window == Window(0, 0, round(size[0] * 2.5 + 1e-9), round(size[1] * 2.5 + 1e-9))
    assert made.opaque
    np.testing.assert_allclose(made.pixels, np.broadcast_to(frame.pixels[0, 0], made.pixels.shape), atol=1e-5)
    assert made.pixels[..., 3].min() == 1.0


def test_a_place_in_the_document_is_scaled_with_the_picture() -> None:
    frame = Frame(chart().pixels, 10, -4)
    assert upscaled(frame, 2.0, Window(-500, -500, 2000, 2000)).window == Window(20, -8, 2 * WIDTH, 2 * HEIGHT)
    assert upscaled(Frame.empty(), 2.0).window.empty


def test_coverage_stays_between_nothing_and_all_and_nan_stays_near() -> None:
    pixels = picture(3, 40, 30)
    pixels[..., 3] = np.round(pixels[..., 3])
    made = upscaled(Frame(pixels), 3.0).pixels
    assert made[..., 3].min() == 0.0
    assert made[..., 3].max() == 1.0
    pixels[15, 20, 1] = np.nan
    lost = np.argwhere(np.isnan(upscaled(Frame(pixels), 3.0).pixels).any(-1))
    assert lost.min(0).tolist() >= [33, 48]
    assert lost.max(0).tolist() <= [60, 75]


def test_a_factor_of_one_passes_the_picture() -> None:
    frame = noise(2)
    assert upscaled(frame, 1.0) is frame


@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(1, 4)])
def test_a_proxy_shows_what_the_full_picture_does(scale: Fraction) -> None:
    """A smooth picture, made small before and after: they meet but for Lanczos' own ripple."""
    by = scale.denominator
    y, x = np.mgrid[:64, :96] / 8.0
    wave = (0.5 + 0.4 * np.sin(x * 0.5) * np.cos(y * 0.4)).astype(np.float32)
    full = np.ascontiguousarray(np.stack([wave, wave**2, 1 - wave, np.ones_like(wave)], -1))
    small = full.reshape(64 // by, by, 96 // by, by, 4).mean(axis=(1, 3))
    large = applied(node(Upscaler), {"video": Frame(full, opaque=True)}, (192, 128)).pixels
    proxy = applied(node(Upscaler), {"video": Frame(small, opaque=True)}, (192 // by, 128 // by), scale=scale).pixels
    box = large.reshape(128 // by, by, 192 // by, by, 4).mean(axis=(1, 3))
    assert np.abs(proxy - box)[2:-2, 2:-2].max() < 1e-2 / (4 // by)


NEAREST = """7767517
2 2
Input  in  0 1 data
Interp up  1 1 data output 0=1 1={scale}.0 2={scale}.0
"""


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Networks that repeat every pixel: what becomes of a picture on the way is then plain to see."""
    (tmp_path / "real-esrgan").mkdir()
    for model, factor, scale in (("x4plus", 4, 4), ("animevideov3", 2, 2), ("animevideov3", 3, 3)):
        description, weights = weights_for(model, factor).files
        (tmp_path / description).write_text(NEAREST.format(scale=scale))
        (tmp_path / weights).write_bytes(b"")
    monkeypatch.setenv("ARTIFEX_MODELS", str(tmp_path))
    return tmp_path


def by_network(frame: Frame, factor: float, model: str = "x4plus", **others: Any) -> Frame:
    return upscaled(frame, factor, method="real-esrgan", model=model, **others)


@pytest.mark.parametrize(("model", "factor"), [("x4plus", 4), ("animevideov3", 2), ("animevideov3", 3)])
def test_a_network_is_asked_in_srgb_piece_by_piece(models: Path, model: str, factor: int) -> None:
    """Colours within sRGB come back as they were, repeated, over the borders of pieces of 128 pixels too."""
    size = (150, 137)
    pixels = np.random.default_rng(1).uniform(0.2, 0.4, (size[1], size[0], 4)).astype(np.float32)
    pixels[..., 3] = 1.0
    context = {"video": Frame(pixels, opaque=True)}
    one = node(Upscaler, factor=float(factor), method="real-esrgan", model=model)
    made = applied(one, context, (size[0] * factor, size[1] * factor))
    assert made.opaque
    repeated = pixels.repeat(factor, 0).repeat(factor, 1)
    np.testing.assert_allclose(made.pixels, repeated, atol=2e-5)


def test_light_beyond_white_and_coverage_go_through(models: Path) -> None:
    pixels = np.full((20, 30, 4), 8.0, np.float32)
    pixels[..., 3] = 1.0
    np.testing.assert_allclose(by_network(Frame(pixels), 4.0).pixels[..., :3], 8.0, rtol=1e-4)
    half = np.full((20, 30, 4), 0.25, np.float32)
    half[..., 3] = 0.5
    made = by_network(Frame(half), 4.0)
    assert not made.opaque
    np.testing.assert_allclose(
        made.pixels, 0.25 * np.array([1, 1, 1, 2], np.float32) * np.ones_like(made.pixels), atol=1e-4
    )
    half[3, 4] = np.nan
    assert np.isfinite(by_network(Frame(half), 4.0).pixels[40:, 40:]).all()


def test_a_factor_between_is_brought_to_size(models: Path) -> None:
    pixels = np.full((20, 30, 4), 0.3, np.float32)
    pixels[..., 3] = 1.0
    made = by_network(Frame(pixels, opaque=True), 2.5)
    assert made.window == Window(0, 0, 75, 50)
    np.testing.assert_allclose(made.pixels[..., :3], 0.3, atol=2e-5)


def test_a_network_reads_the_whole_picture_and_a_proxy_asks_none(models: Path) -> None:
    one = node(Upscaler, method="real-esrgan")
    request = Context({}, Upscaler.upscaled, (64, 36), Window(3, 4, 5, 6)).request
    assert one.region_needed("video", request).contains(Window(0, 0, 32, 18))
    proxy = request._replace(scale=Fraction(1, 2))
    assert one.region_needed("video", proxy).width < 20
    assert one.fingerprint(proxy) == node(Upscaler).fingerprint(proxy) != one.fingerprint(request)


def test_without_weights_it_is_refused_with_what_to_put_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for folder in ("", str(tmp_path)):
        monkeypatch.setenv("ARTIFEX_MODELS", folder)
        for model in MODELS:
            nodes: dict[str, Any] = {
                "clip": {"type": "Pan"},
                "x": {
                    "type": "Upscaler",
                    "inputs": {"video": "clip"},
                    "params": {"method": "real-esrgan", "model": model},
                },
                "out": output("x"),
            }
            (problem,) = validate(document(nodes), catalogue(Upscaler), {})
            assert problem.path == "nodes.x.params.method"
            assert "put real-esrgan/" in problem.message
            with pytest.raises(FailedPrecondition, match="not installed"):
                by_network(noise(1), 2.0, model)


def test_weights_that_are_none_are_a_typed_error(models: Path) -> None:
    description, _ = weights_for("x4plus", 4).files
    (models / description).write_text("nothing")
    with pytest.raises(FailedPrecondition, match="no model that ncnn can run"):
        network("x4plus", 4, 1)
    (models / description).write_text(NEAREST.format(scale=2))
    with pytest.raises(FailedPrecondition, match="where"):
        by_network(noise(1), 4.0)
