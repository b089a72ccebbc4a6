from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from artifex.common.v1.types_pb2 import Blob, Rational
from artifex.generator.v1.work_pb2 import GivenPicture
from artifex.media.v1.messages_pb2 import VideoStream
from services.generator.adapters.picture_child import filled
from services.generator.domain.pictures import FIRST, LAST, digests, names, shape_of

SQUARE = Fraction(1)


def ramp(width: int, height: int) -> np.ndarray:
    """Opaque, red grows to the right and green downwards, in whole codes."""
    picture = np.ones((height, width, 4), np.float32)
    picture[..., 0] = np.arange(width, dtype=np.float32) / 255
    picture[..., 1] = np.arange(height, dtype=np.float32)[:, None] / 255
    picture[..., 2] = 0
    return picture


def test_a_picture_of_the_size_keeps_every_code() -> None:
    made = filled(ramp(64, 48), SQUARE, 64, 48)
    assert made.dtype == np.uint8
    assert (made[..., 0] == np.arange(64)).all()
    assert (made[..., 1] == np.arange(48)[:, None]).all()


def test_the_middle_part_of_the_sizes_shape_is_taken() -> None:
    wide = filled(ramp(100, 40), SQUARE, 40, 40)
    assert (wide[..., 0] == np.arange(30, 70)).all()
    high = filled(ramp(40, 100), SQUARE, 40, 40)
    assert (high[..., 1] == np.arange(30, 70)[:, None]).all()


def test_a_larger_picture_is_averaged_over_the_area_of_each_pixel() -> None:
    made = filled(ramp(128, 96), SQUARE, 64, 48)
    # Of two columns n and n + 1 the mean, rounded to even.
    assert np.abs(made[..., 0].astype(int) - (2 * np.arange(64) + 0.5)).max() <= 0.5


def test_a_smaller_picture_is_enlarged_to_the_whole_size() -> None:
    made = filled(ramp(16, 16), SQUARE, 64, 32)
    assert made.shape == (32, 64, 3)
    assert (np.diff(made[0, :, 0].astype(int)) >= 0).all()


def test_wide_pixels_count_for_what_they_are_shown_as() -> None:
    # 50 pixels twice as wide as high are 100 by 100, of which a square clip shows all.
    made = filled(ramp(50, 100), Fraction(2), 100, 100)
    assert made[0, 0, 0] == 0
    assert made[0, -1, 0] == 49


def test_what_is_transparent_shows_black() -> None:
    picture = ramp(32, 32)
    picture[..., 2] = 1
    picture[:, 16:, 3] = 0
    made = filled(picture, SQUARE, 32, 32)
    assert (made[:, 16:] == 0).all()
    assert (made[:, :16, 2] == 255).all()


def test_pictures_are_known_by_their_role_however_they_come() -> None:
    given = [
        GivenPicture(role=LAST, blob=Blob(digest="b" * 64)),
        GivenPicture(role=FIRST, blob=Blob(digest="a" * 64)),
    ]
    assert names(given) == ("first", "last")
    assert digests(given) == ("a" * 64, "b" * 64)
    assert (names([]), digests([])) == ((), ())


@pytest.mark.parametrize(
    ("stream", "shape"),
    [
        (VideoStream(width=1280, height=720), Fraction(16, 9)),
        # Coded lying, shown upright: as phones do.
        (VideoStream(width=1920, height=1080, rotation=90), Fraction(9, 16)),
        (VideoStream(width=1920, height=1080, rotation=180), Fraction(16, 9)),
        # Pixels that are not square: PAL DV's wide screen, lying and upright.
        (
            VideoStream(width=720, height=576, sample_aspect_ratio=Rational(numerator=64, denominator=45)),
            Fraction(16, 9),
        ),
        (
            VideoStream(
                width=720, height=576, rotation=270, sample_aspect_ratio=Rational(numerator=64, denominator=45)
            ),
            Fraction(9, 16),
        ),
        (VideoStream(), None),
    ],
)
def test_a_pictures_shape_is_that_of_what_is_shown(stream: VideoStream, shape: Fraction | None) -> None:
    assert shape_of(stream) == shape
