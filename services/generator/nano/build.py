"""Nano's models in diffusers layout, put together from parts that are kept once."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from services.generator.nano import DENOISERS, NANO_VERSION, SHARED, WEIGHTS

_CARD: Final[dict[str, Any]] = {
    "nano_version": NANO_VERSION,
    "random_weights": False,
    "size_multiple": 16,
    "max_width": 112,
    "max_height": 64,
    "frame_multiple": 4,
    "max_frames": 17,
    "frame_rate": "16",
    "text_tokens": 64,
    # As it was trained and measured; what a processor makes in seconds.
    "defaults": {
        "width": 112,
        "height": 64,
        "frame_count": 17,
        "steps": 12,
        "guidance_scale": 4.0,
        "guidance_scale_2": 4.0,
        "flow_shift": 5.0,
    },
}
_NAMES: Final = {
    "wan22-nano-t2v": ("Wan2.2 nano T2V", "text"),
    "wan22-nano-i2v": ("Wan2.2 nano I2V", "image"),
    "wan22-nano-ti2v": ("Wan2.2 nano TI2V", "text_image"),
}


def build(model: str, directory: Path) -> None:
    """Write the model, and its card `artifex.json`, into a new `directory`.

    Raises KeyError for a model that is not in `DENOISERS`, and FileExistsError.
    """
    if directory.exists():
        raise FileExistsError(f"{directory} exists already")
    name, kind = _NAMES[model]
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Put together aside and renamed: a reader never meets half a model.
    scratch = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        for part in SHARED:
            shutil.copytree(WEIGHTS / part, scratch / part)
        for part, folder in DENOISERS[model].items():
            shutil.copytree(WEIGHTS / folder, scratch / part)
        shutil.copy(WEIGHTS / model / "model_index.json", scratch)
        card = {**_CARD, "display_name": name, "kind": kind}
        (scratch / "artifex.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
        scratch.chmod(0o755)
        try:
            scratch.rename(directory)
        except OSError as error:
            # Another was quicker: a folder that holds something cannot be replaced.
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            raise FileExistsError(f"{directory} exists already") from error
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
