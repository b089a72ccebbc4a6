"""The files that the gallery's examples name."""

from __future__ import annotations

import shutil
import tempfile
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import cv2
import numpy as np

from artifex.media.v1 import messages_pb2 as media
from artifex.stills import StillArchive, find_stills, pattern_of
from demo.__main__ import footage
from libs.frames.looks import look_format, probe_look
from libs.frames.probe import probe
from libs.frames.sequence_probe import probe_sequence
from libs.frames.stills import write_png
from libs.frames.subtitles import probe_subtitles, subtitle_format
from libs.frames.video_reader import VideoReader

FOOTAGE: Final = "footage.mp4"
STILLS: Final = "footage.####.png"
_STILLS: Final = 12
_RATE: Final = 25
_WIDTH, _HEIGHT = 640, 360


class Files:
    """Finds and describes files; what is made of the footage lives as long as this."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where files lie that are not made of the footage."""
        self._folder = folder
        self._made = tempfile.TemporaryDirectory(prefix="artifex-gallery-")
        self._infos: dict[str, tuple[Path, media.MediaInfo]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._made.cleanup()

    def described(self, asset: str) -> tuple[Path, media.MediaInfo]:
        """The stored file of an asset, and what is known of it."""
        if asset not in self._infos:
            self._infos[asset] = self._described(asset)
        return self._infos[asset]

    def copy(self, asset: str, target: Path) -> None:
        """Puts the file, or the stills, that an example names into a folder."""
        if asset == STILLS:
            for still in self._stills():
                shutil.copyfile(still, target / still.name)
        else:
            shutil.copyfile(footage() if asset == FOOTAGE else self._folder / asset, target / asset)

    def _described(self, asset: str) -> tuple[Path, media.MediaInfo]:
        if asset == STILLS:
            stored = Path(self._made.name) / "stills.zip"
            with StillArchive(self._stills()).open() as packed, stored.open("wb") as file:
                shutil.copyfileobj(packed, file)
            return stored, probe_sequence(stored)
        path = footage() if asset == FOOTAGE else self._folder / asset
        look, subtitles = look_format(asset), subtitle_format(asset)
        if look is not None:
            return path, probe_look(path, look)
        return path, probe(path) if subtitles is None else probe_subtitles(path, subtitles)

    def _stills(self) -> list[Path]:
        """The footage's first frames as numbered stills."""
        folder = Path(self._made.name)
        pattern = pattern_of(STILLS)
        assert pattern is not None
        if not (folder / pattern.name(1)).exists():
            with VideoReader(footage()) as reader:
                for number in range(_STILLS):
                    picture = reader.frame_at(Fraction(number, _RATE))[..., :3]
                    small = cv2.resize(picture, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
                    write_png(folder / pattern.name(number + 1), np.asarray(small, np.float32))
        found = find_stills(folder / STILLS)
        assert found is not None
        return found
