"""A stage of nano's training in one go, and left twice on its way: prints both ends. Runs in Triton's environment."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from services.generator.training.loop import Stage, trained


class Line(Stage):
    """Learns to add up, in a dozen steps; `left` of them are made before its time is over."""

    name = "line"
    steps = 12
    batch = 4
    rate = 1e-2
    average = 0.9

    def __init__(self, left: int = 12) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.model = torch.nn.Linear(3, 1)
        self.left = left

    def loss(self, step: int) -> torch.Tensor:
        given = torch.randn(self.batch, 3, generator=self.noise(step))
        self.left -= 1
        if self.left == 0:
            Clock.now = Clock.end
        return (self.model(given) - given.sum(1, keepdim=True)).square().mean()


class Clock:
    """Time passes when a stage says so."""

    end = 1e9
    now = 0.0


def main() -> None:
    time.monotonic = lambda: Clock.now
    work = Path(sys.argv[1])
    for name, parts in (("whole", (20,)), ("left", (5, 4, 20))):
        folder = work / name
        folder.mkdir()
        done = []
        for part in parts:
            Clock.now = 0.0
            stage = Line(part)
            done.append(trained(stage, folder, Clock.end))
        weights = [value.tolist() for value in stage.model.state_dict().values()]
        rows = (folder / "line.csv").read_text().splitlines()
        told = {"name": name, "done": done, "weights": weights, "curve": rows}
        sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
