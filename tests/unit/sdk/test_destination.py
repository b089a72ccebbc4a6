"""Where a movie may be saved is known before it is rendered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from artifex.assets import check_destination
from artifex.errors import FileProblem


def test_a_file_may_be_new_or_be_replaced_and_its_folders_be_made(tmp_path: Path) -> None:
    (tmp_path / "old.mp4").touch()
    check_destination(tmp_path / "old.mp4")
    check_destination(tmp_path / "some" / "where" / "new.mp4")
    assert os.listdir(tmp_path) == ["old.mp4"]


def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "pipe" / "movie.mp4", Path(os.devnull)):
        with pytest.raises(FileProblem, match="is no"):
            check_destination(path)


def test_a_folder_that_cannot_be_written_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Whoever runs the tests may be allowed everything, so the kernel's answer is given here.
    monkeypatch.setattr(os, "access", lambda folder, mode: False)
    with pytest.raises(FileProblem, match="may not be written to"):
        check_destination(tmp_path / "movie.mp4")
