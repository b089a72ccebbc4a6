from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from artifex.nodes import Window
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.nodes.time.speed_ramp import SpeedRamp
from tests.unit.services.graph.nodes.moving import puller, shown
from tests.unit.services.graph.support import Context, node

RAMP: dict[str, Any] = {"speed": {"keys": [[0, 1], [0.4, 0.3, "ease_in_out"]]}}


def ramped(scale: Fraction = Fraction(1), **params: Any) -> FramePuller:
    nodes = {"clip": {"type": "Pan"}, "x": {"type": "SpeedRamp", "inputs": {"video": "clip"}, "params": params}}
    return puller(nodes, SpeedRamp, scale, width=160, height=88)


def test_reverse_begins_at_the_offset() -> None:
    assert shown(SpeedRamp, {"speed": -1, "offset": 2}, 5, clock=25) == pytest.approx([2, 1.96, 1.92, 1.88, 1.84])


def test_a_speed_of_one_is_no_work_and_a_speed_of_nothing_one_picture() -> None:
    request = Context({}, SpeedRamp.retimed, time=Fraction(3, 25)).request
    moving, held = node(SpeedRamp), node(SpeedRamp, offset=Fraction(3, 25))
    assert moving.identity(request) is None  # a node alone has travelled nowhere
    assert held.identity(request) == "video"
    assert shown(SpeedRamp, {"speed": 1}, 3, clock=25) == pytest.approx([0, 0.04, 0.08])
    assert shown(SpeedRamp, {"speed": 0, "offset": "0.05"}, 3, clock=25) == pytest.approx([0.04] * 3)


@pytest.mark.parametrize("rate", [0, 25, 23.976, 50])
def test_blending_goes_straight_from_picture_to_picture(rate: float) -> None:
    """Of a clip whose pictures hold their time, the blend holds the time that is asked for."""
    exact = 24000 / 1001 if rate == 23.976 else rate
    params = {"speed": 0.3, "method": "blend", "rate": rate}
    assert shown(SpeedRamp, params, 20, clock=exact or 25) == pytest.approx([0.3 * n / 25 for n in range(20)], abs=1e-6)


def test_pictures_that_are_met_are_passed_on_bit_by_bit() -> None:
    made, plain = ramped(speed=0.5, method="flow"), ramped()
    for number in (0, 2, 4):
        np.testing.assert_array_equal(made.frame(number).pixels, plain.frame(number // 2).pixels)


@pytest.mark.parametrize("method", ["nearest", "blend", "flow"])
def test_any_frame_alone_and_any_part_is_that_of_the_sequence(method: str) -> None:
    made = ramped(**RAMP, method=method)
    sequence = [made.frame(number).pixels for number in range(12)]
    for number in (11, 4, 7):
        alone = ramped(**RAMP, method=method)
        np.testing.assert_array_equal(alone.frame(number).pixels, sequence[number])
        part = Window(33, 20, 50, 31)
        np.testing.assert_array_equal(alone.frame(number, part).crop(part).pixels, sequence[number][20:51, 33:83])


@pytest.mark.parametrize(("method", "tolerance"), [("blend", 1e-5), ("flow", 0.02)])
@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(1, 4)])
def test_a_proxy_shows_what_the_full_picture_does(method: str, tolerance: float, scale: Fraction) -> None:
    """The mean difference; a flow that is found in a quarter of the size is not the same to the last pixel."""
    full = ramped(speed=0.4, method=method).frame(4).pixels
    small = ramped(scale, speed=0.4, method=method).frame(4).pixels
    by = scale.denominator
    box = full.reshape(88 // by, by, 160 // by, by, 4).mean(axis=(1, 3))
    assert np.abs(small - box).mean() < tolerance


def test_what_it_needs_is_said_exactly() -> None:
    request = Context({}, SpeedRamp.retimed, (64, 36), Window(3, 4, 5, 6)).request
    halfway = {"offset": Fraction(1, 50)}
    for method, times, region in (
        ("nearest", [Fraction(1, 50)], request.region),
        ("blend", [Fraction(0), Fraction(1, 25)], request.region),
        ("flow", [Fraction(0), Fraction(1, 25)], request.format),
    ):
        ramp = node(SpeedRamp, method=method, **halfway)
        assert list(ramp.frames_needed("video", request)) == times
        assert ramp.region_needed("video", request) == region
    ramp = node(SpeedRamp, method="flow", offset=Fraction(1, 25))
    assert list(ramp.frames_needed("video", request)) == [Fraction(1, 25)]
    assert ramp.region_needed("video", request) == request.region


def test_the_fingerprint_knows_nothing_of_the_documents_time() -> None:
    """What is read stands beside it; so a picture that is held is found again."""
    fingerprints = {
        node(SpeedRamp, offset=Fraction(3, 25), rate=25.0).fingerprint(
            Context({}, SpeedRamp.retimed, time=Fraction(n, 25)).request
        )
        for n in range(4)
    }
    assert len(fingerprints) == 1
