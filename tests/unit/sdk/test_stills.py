"""Names of stills, the file that they become, and what is unpacked of one that came from elsewhere."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.assets import local
from artifex.errors import FileProblem, VerificationFailed
from artifex.stills import (
    ArchiveProblem,
    Member,
    Pattern,
    StillArchive,
    find_stills,
    numbered,
    open_archive,
    pattern_of,
    read_archive,
    unpack,
)
from artifex.stills.archive import directory, local_header
from services.graph.domain.documents.parser import MAX_SIZE


def write(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(name.encode() * 9)
    return folder


def names(stills: list[Path] | None) -> list[str]:
    assert stills is not None
    return [still.name for still in stills]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("shot.####.exr", Pattern("shot.", 4, ".exr")),
        ("shot.%04d.exr", Pattern("shot.", 4, ".exr")),
        ("shot_%d.tif", Pattern("shot_", 1, ".tif")),
        ("#.png", Pattern("", 1, ".png")),
        ("take #2 ###.dpx", Pattern("take #2 ", 3, ".dpx")),
        ("shot.0001.exr", None),
        ("shot#.v2.exr", None),
        ("shot7#.exr", None),
        ("shot.%00d.exr", Pattern("shot.", 1, ".exr")),
        ("shot#%d.exr", None),
        ("####", None),
    ],
)
def test_patterns(text: str, pattern: Pattern | None) -> None:
    assert pattern_of(text) == pattern


@given(st.text(alphabet="#%d0149a.é٣²e_- ", max_size=14), st.integers(0, 10**9 - 1))
def test_a_pattern_holds_the_names_that_it_makes(start: str, number: int) -> None:
    pattern = pattern_of(f"{start}.exr")
    if pattern is not None:
        assert pattern_of(str(pattern)) == pattern
        found = numbered(pattern.name(number))
        assert found is not None
        assert found.number == number
        assert pattern.holds(found)


def test_names_and_numbers() -> None:
    found = numbered("shot_v2.0042.exr")
    assert found is not None
    assert (found.prefix, found.number, found.suffix) == ("shot_v2.", 42, ".exr")
    assert numbered("shot.exr") is None
    assert numbered("0042.exr.tmp") is None
    four = Pattern("a.", 4, ".exr")
    assert (four.name(7), four.name(12345)) == ("a.0007.exr", "a.12345.exr")
    held = {name: four.holds(found) for name in ("a.0007.exr", "a.12345.exr", "a.7.exr", "a.00007.exr", "b.0007.exr")
            if (found := numbered(name))}  # fmt: skip
    assert [name for name, holds in held.items() if holds] == ["a.0007.exr", "a.12345.exr"]


def test_a_folder_or_a_pattern_is_its_stills_in_order(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", "a.9.png", "a.10.png", "a.11.png", ".a.12.png", "notes.txt", "a.png")
    expected = ["a.9.png", "a.10.png", "a.11.png"]
    assert names(find_stills(folder)) == expected
    assert names(find_stills(folder / "a.#.png")) == expected
    assert names(find_stills(folder / "a.##.png")) == expected[1:]
    assert find_stills(folder / "a.png") is None
    assert find_stills(folder / "b.png") is None


def test_a_name_that_no_system_takes_is_told_as_such(tmp_path: Path) -> None:
    for name in ("x" * 5000, f"{'x' * 5000}.####.exr"):
        with pytest.raises(FileProblem, match="too long"):
            find_stills(tmp_path / name)


def test_files_that_may_not_be_looked_at_are_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that may be listed and no more."""
    folder = write(tmp_path / "s", "a.1.png")
    allowed = Path.is_file

    def is_file(path: Path) -> bool:
        if path.parent == folder:
            raise PermissionError(errno.EACCES, "Permission denied")
        return allowed(path)

    monkeypatch.setattr(Path, "is_file", is_file)
    for asked in (folder, folder / "a.#.png"):
        with pytest.raises(FileProblem, match="Permission denied"):
            find_stills(asked)


