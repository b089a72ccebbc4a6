"""The file that holds the first admin's API key, for the command line of the same machine.

A key is worth nothing before the database knows it, and lost when the file is not written after. So it is written first
under a second name, moved into place when the database has it, and a start that finds the second name goes on there:

    prepare()                    token.pending, mode 0600, flushed to disk
    (the database commits)
    publish()                    token.pending -> token
"""

from __future__ import annotations

import os
from pathlib import Path


class KeyFile:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._pending = path.with_name(path.name + ".pending")

    def pending(self) -> str | None:
        """The key that an interrupted start left behind."""
        return _read(self._pending)

    def prepare(self, secret: str) -> None:
        """Write the key where nobody looks yet; raises FileExistsError when another process is at it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())

    def publish(self) -> None:
        """Put the prepared key in place. A key of a former installation is kept beside it, as `token.old`."""
        if self.path.exists():
            self.path.replace(self.path.with_name(self.path.name + ".old"))
        self._pending.replace(self.path)

    def discard(self) -> None:
        """Forget the prepared key."""
        self._pending.unlink(missing_ok=True)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
