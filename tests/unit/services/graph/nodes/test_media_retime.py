"""MediaInput in a document of another rate: nearest, and blended by time."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from artifex.nodes import MASK, Frame, Output, Request, Window
from services.graph.nodes.input.media_input import MediaInput
from tests.unit.services.graph.nodes.test_media_input import Numbered, info
from tests.unit.services.graph.support import Context, node


def clip_of(rate: Fraction, count: int = 48) -> Numbered:
    """Media at a constant rate whose picture at t holds t."""
    described = info(seconds=count / rate, frame_count=count)
    described.video_streams[0].frame_rate.numerator = rate.numerator
    described.video_streams[0].frame_rate.denominator = rate.denominator
    return Numbered(described)


def request(time: Fraction, rate: Fraction, source: Numbered, output: Output = MediaInput.video) -> Request:
    return Request(time, rate, 64, 36, Window(0, 0, 64, 36), output, source)


def shown(time: Fraction, rate: Fraction, source: Numbered, output: Output = MediaInput.video, **params: Any) -> Frame:
    context = Context({}, output, (64, 36), time=time, source=source)
    context.request = request(time, rate, source, output)
    return node(MediaInput, asset="assets/a", **params).render(context)


@pytest.mark.parametrize("document", [Fraction(24), Fraction(25), Fraction(60), Fraction(24000, 1001), Fraction(10)])
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(24000, 1001), Fraction(50)])
def test_a_blend_is_the_mean_of_what_the_file_shows(rate: Fraction, document: Fraction) -> None:
    """By many moments of the nearest frame, from the document's time on for the longer of the two frames."""
    source, steps = clip_of(rate), 4000
    span = max(1 / rate, 1 / document)
    for number in (0, 1, 7, 12):
        time = number / document
        moments = np.floor((float(time) + (np.arange(steps) + 0.5) / steps * float(span)) * float(rate) + 1e-9)
        expected = (np.minimum(moments, 47) + 0.5).mean() / float(rate)
        found = shown(time, document, source, retime="blend").pixels
        assert found[0, 0, 0] == pytest.approx(expected, abs=2 / steps)


@pytest.mark.parametrize("params", [{"retime": "nearest"}, {"retime": "blend"}])
def test_at_the_files_own_rate_every_frame_is_itself(params: dict[str, Any]) -> None:
    source = clip_of(Fraction(24000, 1001))
    for number in (0, 3, 47):
        frame = shown(number / Fraction(24000, 1001), Fraction(24000, 1001), source, **params)
        assert frame.pixels[0, 0, 0] == np.float32((number + 0.5) * 1001 / 24000)


def test_the_ends_are_held_looped_or_nothing() -> None:
    source = clip_of(Fraction(50), 4)
    last, first = 3.5 / 50, 0.5 / 50

    def at(frames: float, **params: Any) -> float:
        return float(shown(Fraction(frames) / 50, Fraction(25), source, retime="blend", **params).pixels[0, 0, 0])

    assert at(3) == pytest.approx(last)
    assert at(9) == pytest.approx(last)
    assert at(3, after="loop") == pytest.approx((last + first) / 2)
    assert at(4, after="loop") == pytest.approx((first + 1.5 / 50) / 2)
    assert at(3, after="loop", trim=Fraction(1, 50)) == pytest.approx((1.5 / 50 + 2.5 / 50) / 2)
    assert at(0, start=Fraction(1), before="hold") == pytest.approx(first)
    assert shown(Fraction(9, 50), Fraction(25), source, retime="blend", after="black").window.empty


def test_a_variable_rate_is_never_blended() -> None:
    source = clip_of(Fraction(50))
    source.info.video_streams[0].variable_frame_rate = True
    assert shown(Fraction(1, 25), Fraction(25), source, retime="blend").pixels[0, 0, 0] == np.float32(0.04)


def test_a_rate_that_no_camera_has_is_never_blended() -> None:
    """A millionth of a second for each frame, 40,000 of them in one of the document's."""
    for rate, count in ((10**6, 100_000), (10**9, 48)):
        source = clip_of(Fraction(rate), count)
        request_of = request(Fraction(0), Fraction(25), source)
        clip = node(MediaInput, asset="assets/a", retime="blend", after="loop")
        assert clip.fingerprint(request_of) == clip.fingerprint(request_of._replace(time=Fraction(1, 4 * rate)))
        assert shown(Fraction(0), Fraction(25), source, retime="blend").pixels[0, 0, 0] == np.float32(0.5 / rate)


def test_alpha_of_opaque_frames_stays_exactly_one() -> None:
    """Of weights that are no sums of powers of two; a clip's alpha here is its time, but for what it promises."""
    frame = shown(Fraction(1, 24), Fraction(24), clip_of(Fraction(25)), retime="blend")
    assert frame.opaque
    assert frame.pixels[..., 3].min() == frame.pixels[..., 3].max() == 1.0


def test_many_frames_at_once_are_not_read_strip_by_strip() -> None:
    blend = node(MediaInput, asset="assets/a", retime="blend")
    assert blend.pointwise(request(Fraction(0), Fraction(25), clip_of(Fraction(50))))
    assert not blend.pointwise(request(Fraction(0), Fraction(10), clip_of(Fraction(50))))
    assert node(MediaInput, asset="assets/a").pointwise(request(Fraction(0), Fraction(10), clip_of(Fraction(50))))


def test_the_fingerprint_tells_blends_apart_and_nothing_else() -> None:
    source = clip_of(Fraction(25))
    near, blend = node(MediaInput, asset="assets/a"), node(MediaInput, asset="assets/a", retime="blend")
    moments = [Fraction(n, 50) for n in range(4)]
    assert len({near.fingerprint(request(time, Fraction(50), source)) for time in moments}) == 2
    assert len({blend.fingerprint(request(time, Fraction(50), source)) for time in moments}) == 4
    assert MediaInput.mask.kind == MASK
    assert shown(Fraction(1, 50), Fraction(50), source, MediaInput.mask, retime="blend").pixels.min() == 1.0
