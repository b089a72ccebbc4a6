"""What the native kernels are compiled for, and where the results lie."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).resolve().parent / "src"
BUILT: Final = Path(__file__).resolve().parent / "_build"

VARIANTS: Final[dict[str, dict[str, str]]] = {
    "x86_64": {"v2": "x86_64_v2", "v3": "x86_64_v3", "v4": "x86_64_v4"},
    "aarch64": {"baseline": "baseline"},
}
"""By architecture: the variants, and Zig's name of the processor each is for. v3 has AVX2, v4 AVX-512."""


def sources_hash() -> str:
    """Of all C sources, by name and content; each library carries the hash of those that it was made of."""
    total = hashlib.sha256()
    for source in sorted(SOURCES.iterdir()):
        total.update(source.name.encode() + b"\0" + source.read_bytes())
    return total.hexdigest()


def library_path(variant: str) -> Path:
    """Where the library of a variant lies once it is built."""
    return BUILT / f"kernels-{variant}.so"
