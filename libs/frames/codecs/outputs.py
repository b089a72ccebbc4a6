"""All that is assembled of a render's parts, told by the ending of its file's name."""

from __future__ import annotations

from libs.frames.codecs.movies import MOVIES
from libs.frames.codecs.sounds import SOUNDS
from libs.frames.codecs.stills import STILL_ENDINGS

STILLS_TYPE = "application/zip"


def media_type_of(extension: str) -> str | None:
    """The IANA media type of what has this ending; None for what is not made here."""
    if extension in STILL_ENDINGS:
        return STILLS_TYPE
    if extension in SOUNDS:
        return SOUNDS[extension].media_type
    return MOVIES[extension].media_type if extension in MOVIES else None


def known_endings() -> tuple[str, ...]:
    """Of all that is made."""
    return (*MOVIES, *STILL_ENDINGS, *SOUNDS)
