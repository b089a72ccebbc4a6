"""Writing numbered stills as one file: a part of a sequence, which is joined to others without encoding again."""

from __future__ import annotations

import os
import zlib
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import OpenImageIO as oiio

from artifex.stills import Member, Pattern
from artifex.stills.archive import directory, local_header
from libs.frames.codecs.stills import STILLS, StillSettings

_HALF: Final = np.float32(65504.0)
_PNG_LEVEL: Final = 4
"""zlib's: a third of the time of its usual 6, for a file that is a twelfth larger."""
_DATE: Final = "1980:01:01 00:00:00"
"""OpenImageIO would write the time; equal pictures make equal files, as in the zip around them."""


class StillEncoder:
    """Pictures as files of one kind, in memory. Safe on any thread."""

    def __init__(self, settings: StillSettings, fps: Fraction, chromaticities: tuple[float, ...] = ()) -> None:
        """`chromaticities`: CIE x and y of red, green, blue and white, of scene-linear light."""
        self._format = STILLS[settings.format]
        self._depth = self._format.depths[settings.depth or next(iter(self._format.depths))]
        self._compression = settings.compression or self._format.compressions[0]
        self._channels = 4 if settings.alpha else 3
        self._fps = fps
        self._chromaticities = chromaticities

    def encode(self, pixels: npt.NDArray[np.float32]) -> bytes:
        """RGBA, [height, width, 4], as one file: in the format's own colour, alpha as it asks. Raises OSError.

        Numbers are rounded to the nearest that the depth has, and its largest where they are beyond it; what is not a
        number is 0 in whole numbers, and stays what it is in floats.
        """
        samples = np.ascontiguousarray(pixels[..., : self._channels])
        if self._depth == "half":
            samples = np.clip(samples, -_HALF, _HALF)
        elif self._depth.startswith("uint"):
            samples = np.clip(np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
        memory = os.memfd_create("still")
        try:
            self._write(f"/proc/self/fd/{memory}", samples)
            return os.pread(memory, os.fstat(memory).st_size, 0)
        finally:
            os.close(memory)

    def _write(self, path: str, samples: npt.NDArray[np.float32]) -> None:
        height, width, channels = samples.shape
        spec = oiio.ImageSpec(width, height, channels, self._depth)
        spec.attribute("compression", self._compression)
        spec.attribute("png:compressionLevel", _PNG_LEVEL)
        spec.attribute("DateTime", _DATE)
        spec.attribute("Software", "ArtifexPro Studio")
        if not self._format.linear:
            spec.attribute("oiio:UnassociatedAlpha", 1)
            # What a player shows, by the gamma of 2.4; OpenImageIO would call it sRGB.
            spec.attribute("oiio:ColorSpace", "g24_rec709_display")
        else:
            spec.attribute("framesPerSecond", oiio.TypeDesc("rational"), _short(self._fps))
            if self._chromaticities:
                spec.attribute("chromaticities", oiio.TypeDesc("float[8]"), self._chromaticities)
        target = oiio.ImageOutput.create(f"still.{self._format.endings[0]}")
        if target is None or not target.open(path, spec):
            raise OSError(f"cannot write a still: {oiio.geterror() if target is None else target.geterror()}")
        written = target.write_image(samples)
        said = target.geterror()
        if not target.close() or not written:
            raise OSError(f"cannot write a still: {said or target.geterror()}")


def _short(rate: Fraction) -> tuple[int, int]:
    """A rate as two numbers of 32 bits, which is all that OpenEXR has: the nearest, where it is none of these."""
    if max(rate.numerator, rate.denominator) >= 1 << 31:
        rate = rate.limit_denominator(1_000_000)
    return rate.numerator, rate.denominator


class StillsWriter:
    """Encoded stills, one after the other, as one zip. Complete only after `close`; or use it in a `with`."""

    def __init__(self, path: Path | str, pattern: Pattern, first: int) -> None:
        """The first still has the number `first`."""
        self._file = Path(path).open("wb")  # noqa: SIM115 - it is open until `close`
        self._pattern = pattern
        self._first = first
        self._members: list[Member] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()

    @property
    def members(self) -> list[Member]:
        """What was written."""
        return list(self._members)

    def append(self, data: bytes) -> None:
        """The next still."""
        self.add(self._pattern.name(self._first + len(self._members)), data)

    def add(self, name: str, data: bytes) -> None:
        """A still by a name of its own."""
        crc = zlib.crc32(data)
        self._file.write(local_header(name, len(data), crc))
        self._members.append(Member(name, self._file.tell(), len(data), crc))
        self._file.write(data)

    def close(self) -> None:
        """Write the table of contents. Repeatable."""
        if not self._file.closed:
            self._file.write(directory(self._members, self._file.tell()))
            self._file.close()
