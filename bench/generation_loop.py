"""A clip made by the bare loop: one process, no server, nothing stored. Run in Triton's environment.

python bench/generation_loop.py WEIGHTS THREADS

Each line of standard input is a clip as `artifex_wan.spec.Spec` has it, in JSON; each is answered by a line with the
seconds that it took and the SHA-256 of its frames' bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "services/generator/model_repository/wan"))

import torch
from artifex_wan.decode import decoded
from artifex_wan.denoise import begun
from artifex_wan.loading import Model
from artifex_wan.options import Options
from artifex_wan.spec import Spec
from diffusers.utils import logging


def main() -> None:
    weights, threads = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(threads)
    logging.disable_progress_bar()
    model = Model.read(weights, "cuda" if torch.cuda.is_available() else "cpu", Options())
    for line in sys.stdin:
        values: dict[str, Any] = json.loads(line)
        tokens = values.pop("text_tokens")
        lists: dict[str, Any] = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        spec = Spec(**{**values, **lists})
        began = time.perf_counter()
        digest = hashlib.sha256()
        with torch.inference_mode():
            run = begun(model, spec, {}, tokens)
            while run.done < run.steps:
                run.advance()
            for frames in decoded(model.vae, run.finished()):
                digest.update(frames.tobytes())
        seconds = time.perf_counter() - began
        sys.stdout.write(json.dumps({"seconds": seconds, "digest": digest.hexdigest()}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
