"""Weights of models that users bring: files in the folder that the environment's ARTIFEX_MODELS names.

None come with the installation. A node that needs some says which, and where they belong, when it is asked for a frame
without them; nothing is made up in their place.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

from libs.chassis.errors import FailedPrecondition

FOLDER: Final = "ARTIFEX_MODELS"
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Weights:
    """Files of one model, by their paths below the folder."""

    title: str
    """What people call it."""
    files: tuple[str, ...]

    def lacking(self) -> str | None:
        """What to put where; None where all files are there."""
        folder = os.environ.get(FOLDER, "")
        missing = [file for file in self.files if not folder or not Path(folder, file).is_file()]
        if not missing:
            return None
        where = f"the folder that {FOLDER} names, here and on every worker" + ("" if folder else "; it names none")
        return f"the weights of {self.title} are not installed: put {', '.join(missing)} into {where}"

    def paths(self) -> tuple[Path, ...]:
        """Where the files lie. FailedPrecondition, with what to put where, when one is missing."""
        lacking = self.lacking()
        if lacking is not None:
            raise FailedPrecondition(lacking)
        return tuple(Path(os.environ[FOLDER], file) for file in self.files)

    def key(self) -> str:
        """Identifies the content, for caches; empty where a file is missing."""
        return "" if self.lacking() else " ".join(_digest(path, *_state(path)) for path in self.paths())


def environment() -> dict[str, str]:
    """What a child process must be told to find them."""
    folder = os.environ.get(FOLDER, "")
    return {FOLDER: folder} if folder else {}


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=64)
def _digest(path: Path, _changed: int, _size: int) -> str:
    total = blake2b(digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            total.update(piece)
    return total.hexdigest()
