"""Compiles the native kernels with the clang that the `ziglang` wheel brings: `python -m libs.kernels.build`.

One set of sources gives one library for each level of the processor's vector units, all for an old glibc, so that they
run on any Linux of their architecture. Nothing of the machine's own tools is used.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Final

from libs.kernels.variants import BUILT, SOURCES, VARIANTS, library_path, sources_hash

STAMP: Final = "sources.sha256"

_TARGET: Final = "linux-gnu.2.28"
_FLAGS: Final = (
    "-O3",
    "-std=gnu17",
    "-shared",
    "-fPIC",
    "-s",
    "-fvisibility=hidden",
    "-fno-sanitize=all",
    # Of what is called fast math, only what leaves every number, NaN and infinity as the sources say.
    "-fno-math-errno",
    "-fno-trapping-math",
    # Clang would use half of AVX-512's width, which was right for the first processors that had it.
    "-mprefer-vector-width=512",
)


class BuildError(Exception):
    """The compiler refused; the message is its own."""


def fingerprint() -> str:
    """The hash of everything that the libraries are made of."""
    parts = (platform.machine(), _FLAGS, _TARGET, _compiler_version(), sources_hash())
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def up_to_date() -> bool:
    stamp = BUILT / STAMP
    return (
        stamp.is_file()
        and stamp.read_text() == fingerprint()
        and all(library_path(variant).is_file() for variant in VARIANTS.get(platform.machine(), {}))
    )


def build() -> str:
    """Builds what is out of date, and says in one sentence what was done. BuildError where the compiler fails."""
    variants = VARIANTS.get(platform.machine() if sys.platform == "linux" else "", {})
    if not variants:
        return f"no native kernels for {sys.platform} on {platform.machine()}: NumPy does their work"
    if importlib.util.find_spec("ziglang") is None:
        return "the ziglang package is not installed: NumPy does the native kernels' work"
    if up_to_date():
        return "the native kernels are up to date"
    BUILT.mkdir(exist_ok=True)
    (BUILT / STAMP).unlink(missing_ok=True)
    # Taken before: sources that change while they are compiled are to be compiled again.
    made_of = fingerprint()
    with tempfile.TemporaryDirectory(prefix="artifex-zig-") as cache, ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(_compile, variants.keys(), variants.values(), repeat(Path(cache))))
    (BUILT / STAMP).write_text(made_of)
    return f"native kernels built: {', '.join(variants)}"


def _compile(variant: str, processor: str, cache: Path) -> None:
    target = library_path(variant)
    command = [sys.executable, "-m", "ziglang", "cc", "-target", f"{platform.machine()}-{_TARGET}"]
    command += [
        f"-mcpu={processor}",
        *_FLAGS,
        f'-DARTIFEX_SOURCES="{sources_hash()}"',
        "-o",
        str(cache / target.name),
        *map(str, sorted(SOURCES.glob("*.c"))),
    ]
    caches = {"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}
    answer = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **caches}, check=False)
    if answer.returncode:
        raise BuildError(f"the native kernels do not compile for {processor}:\n{answer.stderr.strip()}")
    # In place at once or not at all: a process may be loading the old one.
    fresh = target.with_suffix(".new")
    shutil.copyfile(cache / target.name, fresh)
    fresh.replace(target)


def _compiler_version() -> str:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        return "none"
    return importlib.metadata.version("ziglang")


def main() -> int:
    try:
        sys.stdout.write(build() + "\n")
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
