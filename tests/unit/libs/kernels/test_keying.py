"""The colour-difference key: what the formula promises, and every variant against NumPy's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernels import chroma_key
from tests.unit.libs.kernels.pictures import SIZES, by_reference, noise, premultiplied, strip, untouched

pytestmark = pytest.mark.usefixtures("variant")

SCREENS = {"green": (0.08, 0.55, 0.12), "blue": (0.05, 0.1, 0.6), "red": (0.7, 0.1, 0.2)}


@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS.keys())
def test_the_screen_goes_and_grey_stays(screen: tuple[float, float, float]) -> None:
    pixels = np.ones((3, 20, 4), np.float32)
    pixels[..., :3] = screen
    grey = noise(1, 20, channels=1, seed=1)
    pixels[1, :, :3] = grey[0]
    got = chroma_key(pixels, screen=screen)
    assert np.abs(got[[0, 2]]).max() <= 1e-6
    np.testing.assert_allclose(got[1], pixels[1], atol=1e-6)


@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS.keys())
def test_a_mixture_with_grey_comes_apart_again(screen: tuple[float, float, float]) -> None:
    """What Vlahos' equation is made for: P = αF + (1 − α)S with a neutral F gives α and αF back."""
    alpha = np.linspace(0.0, 1.0, 33, dtype=np.float32)
    front = np.float32(0.4)
    pixels = np.ones((1, 33, 4), np.float32)
    pixels[0, :, :3] = alpha[:, None] * front + (1 - alpha[:, None]) * np.array(screen, np.float32)
    got = chroma_key(pixels, screen=screen)
    np.testing.assert_allclose(got[0, :, 3], alpha, atol=2e-6)
    np.testing.assert_allclose(got[0, :, :3], np.repeat(alpha[:, None] * front, 3, axis=1), atol=2e-6)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_agrees_with_numpy(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from(SIZES))
    pixels = premultiplied(*size, seed=data.draw(st.integers(0, 999))) * np.float32(1.4) - np.float32(0.1)
    part = st.floats(0.0, 1.0)
    black = data.draw(part)
    white = black + data.draw(st.floats(0.1, 1.0))
    gain, softness, despill = data.draw(st.floats(0.1, 3.0)), data.draw(part), data.draw(part)
    average, screen = data.draw(st.booleans()), data.draw(st.sampled_from(list(SCREENS.values())))
    core = noise(*size, channels=1, seed=2) if data.draw(st.booleans()) else None
    garbage = noise(*size, channels=1, seed=3) if data.draw(st.booleans()) else None

    def kernel() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return chroma_key(
            pixels,
            screen=screen,
            gain=gain,
            black=black,
            white=white,
            softness=softness,
            despill=despill,
            average=average,
            core=core,
            garbage=garbage,
        )

    # matte / raw is steep where black is low: there a rounding of raw counts more than once.
    np.testing.assert_allclose(kernel(), by_reference(kernel), atol=2e-5)


def test_strips_in_place_and_what_is_not_finite() -> None:
    pixels = premultiplied(9, 21, seed=5)
    pixels[4, 7, 1] = np.nan
    expected = chroma_key(pixels, screen=SCREENS["green"])
    assert np.isfinite(np.delete(expected.reshape(-1, 4), 4 * 21 + 7, axis=0)).all()
    source, whole = strip(pixels)
    assert chroma_key(source, screen=SCREENS["green"], out=source) is source
    np.testing.assert_array_equal(source, expected)
    assert untouched(whole, 9)


def test_what_makes_no_sense_is_refused() -> None:
    pixels = noise(4, 4)
    with pytest.raises(ValueError, match="must lie above black"):
        chroma_key(pixels, screen=SCREENS["green"], black=0.5, white=0.5)
    with pytest.raises(ValueError, match="core of this picture"):
        chroma_key(pixels, screen=SCREENS["green"], core=noise(4, 5, channels=1))
