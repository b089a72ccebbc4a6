from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.graph.nodes.audio.audio_mixer import AudioMixer, normalising
from tests.unit.services.graph.support import Sound, node


def noise(seed: int, count: int = 64) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, (2, count)).astype(np.float32)


def mixed(blocks: dict[str, NDArray[np.float32]], **values: Any) -> NDArray[np.float32]:
    count = next(iter(blocks.values())).shape[1] if blocks else 64
    names = {name.replace("_", "."): value for name, value in values.items()}
    return node(AudioMixer).sound(Sound(blocks, names, count)).samples


def test_sounds_are_added() -> None:
    a, b, c = noise(1), noise(2), noise(3)
    np.testing.assert_allclose(mixed({"audio": a, "audio.1": b, "audio.2": c}), a + b + c, atol=1e-6)


def test_a_single_sound_passes_bit_for_bit() -> None:
    a = noise(1)
    np.testing.assert_array_equal(mixed({"audio": a}), a)


@pytest.mark.parametrize(("decibels", "factor"), [(0, 1), (20, 10), (-20, 0.1), (6.020599913, 2), (-120, 0)])
def test_gain_is_in_decibels(decibels: float, factor: float) -> None:
    a, b = noise(1), noise(2)
    np.testing.assert_allclose(mixed({"audio": a, "audio.1": b}, gain_1=decibels), a + b * factor, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mixed({"audio": a}, master=decibels), a * factor, rtol=1e-5, atol=1e-6)


@given(st.floats(-1, 1))
def test_pan_is_a_balance(pan: float) -> None:
    a = noise(4)
    left, right = mixed({"audio": a}, pan=pan)
    np.testing.assert_allclose(left, a[0] * min(1, 1 - pan), atol=1e-6)
    np.testing.assert_allclose(right, a[1] * min(1, 1 + pan), atol=1e-6)


def test_a_fade_is_evaluated_at_every_sample() -> None:
    a = np.ones((2, 100), np.float32)
    fade = np.linspace(-40, 0, 100)
    np.testing.assert_allclose(mixed({"audio": a}, gain=fade)[0], 10 ** (fade / 20), rtol=1e-6)


def test_nothing_connected_is_silence() -> None:
    assert not mixed({}).any()


def test_loud_sums_are_not_limited() -> None:
    a = np.ones((2, 4), np.float32)
    assert mixed({"audio": a, "audio.1": a, "audio.2": a}).max() == 3.0


@pytest.mark.parametrize(
    ("lufs", "peak", "loudness", "ceiling", "gain"),
    [
        (-30.0, -12.0, -23.0, -1.0, 7.0),
        (-30.0, -4.0, -23.0, -1.0, 3.0),
        (-10.0, 2.0, -23.0, -1.0, -13.0),
        # What is silent by the gate is made no louder, and its peaks are held.
        (None, -80.0, -23.0, -1.0, 0.0),
        (None, 1.0, -23.0, -1.0, -2.0),
        (None, None, -23.0, -1.0, 0.0),
    ],
)
def test_normalising_is_one_gain_that_the_true_peak_bounds(
    lufs: float | None, peak: float | None, loudness: float, ceiling: float, gain: float
) -> None:
    assert normalising({"lufs": lufs, "true_peak": peak}, loudness, ceiling) == pytest.approx(gain)


def test_normalised_sound_is_scaled_and_unknown_sound_passes() -> None:
    a = noise(5)
    mixer = node(AudioMixer, normalize="loudness")
    assert mixer.needs_analysis()
    np.testing.assert_array_equal(mixer.sound(Sound({"audio": a}, {}, 64)).samples, a)
    mixer.analysed = {"lufs": -43.0, "true_peak": -30.0}
    np.testing.assert_allclose(mixer.sound(Sound({"audio": a}, {}, 64)).samples, a * 10, rtol=1e-6)
    plain = node(AudioMixer)
    plain.analysed = mixer.analysed
    assert not plain.needs_analysis()
    np.testing.assert_array_equal(plain.sound(Sound({"audio": a}, {}, 64)).samples, a)
