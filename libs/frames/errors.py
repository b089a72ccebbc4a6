"""What can be wrong with a media file, as the platform's typed errors.

    InvalidArgument
      MediaUnreadable     no media that can be decoded
      MediaTruncated      the file ends before the media that its header promises
      MediaUnsupported    readable, but of a kind that is not taken

`metadata["file"]` is the file's name and never its folder: uploads lie in places that callers should not learn of.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from libs.chassis.errors import InvalidArgument


class MediaError(InvalidArgument):
    """A file that cannot be used; `file` is its name."""

    def __init__(self, file: Path | str, message: str) -> None:
        name = Path(file).name
        super().__init__(f"{name}: {message}", metadata={"file": name})
        self.detail = message

    def of(self, file: str) -> Self:
        """The same error of a file by another name: what is read is often a copy named by its hash."""
        return type(self)(file, self.detail)


class MediaUnreadable(MediaError):
    """The file is no media that can be decoded."""

    default_reason = "ERROR_REASON_MEDIA_UNREADABLE"


class MediaTruncated(MediaError):
    """The file ends before the media that its header promises."""

    default_reason = "ERROR_REASON_MEDIA_TRUNCATED"


class MediaUnsupported(MediaError):
    """The media is readable but of a kind that is not taken: no frames, too large, an unknown codec."""

    default_reason = "ERROR_REASON_MEDIA_UNSUPPORTED"
