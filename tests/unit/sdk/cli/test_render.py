from pathlib import Path

import pytest

from artifex.cli.render import other_ending


@pytest.mark.parametrize(
    ("out", "path", "told"),
    [
        ("a.mp4", "b.mov", ".mov"),
        ("a", "b.wav", ".wav"),
        ("a.MOV", "b.mov", ""),
        ("folder", "shot.####.exr", ""),
        ("a.mp4", "", ""),
    ],
)
def test_a_name_that_promises_another_kind_of_file_is_told(out: str, path: str, told: str) -> None:
    assert other_ending(Path(out), path) == told
