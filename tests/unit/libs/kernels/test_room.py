"""Memory for pictures: used again once nobody has it, never before."""

import numpy as np
import pytest

from libs.kernels.room import LARGE, Rooms

HD = (1080, 1920, 4)
SIZE = 1080 * 1920 * 16


@pytest.fixture
def rooms() -> Rooms:
    made = Rooms()
    made.keep(100 << 20)
    return made


def test_pictures_that_are_used_never_share_memory(rooms: Rooms) -> None:
    held = [rooms.take(HD) for _ in range(3)]
    for number, picture in enumerate(held):
        assert picture.shape == HD
        assert picture.dtype == np.float32
        picture[...] = number
    assert [float(picture.min()) for picture in held] == [float(picture.max()) for picture in held] == [0.0, 1.0, 2.0]


def test_a_picture_that_was_let_go_makes_room_for_the_next(rooms: Rooms) -> None:
    for height in (1080, 1000, 1079, 1080):
        rooms.take((height, 1920, 4))
    assert SIZE <= rooms.size < SIZE * 1.1


def test_memory_is_used_for_as_long_as_any_part_of_it_is_looked_at(rooms: Rooms) -> None:
    part = rooms.take(HD)[10:20, ::2, :3].view()
    part[...] = 7
    rooms.take(HD)[...] = 1
    assert (part == 7).all()


def test_what_is_much_larger_is_not_taken(rooms: Rooms) -> None:
    rooms.take(HD)
    rooms.take((720, 1280, 4))
    assert rooms.size > SIZE * 1.4


def test_no_more_is_idle_than_was_allowed(rooms: Rooms) -> None:
    held = [rooms.take(HD) for _ in range(6)]
    del held
    rooms.take((2160, 1920, 4))
    assert rooms.size <= (100 << 20) + 2 * SIZE + (1 << 20)
    rooms.empty()
    assert rooms.size == 0


def test_small_pictures_and_processes_that_keep_nothing_are_left_alone(rooms: Rooms) -> None:
    rooms.take((LARGE // 16 - 1, 1, 4))
    assert rooms.size == 0
    careless = Rooms()
    careless.take(HD)
    assert careless.size == 0
