"""`python -m services.generator.nano DIRECTORY`: build the nano weights. Runs in Triton's environment, offline."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the wan22-nano-t2v weights.")
    parser.add_argument("directory", type=Path, help="the folder to create, in diffusers layout")
    directory: Path = parser.parse_args().directory
    if directory.exists():
        parser.error(f"{directory} exists already")

    from services.generator.nano.build import build  # heavy: torch and diffusers

    directory.parent.mkdir(parents=True, exist_ok=True)
    # Built aside and renamed: a reader never meets half a model.
    scratch = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        build(scratch)
        scratch.chmod(0o755)
        scratch.rename(directory)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


if __name__ == "__main__":
    main()
