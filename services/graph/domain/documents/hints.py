"""What a misspelt name most likely means."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

MAX_HINTS: Final = 50
_MAX_KNOWN: Final = 1000
_MAX_LENGTH: Final = 80


class Hints:
    """Hints for one document. Comparing names is slow, so one that is all mistakes gets them for the first ones."""

    def __init__(self) -> None:
        self._left = MAX_HINTS

    def closest(self, word: str, known: Iterable[str]) -> str | None:
        """The known name nearest to `word`, if any is near."""
        if self._left <= 0:
            return None
        self._left -= 1
        names = list(known)
        if len(names) > _MAX_KNOWN:
            return None
        return next(iter(get_close_matches(word[:_MAX_LENGTH], names, 1)), None)
