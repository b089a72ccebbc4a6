"""The native library: which variant of it this processor runs, and how its functions are called."""

from __future__ import annotations

import ctypes
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from libs.kernels.processor import LEVELS, reaches
from libs.kernels.variants import VARIANTS, library_path, sources_hash

OVERRIDE: Final = "ARTIFEX_KERNELS"
NUMPY: Final = "numpy"

Library = ctypes.CDLL

_log = logging.getLogger(__name__)

_P, _N, _I, _F, _D = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32, ctypes.c_float, ctypes.c_double
_ARGUMENTS: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "artifex_merge": (None, (_I, _P, _N, _P, _N, _P, _N, _P, _F, _P, _N, _N, _N)),
    "artifex_premultiply": (None, (_P, _N, _P, _N, _P, _N, _N, _N)),
    "artifex_unpremultiply": (None, (_P, _N, _P, _N, _N, _N)),
    "artifex_with_alpha": (None, (_P, _N, _P, _N, _P, _N, _P, _N, _N, _N)),
    "artifex_morphology": (_I, (_P, _N, _N, _N, _P, _N, _P, _N, _P, _N, _F, _N, _N, _N, _P, _N)),
    "artifex_blur_down": (_I, (_P, _N, _N, _P, _P, _N, _N, _P, _N)),
    "artifex_blur_up": (None, (_P, _N, _N, _P, _N, _N, _P, _N)),
    "artifex_resample": (_I, (_P, _N, _N, _N, _N, _P, _I, _N, _N, _N, _P, _N)),
    "artifex_project": (_I, (_P, _I, _N, _P, _I, _N, _N, _N, _P, _N)),
    "artifex_warp": (_I, (_P, _I, _N, _P, _D, _D, _I, _N, _N, _N, _P, _N)),
    "artifex_shrink": (_I, (_P, _N, _N, _N, _N, _P, _I, _N, _N, _N, _P, _N)),
    "artifex_lens": (None, (_P, _I, _D, _D, _N, _N, _N, _P)),
    "artifex_mesh": (None, (_P, _P, _N, _N, _P, _D, _D, _D, _N, _N, _N, _P)),
    "artifex_halve": (None, (_P, _N, _N, _N, _N, _N, _N, _P, _N, _N, _N, _N)),
    "artifex_yuv_to_linear": (_I, (_P, _P, _P, _I, _N, _N, _P, _P, _N)),
    "artifex_linear_to_yuv": (_I, (_P, _N, _P, _P, _I, _P, _N, _N, _P, _N, _N)),
    "artifex_coverage": (_I, (_P, _N, _I, _N, _N, _N, _N, _P, _N)),
    "artifex_feather": (_I, (_P, _N, _N, _N, _N, _N, _P, _N)),
    "artifex_gradient": (None, (_P, _N, _N, _N, _N, _P, _N)),
    "artifex_range": (None, (_P, _N, _P, _P, _N, _N, _N)),
    "artifex_chroma_key": (None, (_P, _N, _P, _P, _N, _P, _N, _P, _N, _P, _N, _N, _N)),
    "artifex_grade": (None, (_P, _N, _I, _P, _N, _P, _N, _N, _N)),
    "artifex_flow_agreement": (None, (_P, _P, _N, _N, _N, _N, _P)),
    "artifex_flow_splat": (None, (_P, _P, _N, _N, _F, _F, _P)),
    "artifex_flow_between": (None, (_P, _N, _P, _N, _P, _N, _N, _F, _N, _N, _P, _N)),
    "artifex_light_level": (None, (_P, _N, _P, _F, _N, _N, _P, _P)),
    "artifex_to_half": (None, (_P, _N, _P, _N, _N, _N)),
    "artifex_from_half": (None, (_P, _N, _P, _N, _N, _N)),
    "artifex_convolve": (_I, (_P, _N, _P, _N, _N, _N, _P, _N)),
    "artifex_radial": (None, (_P, _N, _P, _N, _N, _N, _P, _N)),
    "artifex_highlights": (None, (_P, _N, _P, _P, _N, _N, _N)),
    "artifex_mix": (None, (_P, _N, _P, _N, _P, _N, _F, _P, _N, _N, _N)),
    "artifex_flare": (None, (_P, _N, _N, _N, _N, _N, _N, _P)),
    "artifex_sprites": (None, (_P, _N, _N, _N, _N, _N, _N, _P, _N, _P, _I)),
}


@cache
def runnable() -> tuple[str, ...]:
    """The variants that are built and that this processor runs, the best first; `numpy` is always the last."""
    known = VARIANTS.get(platform.machine(), {})
    names = [name for name in LEVELS if name in known and reaches(name)]
    return (*(name for name in names if library_path(name).is_file()), NUMPY)


def variant() -> str:
    """The variant in use: the best one, or what ARTIFEX_KERNELS (numpy, v2, v3, v4, auto) asks for.

    RuntimeError where it asks for one that is not there or does not run here.
    """
    return _chosen if _chosen is not None else _wanted()


def library() -> Library | None:
    """The library of the variant in use; None where NumPy does the work."""
    name = variant()
    return None if name == NUMPY else _load(name)


@contextmanager
def using(name: str) -> Iterator[None]:
    """Another variant, for the whole process, until the block ends; for tests and measurements."""
    global _chosen
    before, _chosen = _chosen, name
    try:
        yield
    finally:
        _chosen = before


_chosen: str | None = None


@cache
def _wanted() -> str:
    wanted = os.environ.get(OVERRIDE, "auto")
    if wanted == "auto":
        best = runnable()[0]
        if best == NUMPY:
            _log.warning("no native kernels are built for this processor: NumPy does their work, several times slower")
        return best
    if wanted not in runnable():
        raise RuntimeError(f"{OVERRIDE} asks for {wanted!r}; here there are auto, {', '.join(runnable())}")
    return wanted


@cache
def _load(name: str) -> Library:
    loaded = ctypes.CDLL(str(library_path(name)))
    if _sources_of(loaded) != sources_hash():
        raise RuntimeError(f"{library_path(name).name} was compiled from other sources: run `make setup`")
    for function, (result, arguments) in _ARGUMENTS.items():
        getattr(loaded, function).restype = result
        getattr(loaded, function).argtypes = arguments
    return loaded


def _sources_of(library: Library) -> str:
    try:
        tell = library.artifex_sources
    except AttributeError:
        return ""
    tell.restype = ctypes.c_char_p
    answer: bytes = tell()
    return answer.decode()


def address(array: npt.NDArray[Any]) -> int:
    """Where the first element lies. The caller keeps the array alive."""
    pointer: int = array.__array_interface__["data"][0]
    return pointer


def stride(array: npt.NDArray[Any]) -> int:
    """Bytes from one row to the next."""
    return array.strides[0]


def rows(array: npt.NDArray[Any] | None) -> tuple[int | None, int]:
    """An array as kernels take it, its address and its stride; of None they make nothing."""
    return (None, 0) if array is None else (address(array), stride(array))


def check(result: int) -> None:
    """Raises MemoryError for a kernel that found none."""
    if result:
        raise MemoryError("no memory for a kernel's working rows")


def floats(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Contiguous float32 of any numbers."""
    return np.ascontiguousarray(values, dtype=np.float32)