def test_a_name_that_is_no_text_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.1.png")).write_bytes(b"x")
    with pytest.raises(FileProblem, match="png: the file's name is no text"):
        StillArchive(find_stills(tmp_path) or [])


def test_a_file_whose_name_is_no_text_is_called_nearly_so(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    path.write_bytes(b"x")
    assert local(path).name == "caf?.mp4"


def test_a_file_called_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    write(tmp_path, "song #.wav", "a.#.png")
    assert find_stills(tmp_path / "a.#.png") is None


@pytest.mark.parametrize(
    ("files", "asked", "words"),
    [
        (["a.1.png", "b.1.png"], "", "holds 2 sequences; name one of them: "),
        (["a.txt"], "", "holds no numbered stills"),
        (["a.1.png"], "c.#.png", "no file is called c.#.png"),
        (["a.1.png", "a.01.png"], "", "have the same number"),
    ],
)
def test_what_is_no_sequence_is_refused(tmp_path: Path, files: list[str], asked: str, words: str) -> None:
    with pytest.raises(FileProblem) as caught:
        find_stills(write(tmp_path / "s", *files) / asked)
    assert words in str(caught.value)


def test_the_file_is_a_zip_that_others_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", *(f"한 {number:03}.exr" for number in range(7)))
    stills = find_stills(folder) or []
    archive = StillArchive(stills)
    with archive.open() as file:
        data = file.read()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (archive.size, archive.digest())
    assert archive.name == "한 ###.exr"
    with zipfile.ZipFile(io.BytesIO(data)) as judge:
        assert judge.testzip() is None
        assert {info.filename: info.compress_type for info in judge.infolist()} == {still.name: 0 for still in stills}
        assert judge.read("한 003.exr") == stills[3].read_bytes()
    for still in stills:
        still.touch()
    assert StillArchive(stills).digest() == archive.digest(), "the same stills are the same file at any time"


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_part_of_the_file_can_be_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("s")
    sizes = data.draw(st.lists(st.integers(1, 300), min_size=1, max_size=5))
    for number, size in enumerate(sizes):
        (folder / f"{number}.png").write_bytes(bytes([number]) * size)
    with StillArchive(find_stills(folder) or []).open() as file:
        whole = file.read()
        place = data.draw(st.integers(0, len(whole)))
        count = data.draw(st.integers(0, 200))
        assert file.seek(place) == place
        assert file.read(count) == whole[place : place + count]


def test_the_largest_still_that_is_rendered_has_room() -> None:
    pixels = MAX_SIZE * MAX_SIZE * 4 * 4
    assert len(local_header("a.1.exr", pixels + 100_000, 0)) == 37
    with pytest.raises(ArchiveProblem, match="is not taken"):
        local_header("a.1.exr", 2 * pixels, 0)


def test_an_archive_beyond_four_gigabytes_has_long_numbers(tmp_path: Path) -> None:
    """Laid out, but for its holes never written."""
    size, count = 1 << 30, 6
    members, place = [], 0
    path = tmp_path / "long.zip"
    with path.open("wb") as file:
        for number in range(count):
            name = f"a.{number}.exr"
            file.seek(place)
            file.write(header := local_header(name, size, number))
            members.append(Member(name, place + len(header), size, number))
            place += len(header) + size
        file.seek(place)
        file.write(directory(members, place))
    with open_archive(path) as (_, found):
        assert found == members
    with zipfile.ZipFile(path) as judge:
        assert [info.header_offset for info in judge.infolist()] == [member.offset - 37 for member in members]


def test_zips_of_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"from elsewhere"
        for number in range(3):
            archive.writestr(f"a.{number}.exr", bytes([number]) * 10)
    with open_archive(path) as (file, members):
        assert [member.name for member in members] == ["a.0.exr", "a.1.exr", "a.2.exr"]
        file.seek(members[1].offset)
        assert file.read(members[1].size) == b"\1" * 10


def made(path: Path, *files: str, method: int = zipfile.ZIP_STORED) -> bytes:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in files:
            archive.writestr(name, b"x" * 100)
    return path.read_bytes()


def test_damaged_and_hostile_archives_are_typed_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    good = made(path, "a.1.exr", "a.2.exr")

    def told(data: bytes) -> str:
        path.write_bytes(data)
        with pytest.raises(ArchiveProblem) as caught, open_archive(path):
            pass
        return f"{type(caught.value).__name__}: {caught.value}"

    assert told(good[:-30]).startswith("ArchiveTruncated")
    assert told(good[:150]).startswith("ArchiveTruncated")
    assert told(b"").startswith("ArchiveTruncated")
    assert "points beyond" in told(good[-22 - 110 :])
    assert "compressed" in told(made(path, "a.1.exr", method=zipfile.ZIP_DEFLATED))
    end = good.rindex(b"PK\5\6")
    start = struct.unpack_from("<I", good, end + 16)[0]
    second = good.index(b"PK\1\2", start + 4)
    # Both of them in one place, and a length beyond the file's.
    twice = bytearray(good)
    twice[second + 42 : second + 46] = good[start + 42 : start + 46]
    assert "is not where" in told(bytes(twice))
    longer = bytearray(good)
    longer[start + 20 : start + 28] = struct.pack("<II", 5000, 5000)
    assert told(bytes(longer)).startswith("ArchiveTruncated")
    over = bytearray(good)
    over[start + 20 : start + 28] = struct.pack("<II", 150, 150)
    assert "upon another" in told(bytes(over))
    many = bytearray(good)
    many[end + 8 : end + 12] = struct.pack("<HH", 60_000, 60_000)
    assert "damaged" in told(bytes(many))
    locked = bytearray(good)
    locked[start + 8] |= 1
    assert "encrypted" in told(bytes(locked))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255), st.integers(0, 400))
