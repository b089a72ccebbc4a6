"""What the native kernels are compiled for, and where the results lie."""

from __future__ import annotations

from pathlib import Path
from typing import Final

BUILT: Final = Path(__file__).resolve().parent / "_build"

VARIANTS: Final[dict[str, dict[str, str]]] = {
    "x86_64": {"v2": "x86_64_v2", "v3": "x86_64_v3", "v4": "x86_64_v4"},
    "aarch64": {"baseline": "baseline"},
}
"""By architecture: the variants, and Zig's name of the processor each is for. v3 has AVX2, v4 AVX-512."""


def library_path(variant: str) -> Path:
    """Where the library of a variant lies once it is built."""
    return BUILT / f"kernels-{variant}.so"
