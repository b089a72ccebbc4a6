"""Flow put to use: every variant against NumPy's formula, and what must hold of pictures between two."""

import numpy as np
import pytest

from libs.kernels import Pixels, flow_agreement, flow_between
from tests.unit.libs.kernels.pictures import SIZES, by_reference, noise, premultiplied, strip

pytestmark = pytest.mark.usefixtures("variant")


def flow(height: int, width: int, seed: int, size: float = 3.0) -> Pixels:
    return noise(height, width, channels=2, seed=seed, low=-size, high=size)


def still(height: int, width: int, across: float = 0.0, down: float = 0.0) -> Pixels:
    return np.tile(np.array([across, down], np.float32), (height, width, 1))


@pytest.mark.parametrize("size", SIZES)
def test_agrees_with_numpy(size: tuple[int, int]) -> None:
    a, b = premultiplied(*size, seed=1), premultiplied(*size, seed=2)
    there, back = flow(*size, 3), flow(*size, 4)

    def agreed() -> Pixels:
        return flow_agreement(there, back)

    np.testing.assert_allclose(agreed(), by_reference(agreed), atol=5e-6)
    for share in (0.0, 0.3, 1.0):

        def between(share: float = share) -> Pixels:
            return flow_between(a, b, there, back, share)

        # Random flows land sums of hardly any weight beside the border, where rounding counts more.
        np.testing.assert_allclose(between(), by_reference(between), atol=2e-4)


def test_flows_that_undo_each_other_agree_and_others_do_not() -> None:
    there, back = still(20, 30, 2.5, -1.5), still(20, 30, -2.5, 1.5)
    agreed = flow_agreement(there, back)
    assert agreed[2:-2, 3:-3].min() > 0.999999
    assert agreed[:, 29].max() == 0.0  # leaves the picture
    assert flow_agreement(there, still(20, 30, 7.5, 1.5))[3:-3, 3:-4].max() < 0.05


def test_a_pan_of_whole_pixels_is_exact_in_the_middle() -> None:
    wide = premultiplied(40, 60, seed=5)
    a, b, middle = (np.ascontiguousarray(wide[:, x : x + 48]) for x in (4, 0, 2))
    between = flow_between(a, b, still(40, 48, 4.0), still(40, 48, -4.0), 0.5)
    # What leaves to the right and comes from the left is seen in one picture only, and still there.
    np.testing.assert_allclose(between[:, 2:-2], middle[:, 2:-2], atol=2e-6)
    np.testing.assert_allclose(between[:, :2], middle[:, :2], atol=2e-6)


def test_what_is_uncovered_comes_from_the_picture_that_shows_it() -> None:
    """A bright square moves by 24 pixels over a ramp that stands still."""
    ramp = np.tile(np.linspace(0.0, 0.5, 96, dtype=np.float32)[None, :, None], (64, 1, 4))
    ramp[..., 3] = 1.0

    def scene(left: int) -> tuple[Pixels, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
        pixels, inside = ramp.copy(), np.zeros((64, 96), bool)
        inside[16:48, left : left + 32] = True
        pixels[inside, :3] = 2.0
        return pixels, inside

    (a, in_a), (b, in_b), (middle, _) = scene(16), scene(40), scene(28)
    there, back = still(64, 96), still(64, 96)
    there[in_a] = (24.0, 0.0)
    back[in_b] = (-24.0, 0.0)
    between = flow_between(a, b, there, back, 0.5)
    error, plain = np.abs(between - middle), np.abs((a + b) / 2 - middle)
    # Columns 16 to 27 are seen in b alone, 60 to 71 in a alone; flows change over a few pixels.
    assert error[28:36, 18:25].max() < 0.07
    assert error[28:36, 63:70].max() < 0.12
    assert error[28:36, 30:57].max() < 5e-3
    assert plain[28:36, 18:25, :3].min() > 0.7
    assert np.sqrt((error**2).mean()) < 0.1 * np.sqrt((plain**2).mean())


def test_the_ends_are_the_pictures() -> None:
    a, b = premultiplied(17, 20, seed=6), premultiplied(17, 20, seed=7)
    nothing = still(17, 20)
    np.testing.assert_allclose(flow_between(a, b, nothing, nothing, 0.0), a, atol=1e-6)
    np.testing.assert_allclose(flow_between(a, b, nothing, nothing, 1.0), b, atol=1e-6)
    np.testing.assert_allclose(flow_between(a, b, nothing, nothing, 0.25), 0.75 * a + 0.25 * b, atol=1e-6)


def test_strips_threads_and_what_is_not_finite() -> None:
    a, b = premultiplied(33, 21, seed=8), premultiplied(33, 21, seed=9)
    there, back = flow(33, 21, 10), flow(33, 21, 11)
    a[10, 10, 1] = np.nan
    one = flow_between(a, b, there, back, 0.4)
    lost = np.isnan(one).any(-1)
    assert 0 < lost.sum() <= 64
    np.testing.assert_array_equal(flow_between(strip(a)[0], strip(b)[0], there, back, 0.4, threads=3), one)
    np.testing.assert_array_equal(flow_agreement(there, back, threads=3), flow_agreement(there, back))


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_flows_that_are_no_numbers_count_for_nothing(lost: float) -> None:
    a, b = premultiplied(33, 21, seed=8), premultiplied(33, 21, seed=9)
    there, back = flow(33, 21, 10), flow(33, 21, 11)
    expected = flow_between(a, b, there, back, 0.4)
    there[4, 5, 0] = back[20, 7, 1] = lost
    got = flow_between(a, b, there, back, 0.4)
    assert np.isfinite(got).all()
    assert (np.abs(got - expected).max(axis=-1) > 1e-3).mean() < 0.5
    np.testing.assert_allclose(got, by_reference(lambda: flow_between(a, b, there, back, 0.4)), atol=2e-4)


def test_other_shapes_are_refused() -> None:
    a, right = premultiplied(4, 5), flow(4, 5, 1)
    with pytest.raises(ValueError, match="differ in size"):
        flow_between(a, premultiplied(4, 6), right, right, 0.5)
    with pytest.raises(ValueError, match="flows of this picture"):
        flow_between(a, a, right, flow(5, 5, 1), 0.5)
    with pytest.raises(ValueError, match="float32"):
        flow_agreement(right, noise(4, 5))
    with pytest.raises(ValueError, match="an agreement of this picture"):
        flow_between(a, a, right, right, 0.5, agreements=(noise(4, 5, 1), noise(4, 6, 1)))
    with pytest.raises(ValueError, match="share"):
        flow_between(a, a, right, right, 1.5)
