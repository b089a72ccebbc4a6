"""What is steady and what is not, on clips whose faults are known."""

from __future__ import annotations

import numpy as np
import pytest

from libs.quality.motion import step_between
from libs.quality.similarity import Picture
from libs.quality.steadiness import Limits, Steadiness, SteadinessMeter
from tests.unit.libs.quality.clips import ball, cut, lit, noise, pan, texture


def measured(pictures: list[Picture]) -> Steadiness:
    meter = SteadinessMeter()
    for picture in pictures:
        meter.append(picture)
    return meter.result()


@pytest.mark.parametrize(
    "pictures",
    [[texture()] * 4, pan(), ball([20, 24, 28, 32, 36]), lit([1.0, 0.95, 0.9, 0.85, 0.8])],
    ids=["still", "pan", "ball", "fade"],
)
def test_what_is_steady_has_no_faults(pictures: list[Picture]) -> None:
    assert measured(pictures).faults() == ()


def test_a_pan_changes_every_pixel_and_leaves_nothing_beside_its_motion() -> None:
    found = measured(pan())
    assert min(found.change) > 0.03
    assert max(found.warp_error) < 0.002
    assert found.moved == pytest.approx([2.0] * 5, abs=0.1)
    assert min(found.followed) > 0.9


def test_a_still_is_exactly_still() -> None:
    found = measured([texture()] * 3)
    assert (found.warp_error, found.followed, found.moved, found.change, found.flicker) == (
        (0.0, 0.0),
        (1.0, 1.0),
        (0.0, 0.0),
        (0.0, 0.0),
        (0.0,),
    )


def test_a_cut_is_found_where_it_is_though_the_mean_hides_it() -> None:
    found = measured(cut())
    assert int(np.argmin(found.followed)) == 2
    assert np.mean(found.warp_error) < Limits().warp_error < max(found.warp_error)
    assert any("of frame 2 only" in fault for fault in found.faults())


def test_noise_can_hardly_be_followed_and_where_it_is_nothing_agrees() -> None:
    found = measured(noise())
    assert min(found.followed) < 0.1
    assert min(found.warp_error) > 0.2
    assert len(found.faults()) == 2


def test_flicker_is_light_that_comes_back_and_a_fade_is_not() -> None:
    flickers = measured(lit([0.9, 0.9, 0.8, 0.9, 0.9]))
    assert int(np.argmax(flickers.flicker)) == 1
    assert any("frame 2 is" in fault for fault in flickers.faults())
    assert max(measured(lit([1.0, 0.9, 0.8, 0.7, 0.6])).flicker) < 0.002


def test_what_is_suddenly_gone_is_left_beside_motion() -> None:
    moves, goes = measured(ball([50, 54])), measured(ball([50, -50]))
    # A disc of radius 10, 314 of 12,288 pixels, which turn from red to blue.
    assert goes.warp_error[0] == pytest.approx(314 / 12_288 * (180 + 30 + 170) / 3 / 255, rel=0.15)
    assert moves.warp_error[0] < 0.001


def test_pictures_smaller_than_the_flows_patches_are_measured_too() -> None:
    assert measured([texture(16, 16)] * 2).followed == (1.0,)


def test_equal_pictures_give_equal_figures() -> None:
    assert measured(pan()) == measured(pan())


def test_one_frame_has_no_pairs() -> None:
    found = measured([texture()])
    assert (found.frames, found.warp_error, found.flicker, found.faults()) == (1, (), (), ())


def test_a_buffer_that_is_filled_again_is_not_compared_with_itself() -> None:
    meter = SteadinessMeter()
    buffer = texture()
    meter.append(buffer)
    buffer[:] = texture(seed=2)
    meter.append(buffer)
    assert meter.result().change[0] > 0.05


def test_what_cannot_be_measured_is_refused() -> None:
    meter = SteadinessMeter()
    meter.append(texture())
    with pytest.raises(ValueError, match="do not follow"):
        meter.append(texture(64, 64))
    with pytest.raises(ValueError, match="uint8"):
        meter.append(texture().astype(np.float32))
    with pytest.raises(ValueError, match="do not follow"):
        step_between(texture(), texture(96, 126))
