"""What is kept on disk is the frame bit by bit, or nothing."""

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from artifex.nodes import Frame
from services.graph.domain.evaluate import disk_cache
from services.graph.domain.evaluate.disk_cache import DiskCache

ROOM = 1 << 30


def digest(number: int) -> bytes:
    return number.to_bytes(16, "big")


def frame(seed: int, width: int = 40, height: int = 30, channels: int = 4) -> Frame:
    pixels = np.random.default_rng(seed).normal(0, 100, (height, width, channels)).astype(np.float32)
    return Frame(pixels, -7, 3, opaque=seed % 2 == 0)


def assert_same(one: Frame | None, other: Frame) -> None:
    assert one is not None
    np.testing.assert_array_equal(one.pixels, other.pixels)
    assert (one.window, one.opaque) == (other.window, other.opaque)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix == ".frame")


def test_a_frame_comes_back_as_it_was_and_cannot_be_changed(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, ROOM)
    for seed, channels in ((1, 4), (2, 1)):
        assert cache.put(digest(seed), frame(seed, channels=channels), 0.5)
        found = cache.get(digest(seed))
        assert_same(found, frame(seed, channels=channels))
        assert found is not None
        assert not found.pixels.flags.writeable
    assert cache.get(digest(3)) is None


def test_it_outlives_the_process_and_is_shared_by_processes(tmp_path: Path) -> None:
    script = (
        "import sys, numpy as np; from pathlib import Path; from artifex.nodes import Frame\n"
        "from services.graph.domain.evaluate.disk_cache import DiskCache\n"
        "cache = DiskCache(Path(sys.argv[1]), 1 << 30)\n"
        "for n in range(3): assert cache.put(n.to_bytes(16, 'big'), Frame(np.full((9, 9, 4), n, np.float32)), 1.0)\n"
    )
    before = DiskCache(tmp_path, ROOM)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, env=environment)
    before.refresh()
    for cache in (before, DiskCache(tmp_path, ROOM)):
        for number in range(3):
            assert_same(cache.get(digest(number)), Frame(np.full((9, 9, 4), number, np.float32)))


@pytest.mark.parametrize("damage", ["cut", "empty", "zeroed page", "magic", "other", "longer"])
def test_what_is_damaged_is_removed_and_told_of(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    DiskCache(tmp_path, ROOM).put(digest(1), frame(1, 200, 100), 1.0)
    (path,) = files(tmp_path)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[-4096:]
    elif damage == "empty":
        content.clear()
    elif damage == "zeroed page":
        content[8192 : 8192 + 4096] = bytes(4096)
    elif damage == "magic":
        content[0] ^= 1
    elif damage == "other":
        content[16] ^= 1
    else:
        content += bytes(4096)
    path.write_bytes(content)
    cache = DiskCache(tmp_path, ROOM)
    with caplog.at_level(logging.WARNING):
        assert cache.get(digest(1)) is None
    assert path.name in caplog.text
    assert files(tmp_path) == []
    assert cache.size == 0
    assert cache.put(digest(1), frame(1), 1.0)


def test_names_that_are_no_frames_are_left_alone(tmp_path: Path) -> None:
    for name in ("notes.txt", "zz-1.frame", f"{'g' * 32}-5.frame", f"{'a' * 32}.frame"):
        (tmp_path / name).write_bytes(b"mine")
    cache = DiskCache(tmp_path, ROOM)
    assert cache.size == 0
    cache.put(digest(1), frame(1), 1.0)
    assert (tmp_path / "notes.txt").exists()


def test_half_written_files_of_killed_processes_are_swept(tmp_path: Path) -> None:
    old, young = tmp_path / "99-0.part", tmp_path / "99-1.part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    DiskCache(tmp_path, ROOM)
    assert not old.exists()
    assert young.exists()


def test_it_never_holds_more_than_it_may(tmp_path: Path) -> None:
    size = 4096 + 40 * 30 * 16
    cache = DiskCache(tmp_path, 3 * size)
    for number in range(10):
        cache.put(digest(number), frame(number), cost=10.0**number)
        assert sum(path.stat().st_size for path in files(tmp_path)) == cache.size <= 3 * size
    # Each was worth more than twice those before it.
    assert [number for number in range(10) if cache.get(digest(number))] == [7, 8, 9]


def test_what_was_just_used_gives_way_to_nothing_of_its_kind(tmp_path: Path) -> None:
    size = 4096 + 40 * 30 * 16
    cache = DiskCache(tmp_path, 2 * size)
    assert [cache.put(digest(number), frame(number), 1.0) for number in range(3)] == [True, True, False]
    # A day later it has had its time.
    for path in files(tmp_path):
        os.utime(path, (1, 1))
    assert DiskCache(tmp_path, 2 * size).put(digest(2), frame(2), 1.0)


def test_a_disk_that_takes_nothing_fails_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = DiskCache(tmp_path, ROOM)
    with patch.object(disk_cache, "_write", side_effect=OSError(28, "No space left on device")):
        assert not cache.put(digest(1), frame(1), 1.0)
    assert "No space left" in caplog.text
    assert not cache.put(digest(1), frame(1), 1.0), "it pauses"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_deleted_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    cache = DiskCache(folder, ROOM)
    cache.put(digest(1), frame(1), 1.0)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    cache.refresh()
    assert cache.get(digest(1)) is None
    assert cache.put(digest(1), frame(1), 1.0)


def test_threads_share_it(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 20 * (4096 + 40 * 30 * 16))
    wrong: list[int] = []

    def work(offset: int) -> None:
        for number in range(60):
            which = (number * 7 + offset) % 30
            cache.put(digest(which), frame(which), 1.0 + which)
            cache.refresh()
            found = cache.get(digest(which))
            if found is not None and not np.array_equal(found.pixels, frame(which).pixels):
                wrong.append(which)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    cache.refresh()
    assert cache.size <= 20 * (4096 + 40 * 30 * 16)
