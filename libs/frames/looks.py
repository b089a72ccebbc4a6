"""Colour looks: lookup tables in the files that grading tools exchange, read by OpenColorIO."""

from __future__ import annotations

from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import PyOpenColorIO as ocio

from artifex.media.v1.messages_pb2 import Look, MediaInfo
from libs.frames.errors import MediaUnreadable, MediaUnsupported

FORMATS: Final = ("cube", "clf", "3dl", "spi1d", "spi3d", "csp")
"""Extensions of the files that are taken."""
MAX_BYTES: Final = 64 * 1024 * 1024
"""Of a file: the largest table there is, of 129 points an edge, as text."""
_COLOURS: Final = np.stack(np.meshgrid(*[np.linspace(0.0, 1.0, 5, dtype=np.float32)] * 3), -1).reshape(1, -1, 3)
"""Such as every look is made for."""


def look_format(name: str) -> str | None:
    """Which of `FORMATS` a file's name promises; None for what is no look."""
    extension = PurePath(name).suffix.lower().removeprefix(".")
    return extension if extension in FORMATS else None


def probe_look(path: Path | str, kind: str) -> MediaInfo:
    """What a look holds, once it has been read and made ready to use. `kind` is one of `FORMATS`.

    Raises MediaUnreadable for what is no look or gives no numbers, MediaUnsupported for one that is too large or needs
    other files.
    """
    path = Path(path)
    if path.stat().st_size > MAX_BYTES:
        raise MediaUnsupported(path, f"it is larger than the {MAX_BYTES // 1024**2} MiB taken of a look")
    data = path.read_bytes()
    # All of these formats are text; what is not could hide from the next check.
    if b"\0" in data:
        raise MediaUnreadable(path, f"it is no .{kind} file: it is not text")
    # OpenColorIO takes its tags in any case; and a document type can spell anything in another way.
    if b"<reference" in data.lower() or b"<!DOCTYPE" in data:
        raise MediaUnsupported(path, "it refers to other files; export it with everything in one")
    try:
        processor = ocio.Config.CreateRaw().getProcessor(ocio.FileTransform(str(path)))
        changed = processor.getDefaultCPUProcessor()
    except ocio.Exception as error:
        raise MediaUnreadable(path, f"it cannot be read as a look{_reason(path, kind)}") from error
    except UnicodeDecodeError as error:
        # The reader's complaint quotes a line of the file.
        raise MediaUnreadable(path, f"it is no .{kind} file: it is not text") from error
    finally:
        # By its path it would know every file that it has ever read, and its table.
        ocio.ClearAllCaches()
    colours = _COLOURS.copy()
    changed.applyRGB(colours)
    if not np.isfinite(colours).all():
        raise MediaUnreadable(path, "it makes of colours what is no number")
    look = Look()
    for transform in processor.createGroupTransform():
        if isinstance(transform, ocio.Lut3DTransform):
            look.grid_size = max(look.grid_size, transform.getGridSize())
        elif isinstance(transform, ocio.Lut1DTransform):
            look.curve_size = max(look.curve_size, transform.getLength())
    return MediaInfo(format=kind, look=look)


def _reason(path: Path, kind: str) -> str:
    """What the reader of the promised format says of it; it is told only of files that are named so, and uploads lie
    under their digests."""
    with TemporaryDirectory() as folder:
        named = Path(folder) / f"look.{kind}"
        named.symlink_to(path.absolute())
        try:
            ocio.Config.CreateRaw().getProcessor(ocio.FileTransform(str(named)))
        except ocio.Exception as error:
            message = str(error).replace(f" ({named})", "").replace(str(named), "it")
        except UnicodeDecodeError:
            # It quotes a line that is no text.
            return ""
        else:
            return ""
    # Several readers may have tried; the first is the one that knows the format best.
    _, _, reason = message.partition("failed with: ")
    reason = reason.splitlines()[0].partition("    '")[0].strip() if reason else ""
    return f" ({reason[:200]})" if reason else ""
