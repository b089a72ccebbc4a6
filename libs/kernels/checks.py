"""What every kernel asks of its arrays."""

from __future__ import annotations

import numpy as np

from libs.kernels.room import ROOMS
from libs.kernels.types import Matrix, Pixels


def picture(array: Pixels, name: str, channels: int | None = None) -> Pixels:
    """`array` if it is float32 [height, width, channels], contiguous in the last two axes; a copy that is, if only the
    last fails. ValueError for anything else."""
    if array.ndim != 3 or array.dtype != np.float32 or (channels is not None and array.shape[2] != channels):
        wanted = f"[height, width, {'channels' if channels is None else channels}]"
        raise ValueError(f"{name} is float32 {wanted}, not {array.dtype} {list(array.shape)}")
    return array if _rows_are_dense(array) else np.ascontiguousarray(array)


def result(out: Pixels | None, shape: tuple[int, ...], apart: Pixels | None = None) -> Pixels:
    """`out` if it can take a result of this shape, and does not overlap `apart`; a new array where there is none."""
    if out is None:
        return ROOMS.take(shape)
    if out.shape != shape or out.dtype != np.float32 or not out.flags.writeable or not _rows_are_dense(out):
        raise ValueError(
            f"out is a writable float32 {list(shape)}, dense in its rows, not {out.dtype} {list(out.shape)}"
        )
    if apart is not None and np.may_share_memory(out, apart):
        raise ValueError("out must not overlap pixels")
    return out


def same_shape(a: Pixels, b: Pixels) -> None:
    if a.shape != b.shape:
        raise ValueError(f"the pictures differ in size: {list(a.shape)} and {list(b.shape)}")


def amount(value: float | Pixels, shape: tuple[int, ...]) -> float | Pixels:
    """A number, or a mask [height, width, 1] of the picture's size."""
    if not isinstance(value, np.ndarray):
        return float(value)
    return plane(value, "a mask", shape)


def plane(array: Pixels, name: str, shape: tuple[int, ...]) -> Pixels:
    """One channel, [height, width, 1], of the picture's size."""
    if array.shape != (*shape[:2], 1):
        raise ValueError(f"{name} of this picture is {[*shape[:2], 1]}, not {list(array.shape)}")
    return picture(array, name, 1)


def square(matrix: Matrix, name: str) -> Matrix:
    """A 3x3 matrix of finite float64."""
    values = np.ascontiguousarray(matrix, dtype=np.float64)
    if values.shape != (3, 3) or not np.isfinite(values).all():
        raise ValueError(f"{name} is a 3x3 matrix of finite numbers")
    return values


def _rows_are_dense(array: Pixels) -> bool:
    channels, size = array.shape[2], array.itemsize
    if array.size == 0:
        return True
    return (channels == 1 or array.strides[2] == size) and (array.shape[1] == 1 or array.strides[1] == channels * size)
