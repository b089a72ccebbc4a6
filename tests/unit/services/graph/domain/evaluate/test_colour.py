from functools import partial
from pathlib import Path

import numpy as np
import PyOpenColorIO as ocio
import pytest

from services.graph.domain.evaluate.colour import DISPLAY, WorkingColour, config, working_spaces


def oracle(source: str, target: str, pixel: list[float]) -> list[float]:
    """OCIO at full precision, one pixel at a time."""
    processor = config().getProcessor(source, target).getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE)
    result: list[float] = processor.applyRGBA([*pixel, 1.0])
    return result[:3]


def test_tables_of_one_size_and_range_are_told_apart() -> None:
    colour = WorkingColour("ACEScg")
    for exponent in (1.0, 2.0, 3.0):
        table = ocio.Lut1DTransform(65, False)
        table.setData(np.repeat(np.linspace(0, 1, 65)[:, None] ** exponent, 3, -1).astype(np.float32).ravel())
        pixels = np.full((1, 1, 4), 0.5, np.float32)
        colour.apply(exponent, partial(ocio.GroupTransform, [table]), pixels)
        np.testing.assert_allclose(pixels[0, 0, :3], 0.5**exponent, rtol=1e-6)


def test_files_that_were_read_long_ago_are_let_go(tmp_path: Path) -> None:
    """Seen by what is read again: a file that is gone can be used for as long as OCIO holds its table."""
    colour = WorkingColour("ACEScg")

    def apply(name: str, key: str) -> None:
        look = ocio.GroupTransform([ocio.FileTransform(str(tmp_path / name))])
        colour.apply(key, lambda: ocio.GroupTransform([look]), np.full((1, 1, 4), 0.5, np.float32))

    names = [f"{number}.cube" for number in range(20)]
    for name in names:
        (tmp_path / name).write_text("LUT_1D_SIZE 2\n0 0 0\n1 1 0.5\n")
    apply(names[0], "first")
    (tmp_path / names[0]).unlink()
    apply(names[0], "again")
    for name in names[1:]:
        apply(name, name)
    with pytest.raises(ocio.Exception):
        apply(names[0], "after others")


def test_every_working_space_is_scene_linear() -> None:
    assert "ACEScg" in working_spaces()
    assert all(config().getColorSpace(space).getEncoding() == "scene-linear" for space in working_spaces())


@pytest.mark.parametrize("space", working_spaces())
def test_video_passes_unchanged_to_within_a_fifth_of_a_code_value(space: str) -> None:
    colour = WorkingColour(space)
    codes = np.arange(256, dtype=np.float32) / 255
    pixels = np.ones((256, 256, 4), np.float32)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = codes[:, None], codes[None], codes[::-1, None]
    linear = colour.decoded(pixels)
    assert linear[..., 3].min() == linear[..., 3].max() == 1.0
    colour.encode(linear)
    np.testing.assert_allclose(linear[..., :3] * 255, pixels[..., :3] * 255, atol=0.35)
    assert np.array_equal(np.rint(linear[..., :3] * 255), np.rint(pixels[..., :3] * 255))


def test_decoding_agrees_with_ocio() -> None:
    pixel = [0.25, 0.5, 0.75]
    result = WorkingColour("ACEScg").decoded(np.array([[[*pixel, 0.5]]], np.float32))
    np.testing.assert_allclose(result[0, 0, :3], oracle(DISPLAY, "ACEScg", pixel), rtol=1e-4)
    assert result[0, 0, 3] == 0.5


def test_white_is_one() -> None:
    np.testing.assert_allclose(WorkingColour("ACEScg").from_display((1.0, 1.0, 1.0)), 1.0, atol=1e-4)


def test_luminance_weights_are_those_of_the_primaries() -> None:
    # ITU-R BT.709 item 3.2, to the digits that it gives.
    np.testing.assert_allclose(WorkingColour("Linear Rec.709 (sRGB)").luma, (0.2126, 0.7152, 0.0722), atol=1e-4)
    assert sum(WorkingColour("ACEScg").luma) == pytest.approx(1.0)


def pq_eotf(signal: float) -> float:
    """SMPTE ST 2084, in cd/m²."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = signal ** (1 / m2)
    return float(10000 * (max(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1))


@pytest.mark.parametrize("signal", [0.1, 0.3, 0.5806, 0.75, 1.0])
def test_pq_follows_its_standard_with_reference_white_at_one(signal: float) -> None:
    result = WorkingColour("Linear Rec.2020").decoded(np.full((1, 1, 4), signal, np.float32), "smpte2084", "bt2020")
    np.testing.assert_allclose(result[0, 0, :3], pq_eotf(signal) / 203, rtol=2e-3)


def hlg_inverse_oetf(signal: float) -> float:
    """ITU-R BT.2100 table 5."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * float(np.log(4 * a))
    return signal**2 / 3 if signal <= 0.5 else float((np.exp((signal - c) / a) + b) / 12)


@pytest.mark.parametrize("signal", [0.2, 0.5, 0.75, 1.0])
def test_hlg_follows_its_standard_with_reference_white_at_one(signal: float) -> None:
    result = WorkingColour("Linear Rec.2020").decoded(np.full((1, 1, 4), signal, np.float32), "arib-std-b67", "bt2020")
    np.testing.assert_allclose(result[0, 0, :3], hlg_inverse_oetf(signal) / hlg_inverse_oetf(0.75), rtol=2e-3)


def test_pixels_that_ocio_cannot_change_in_place_are_refused() -> None:
    with pytest.raises(ValueError, match="contiguous"):
        WorkingColour("ACEScg").encode(np.zeros((4, 4, 4), np.float32)[:, ::2])


def test_no_pixels_are_no_trouble() -> None:
    WorkingColour("ACEScg").encode(np.zeros((0, 0, 4), np.float32))


@pytest.mark.parametrize("exponent", [1.0, 2.0], ids=["colour alone", "alpha too"])
def test_no_change_of_colour_changes_alpha(exponent: float) -> None:
    pixels = np.random.default_rng(1).random((3, 5, 4), dtype=np.float32)
    before = pixels.copy()
    transform = ocio.ExponentTransform(value=[0.5, 1.0, 2.0, exponent])
    WorkingColour("ACEScg").apply("key", lambda: transform, pixels)
    assert np.array_equal(pixels[..., 3], before[..., 3])
    np.testing.assert_allclose(pixels[..., :3], before[..., :3] ** np.array([0.5, 1.0, 2.0]), rtol=1e-4)