def test_any_damage_is_a_typed_error_or_none(place: int, value: int, cut: int) -> None:
    """Never another exception, and never a member beyond the file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for number in range(3):
            file.writestr(f"a.{number}.exr", b"x" * 40)
    data = bytearray(archive.getvalue())
    data[place % len(data)] = value
    data = data[: len(data) - cut % 60 if cut % 4 == 0 else len(data)]
    with tempfile.TemporaryFile() as file, contextlib.suppress(ArchiveProblem):
        file.write(data)
        file.flush()
        assert all(member.offset + member.size <= len(data) for member in read_archive(file))


def test_stills_are_unpacked_under_their_own_names_or_others(tmp_path: Path) -> None:
    stills = find_stills(write(tmp_path / "s", "a.08.exr", "a.09.exr", "a.10.exr")) or []
    path = tmp_path / "a.zip"
    with StillArchive(stills).open() as archive:
        path.write_bytes(archive.read())
    out = unpack(path, tmp_path / "out" / "deep")
    assert [(still.name, still.read_bytes()) for still in out] == [(still.name, still.read_bytes()) for still in stills]
    others = unpack(path, tmp_path / "others", Pattern("b_", 3, ".exr"))
    assert [still.name for still in others] == ["b_008.exr", "b_009.exr", "b_010.exr"]
    assert sorted(entry.name for entry in (tmp_path / "others").iterdir()) == [still.name for still in others]


@pytest.mark.parametrize(
    "name", ["../a.1.exr", "/a.1.exr", "b/a.1.exr", "b\\a.1.exr", ".a.1.exr", "a.1.sh", "a\n.1.exr", "a.exr"]
)
def test_nothing_is_unpacked_beside_the_folder(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.zip"
    made(path, "a.7.exr", name)
    with pytest.raises(FileProblem, match="nothing was unpacked"):
        unpack(path, tmp_path / "out")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.zip"]


def test_a_damaged_still_does_not_appear(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    data = bytearray(made(path, "a.1.exr"))
    data[60] ^= 1
    path.write_bytes(data)
    with pytest.raises(VerificationFailed):
        unpack(path, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
