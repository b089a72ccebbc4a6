"""Which vector units this processor has."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

# What /proc/cpuinfo calls the features of the levels in the x86-64 psABI, each with those before it.
_V2 = frozenset({"cx16", "lahf_lm", "popcnt", "pni", "ssse3", "sse4_1", "sse4_2"})
_V3 = _V2 | {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"}
_V4 = _V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
_NEEDED: Final = {"v4": _V4, "v3": _V3, "v2": _V2, "baseline": frozenset[str]()}

LEVELS: Final = tuple(_NEEDED)
"""From the best to the least: v4 has AVX-512, v3 AVX2; every processor reaches `baseline`."""


def reaches(level: str) -> bool:
    """Whether this processor has all that a level of `LEVELS` needs; of other than x86 only `baseline` is known."""
    return _NEEDED[level] <= _features()


@cache
def _features() -> frozenset[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    line = next((line for line in text.splitlines() if line.startswith("flags")), ":")
    return frozenset(line.partition(":")[2].split())
