from __future__ import annotations

from pathlib import Path

import pytest

from services.auth.adapters.key_file import KeyFile


def test_a_key_is_seen_only_when_it_is_published_and_by_its_owner_alone(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "home" / "token")
    file.prepare("afx_secret")
    assert not file.path.exists()
    assert file.pending() == "afx_secret"
    file.publish()
    assert file.path.read_text() == "afx_secret\n"
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.pending() is None


def test_two_starts_at_once_do_not_mix(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "token")
    file.prepare("afx_one")
    with pytest.raises(FileExistsError):
        KeyFile(tmp_path / "token").prepare("afx_two")
    file.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_former_key_is_kept_aside(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("former")
    file = KeyFile(tmp_path / "token")
    file.prepare("afx_new")
    file.publish()
    assert (tmp_path / "token.old").read_text() == "former"
    assert file.path.read_text() == "afx_new\n"
