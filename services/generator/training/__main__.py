"""`python -m services.generator.training WORK`: train what is not trained yet, stage by stage; write the weights."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from services.generator.nano import WEIGHTS

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"


def main() -> int:
    parser = argparse.ArgumentParser(description="Train wan22-nano; goes on from the checkpoints in WORK.")
    parser.add_argument("work", type=Path, help="folder of checkpoints, encoded clips and loss curves")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long, to go on later")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--until",
        default="",
        help="the last stage to train: text, vae-edges, or one that comes after; no weights are written then",
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where the trained models are written")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)

    import torch  # heavy

    from services.generator.training.curves import curves
    from services.generator.training.export import export
    from services.generator.training.stages import ORDER, train

    torch.set_num_threads(arguments.threads)
    trained = train(arguments.work, time.monotonic() + arguments.seconds, arguments.until)
    if trained is None:
        return 3
    if not arguments.until:
        export(trained, arguments.weights)
        picture = curves([arguments.work / f"{name}.csv" for name in ORDER])
        (arguments.weights.parent / "loss.svg").write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
