"""Image sequences for tests, written by OpenImageIO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from artifex.nodes import Window
from artifex.stills import StillArchive

Samples = NDArray[np.float32]


def write_still(
    path: Path,
    samples: Samples,
    kind: str = "",
    *,
    channels: Sequence[str] = (),
    tags: Mapping[str, Any] | None = None,
    window: Window | None = None,
    display: tuple[int, int] | None = None,
) -> Path:
    """[height, width, n] as a file of numbers of `kind` ("half", "uint16"…); `window` is the data's in `display`."""
    height, width, count = samples.shape
    spec = oiio.ImageSpec(width, height, count, kind or "half")
    if channels:
        spec.channelnames = tuple(channels)
    if window is not None:
        spec.x, spec.y = window.x, window.y
    if display is not None:
        spec.full_width, spec.full_height = display
        spec.full_x = spec.full_y = 0
    for name, value in (tags or {}).items():
        if isinstance(value, tuple) and len(value) == 8:
            spec.attribute(name, oiio.TypeDesc("float[8]"), value)
        elif isinstance(value, tuple):
            spec.attribute(name, oiio.TypeDesc("rational"), value)
        else:
            spec.attribute(name, value)
    target = oiio.ImageOutput.create(str(path))
    assert target is not None, oiio.geterror()
    assert target.open(str(path), spec), target.geterror()
    assert target.write_image(np.ascontiguousarray(samples)), target.geterror()
    target.close()
    return path


def packed(path: Path, stills: Sequence[Path]) -> Path:
    """The one file that the stills become."""
    with StillArchive(stills).open() as archive:
        path.write_bytes(archive.read())
    return path


def noise(
    seed: int, width: int = 64, height: int = 36, channels: int = 4, low: float = 0.0, high: float = 1.0
) -> Samples:
    """Random numbers that halves hold exactly."""
    random = np.random.default_rng(seed).uniform(low, high, (height, width, channels))
    return random.astype(np.float16).astype(np.float32)
