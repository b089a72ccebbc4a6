"""A stage of training that can be left at any time and goes on as if it never had been."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import torch
from torch import nn

_EVERY: Final = 120.0
"""Seconds between checkpoints."""
_WARM: Final = 100


class Stage:
    """What is trained, and on what. All chance comes from `rng` and `noise`, which depend on nothing but the step."""

    name: ClassVar[str]
    steps: ClassVar[int]
    batch: ClassVar[int]
    rate: ClassVar[float]
    """The highest learning rate; it rises for 100 steps and falls as a cosine to a fiftieth."""
    average: ClassVar[float] = 0.0
    """Decay of the moving average of the weights that is kept; 0 keeps the last."""
    model: nn.Module

    def loss(self, step: int) -> torch.Tensor:
        raise NotImplementedError

    def rng(self, step: int) -> np.random.Generator:
        return np.random.default_rng([int.from_bytes(self.name.encode(), "big"), step])

    def noise(self, step: int) -> torch.Generator:
        return torch.Generator().manual_seed(int(self.rng(step).integers(2**62)) ^ 0x5EED)


def trained(stage: Stage, work: Path, end: float) -> bool:
    """Train until the last step or until `end` of the monotonic clock; whether it is done.

    The weights of a finished stage are in its model, and in WORK/NAME.pt. Losses are added to WORK/NAME.csv.
    """
    file, curve = work / f"{stage.name}.pt", work / f"{stage.name}.csv"
    model = stage.model
    optimizer = torch.optim.AdamW(model.parameters(), lr=stage.rate, betas=(0.9, 0.99), weight_decay=0.01)
    kept = {name: value.detach().clone() for name, value in model.state_dict().items()}
    first = 0
    if file.exists():
        saved = torch.load(file, weights_only=True)
        model.load_state_dict(saved["model"])
        kept, first = saved["kept"], saved["step"]
        if first < stage.steps:
            optimizer.load_state_dict(saved["optimizer"])
    model.train()
    losses: list[tuple[int, float]] = []
    due = time.monotonic() + _EVERY
    for step in range(first, stage.steps):
        for group in optimizer.param_groups:
            group["lr"] = stage.rate * _schedule(step, stage.steps)
        loss = stage.loss(step)
        if not bool(loss.isfinite()):
            raise FloatingPointError(f"step {step} of {stage.name} lost its way: its loss is {float(loss)}")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        _follow(kept, model, min(stage.average, (1 + step) / (10 + step)))
        losses.append((step, float(loss)))
        now = time.monotonic()
        if now >= min(due, end) or step == stage.steps - 1:
            state = {"model": model.state_dict(), "kept": kept, "step": step + 1, "optimizer": optimizer.state_dict()}
            scratch = file.with_suffix(".new")
            torch.save(state, scratch)
            scratch.replace(file)
            _tell(stage, curve, losses)
            losses = []
            due = time.monotonic() + _EVERY
            if now >= end and step < stage.steps - 1:
                return False
    model.load_state_dict(kept)
    model.eval()
    return True


def _schedule(step: int, steps: int) -> float:
    fall = 0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2
    return min(1.0, (step + 1) / _WARM) * fall


def _follow(kept: dict[str, torch.Tensor], model: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if decay > 0 and value.is_floating_point():
                kept[name].lerp_(value, 1 - decay)
            else:
                kept[name].copy_(value)


def _tell(stage: Stage, curve: Path, losses: list[tuple[int, float]]) -> None:
    new = not curve.exists()
    with curve.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["step", "loss"])
        writer.writerows((step, f"{mean:.6f}") for step, mean in _means(losses))
    step, mean = losses[-1][0], sum(loss for _, loss in losses[-50:]) / len(losses[-50:])
    print(f"{time.strftime('%H:%M:%S')} {stage.name}: {step + 1} of {stage.steps}, loss {mean:.5f}", flush=True)  # noqa: T201


def _means(losses: list[tuple[int, float]], each: int = 25) -> Iterator[tuple[int, float]]:
    for start in range(0, len(losses), each):
        part = losses[start : start + each]
        yield part[-1][0], sum(loss for _, loss in part) / len(part)
