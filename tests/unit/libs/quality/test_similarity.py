"""Likeness of pictures, against the formulas written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from libs.quality.similarity import WINDOW, likeness, luma, psnr, ssim
from tests.unit.libs.quality.clips import pan, texture


def written_out(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """SSIM of two planes, window by window."""
    at = np.arange(WINDOW) - WINDOW // 2
    bell = np.exp(-(at**2) / (2 * 1.5**2))
    window = np.outer(bell, bell) / np.outer(bell, bell).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for y in range(one.shape[0] - WINDOW + 1):
        for x in range(one.shape[1] - WINDOW + 1):
            a, b = one[y : y + WINDOW, x : x + WINDOW], other[y : y + WINDOW, x : x + WINDOW]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            variance_a, variance_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            together = (window * (a - mean_a) * (b - mean_b)).sum()
            values.append(
                (2 * mean_a * mean_b + c1)
                * (2 * together + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))
            )
    return float(np.mean(values))


@pytest.mark.parametrize(
    "other", [texture(20, 24, seed=2), np.full((20, 24, 3), 90, np.uint8)], ids=["texture", "flat"]
)
def test_ssim_is_its_formula(other: NDArray[np.uint8]) -> None:
    one = texture(20, 24)
    assert ssim(one, other) == pytest.approx(written_out(luma(one).astype(float), luma(other).astype(float)), abs=1e-6)


def test_equal_pictures_are_equal() -> None:
    one = texture()
    assert psnr(one, one.copy()) == math.inf
    assert ssim(one, one.copy()) == pytest.approx(1.0, abs=1e-12)
    assert ssim(np.zeros_like(one), np.zeros_like(one)) == pytest.approx(1.0, abs=1e-12)


def test_psnr_of_a_known_error() -> None:
    one = np.full((8, 8, 3), 100, np.uint8)
    assert psnr(one, one + 10) == pytest.approx(20 * math.log10(25.5))


def test_luma_has_rec_709_weights() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert luma(colours)[0] == pytest.approx(np.array([0.2126, 0.7152, 0.0722, 1.0]) * 255, abs=1e-3)


def test_a_clip_is_compared_frame_by_frame() -> None:
    one = pan()
    other = [picture.copy() for picture in one]
    other[3][10, 20, 1] ^= 128
    alike = likeness(iter(one), iter(other))
    assert not alike.equal
    assert alike.largest == (0, 0, 0, 128, 0, 0)
    assert [math.isinf(value) for value in alike.psnr] == [True, True, True, False, True, True]
    assert min(alike.ssim) == alike.ssim[3] < 1.0
    assert likeness(one, one).equal


def test_what_cannot_be_compared_is_refused() -> None:
    one = pan()
    with pytest.raises(ValueError, match="cannot be compared"):
        likeness(one, [picture[:, :64] for picture in one])
    with pytest.raises(ValueError, match="shorter"):
        likeness(one, one[:-1])
    with pytest.raises(ValueError, match="no frames"):
        likeness([], [])
    with pytest.raises(ValueError, match="at least 11"):
        ssim(one[0][:10], one[0][:10])
    with pytest.raises(ValueError, match="uint8"):
        psnr(one[0], one[0][..., 0])
