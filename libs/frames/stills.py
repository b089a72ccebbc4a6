"""Single pictures, by OpenImageIO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import OpenImageIO as oiio

from libs.frames.containers import DEFAULT_LIMITS, Limits
from libs.frames.errors import MediaUnreadable, MediaUnsupported
from libs.frames.orientation import orientation_of_exif
from libs.frames.pixels import Picture


def read_image(path: Path | str, limits: Limits = DEFAULT_LIMITS) -> Picture:
    """A still as float32 [height, width, 4], upright: values as the file has them (0..1 for integers), alpha straight.

    Raises FileNotFoundError, MediaUnreadable and MediaUnsupported (too large, more than four channels).
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(path)
    config = oiio.ImageSpec()
    # Otherwise OpenImageIO premultiplies, and dark edges cannot be told from transparent ones again.
    config.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(str(path), config)
    if source is None:
        oiio.geterror()
        raise MediaUnreadable(path, "this is no picture that can be read")
    try:
        spec = source.spec()
        if limits.refuses(spec.width, spec.height):
            raise MediaUnsupported(path, f"{spec.width}x{spec.height} is larger than what is taken")
        if spec.nchannels > 4:
            raise MediaUnsupported(path, f"a picture of {spec.nchannels} channels is not taken")
        pixels: npt.NDArray[Any] | None = source.read_image("float")
        orientation = orientation_of_exif(spec.getattribute("Orientation"))
    finally:
        source.close()
    if pixels is None:
        raise MediaUnreadable(path, "the picture does not decode")
    return orientation.apply(_rgba(np.asarray(pixels, np.float32).reshape(spec.height, spec.width, -1)))


def write_png(path: Path | str, picture: npt.NDArray[np.float32] | npt.NDArray[np.uint8]) -> None:
    """Write [height, width, 3 or 4] in 0..1 (or uint8) as an 8-bit PNG; alpha is straight. Raises OSError."""
    _write(path, _bytes(picture), {"oiio:UnassociatedAlpha": 1})


def write_jpeg(path: Path | str, picture: npt.NDArray[np.float32] | npt.NDArray[np.uint8], quality: int = 88) -> None:
    """Write the first three channels of [height, width, 3 or 4] in 0..1 (or uint8) as a JPEG. Raises OSError."""
    _write(path, _bytes(picture)[..., :3], {"Compression": f"jpeg:{quality}"})


def _write(path: Path | str, samples: npt.NDArray[np.uint8], attributes: dict[str, int | str]) -> None:
    height, width, channels = samples.shape
    spec = oiio.ImageSpec(width, height, channels, "uint8")
    for name, value in attributes.items():
        spec.attribute(name, value)
    target = oiio.ImageOutput.create(str(path))
    if target is None or not target.open(str(path), spec):
        raise OSError(f"cannot write {path}: {oiio.geterror() if target is None else target.geterror()}")
    try:
        if not target.write_image(np.ascontiguousarray(samples)):
            raise OSError(f"cannot write {path}: {target.geterror()}")
    finally:
        target.close()


def _bytes(picture: npt.NDArray[np.float32] | npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    if picture.dtype == np.uint8:
        return np.asarray(picture, np.uint8)
    floats = np.asarray(picture, np.float32)
    return np.asarray(np.rint(np.clip(floats, 0.0, 1.0) * np.float32(255.0)), np.uint8)


def _rgba(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    channels = pixels.shape[2]
    picture = np.ones((*pixels.shape[:2], 4), np.float32)
    picture[..., :3] = pixels[..., :1] if channels < 3 else pixels[..., :3]
    if channels in (2, 4):
        picture[..., 3] = pixels[..., -1]
    return picture
