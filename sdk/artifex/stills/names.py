"""Names of numbered stills, `shot.0042.exr`, and patterns that mean all of them: `shot.####.exr`, `shot.%04d.exr`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from artifex.errors import FileProblem

EXTENSIONS: Final = ("exr", "dpx", "tif", "tiff", "png", "jpg", "jpeg")
"""Of files that are taken as stills."""
MOST_DIGITS: Final = 9
_NUMBERED: Final = re.compile(rf"(.*?)(\d{{1,{MOST_DIGITS}}})(\.[A-Za-z][A-Za-z0-9]*)", re.DOTALL)
_PLACEHOLDER: Final = re.compile(r"(#+)|%(?:0(\d))?d")
_TOLD: Final = 5


@dataclass(frozen=True, slots=True)
class Numbered:
    """A still's name, taken apart: what is before its number, the number as it is written, and the extension."""

    prefix: str
    digits: str
    suffix: str

    @property
    def number(self) -> int:
        return int(self.digits)


def numbered(name: str) -> Numbered | None:
    """The parts of a file's name whose number stands right before its extension; None for any other name."""
    match = _NUMBERED.fullmatch(name)
    return Numbered(*match.groups()) if match else None


@dataclass(frozen=True, slots=True)
class Pattern:
    """The names of a sequence: numbers of at least `width` digits between `prefix` and `suffix`."""

    prefix: str
    width: int
    suffix: str

    def name(self, number: int) -> str:
        """The still's own name."""
        return f"{self.prefix}{number:0{self.width}d}{self.suffix}"

    def holds(self, found: Numbered) -> bool:
        """Whether a name is one of these: longer numbers are not filled up with zeros."""
        length = len(found.digits)
        fits = length == self.width or (length > self.width and not found.digits.startswith("0"))
        return found.prefix == self.prefix and found.suffix == self.suffix and fits

    def __str__(self) -> str:
        return f"{self.prefix}{'#' * self.width}{self.suffix}"


def pattern_of(name: str) -> Pattern | None:
    """The pattern that a file's name is: with one run of "#", or one "%d" or "%04d", right before its extension."""
    found = list(_PLACEHOLDER.finditer(name))
    if not found:
        return None
    last = found[-1]
    suffix = name[last.end() :]
    width = len(last.group(1)) if last.group(1) else max(int(last.group(2) or 1), 1)
    # What is before the last one is part of the name; a digit there could not be told from the number, nor a "#" from
    # the pattern's own.
    prefix = name[: last.start()]
    if not re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]*", suffix) or width > MOST_DIGITS:
        return None
    if prefix[-1:].isdigit() or prefix.endswith("#"):
        return None
    return Pattern(prefix, width, suffix)


def common_pattern(names: Iterable[Numbered]) -> Pattern:
    """The pattern of the names of one sequence, which have prefix and suffix in common."""
    found = list(names)
    padded = [len(name.digits) for name in found if name.digits.startswith("0") and len(name.digits) > 1]
    width = padded[0] if padded else min(len(name.digits) for name in found)
    return Pattern(found[0].prefix, width, found[0].suffix)


def find_stills(path: Path) -> list[Path] | None:
    """The stills that `path` means, in the order of their numbers: a folder of one sequence, or a pattern.

    None where it means none: it is a file of its own, or neither. Raises FileProblem for a folder of several sequences
    or of none, for a pattern that nothing matches, and where a number is there twice.
    """
    try:
        if path.is_file():
            return None
        is_folder = path.is_dir()
    except OSError as error:
        raise FileProblem(f"{path}: {error.strerror or error}") from None
    if is_folder:
        return _in_order(path, _only_sequence(path))
    pattern = pattern_of(path.name)
    if pattern is None:
        return None
    found = _files(path.parent, pattern.holds)
    if not found:
        raise FileProblem(f"{path}: no file is called {pattern}, with its number for #")
    return _in_order(path, found)


def _only_sequence(folder: Path) -> list[tuple[Numbered, Path]]:
    found = _files(folder, lambda name: name.suffix[1:].lower() in EXTENSIONS)
    sequences = {(name.prefix, name.suffix): common_pattern([name]) for name, _ in found}
    if not sequences:
        known = ", ".join(f".{extension}" for extension in EXTENSIONS)
        raise FileProblem(f"{folder}: holds no numbered stills ({known})")
    if len(sequences) > 1:
        names = ", ".join(str(folder / str(pattern)) for pattern in list(sequences.values())[:_TOLD])
        raise FileProblem(f"{folder}: holds {len(sequences)} sequences; name one of them: {names}")
    return found


def _files(folder: Path, wanted: Callable[[Numbered], bool]) -> list[tuple[Numbered, Path]]:
    try:
        # Systems and editors leave hidden files behind.
        named = [(numbered(entry.name), entry) for entry in folder.iterdir() if not entry.name.startswith(".")]
        return [(name, entry) for name, entry in named if name is not None and wanted(name) and entry.is_file()]
    except OSError as error:
        # Folders may be listed whose files may not be looked at.
        raise FileProblem(f"{folder}: {error.strerror or error}") from None


def _in_order(path: Path, found: list[tuple[Numbered, Path]]) -> list[Path]:
    ordered = sorted(found, key=lambda item: item[0].number)
    for (name, entry), (following, other) in pairwise(ordered):
        if name.number == following.number:
            raise FileProblem(f"{path}: {entry.name} and {other.name} have the same number; take one of them away")
    return [entry for _, entry in ordered]
