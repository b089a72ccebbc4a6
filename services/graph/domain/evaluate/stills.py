"""The way out as stills: frames of the working space as numbered files, in one file that joins to others."""

from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import PyOpenColorIO as ocio

from artifex.nodes import Frame, Window
from libs.chassis.errors import Internal
from libs.frames.codecs.stills import StillSettings, stills_of
from libs.frames.sequence_probe import probe_sequence
from libs.frames.sequence_reader import SequenceReader
from libs.frames.still_colour import AP0, AP1, P3_D65, REC709, REC2020, primaries_to_xyz
from libs.frames.still_file import use_threads
from libs.frames.still_writer import StillEncoder, StillsWriter
from libs.kernels import unpremultiply
from services.graph.domain.compile.compiler import Compiled
from services.graph.domain.evaluate.colour import WorkingColour, config

_CHROMATICITIES: Final = {
    "ACEScg": AP1,
    "ACES2065-1": AP0,
    "Linear Rec.709 (sRGB)": REC709,
    "Linear P3-D65": P3_D65,
    "Linear Rec.2020": REC2020,
}


class StillsSegment:
    """Writes frames of one compiled document as stills, in order; in a `with`. See `SegmentWriter`.

    OpenEXR holds the working space's own light, multiplied by alpha, and tells its chromaticities. Other kinds hold
    what a player shows, Rec.709 by the gamma of 2.4, straight where they hold alpha.
    """

    media_type = "application/zip"

    def __init__(self, path: Path, compiled: Compiled, colour: WorkingColour, threads: int, first: int) -> None:
        """`first`: the first frame that is written, counted in the movie."""
        self._path = path
        self._window = Window(0, 0, compiled.width, compiled.height)
        self._colour = colour
        self._settings = still_settings(compiled)
        written, pattern = stills_of(compiled.path)
        self._linear = written.linear
        self._first = int(compiled.sink.values["start_number"]) + first
        told = chromaticities_of(compiled.settings.colorspace) if written.linear else ()
        self._encoder = StillEncoder(self._settings, compiled.fps, told)
        self._writer = StillsWriter(path, pattern, self._first)
        use_threads(threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, traceback)

    def prepare(self, frame: Frame) -> bytes:
        """The frame as a file of its own; safe on any thread."""
        pixels = np.array(frame.filled(self._window))
        np.clip(pixels[..., 3], 0.0, 1.0, out=pixels[..., 3])
        if not self._linear:
            if self._settings.alpha and not frame.opaque:
                unpremultiply(pixels, out=pixels)
            self._colour.encode(pixels)
        return self._encoder.encode(pixels)

    def append(self, prepared: bytes) -> None:
        """The next still."""
        self._writer.append(prepared)

    def prove(self) -> None:
        """Decode all that was written, once it is closed; Internal unless every frame comes back."""
        count = len(self._writer.members)
        sequence = probe_sequence(self._path).sequence
        with SequenceReader(self._path) as reader:
            for number in range(self._first, self._first + count):
                reader.read(number, tuple(sequence.channels))
        if sequence.still_count != count or sequence.first_frame != self._first:
            raise Internal(f"of {count} stills that were written, {sequence.still_count} are there")


def still_settings(compiled: Compiled) -> StillSettings:
    """What the output node asks of stills."""
    sink = compiled.sink.values
    profile, compression = sink["profile"], sink["compression"]
    return StillSettings(
        stills_of(compiled.path)[0].name,
        "" if profile == "auto" else profile,
        "" if compression == "auto" else compression,
        sink["alpha"],
    )


def chromaticities_of(space: str) -> tuple[float, ...]:
    """CIE x and y of red, green, blue and white of a working space.

    Of spaces without a standard of their own those of what they are in ACES2065-1, whose white they then have.
    """
    told = _CHROMATICITIES.get(space)
    if told is not None:
        return told
    basis = np.zeros((1, 4, 4), np.float32)
    basis[0, :3, :3] = np.eye(3)
    basis[0, 3, :3] = 1.0
    transform = ocio.ColorSpaceTransform(space, "ACES2065-1")
    config().getProcessor(transform).getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE).applyRGBA(basis)
    to_xyz = primaries_to_xyz(AP0)
    assert to_xyz is not None
    xyz = basis[0, :, :3].astype(np.float64) @ to_xyz.T
    points = xyz[:, :2] / xyz.sum(axis=1, keepdims=True)
    return tuple(float(value) for value in points.ravel())
