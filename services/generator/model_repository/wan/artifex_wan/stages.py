"""What a clip's stages take of the device, and whether they had enough."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

_OUT_OF_MEMORY: Final = (
    "DefaultCPUAllocator",
    # A file of weights that is to be mapped.
    "Cannot allocate memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
)
_ONEDNN: Final = "could not create a primitive"
"""All that oneDNN says where the code it compiles, or its workspace, finds no room; what it has no code for it says at
more length."""


class Stages:
    """Of one request: its stages in order, each with its seconds and its peak of the device's memory."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.at = ""
        """The stage that was entered last."""
        self._taken: dict[str, dict[str, float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what is done within; not of a stage inside another."""
        self.at = name
        accelerated = self._device.type == "cuda"
        if accelerated:
            torch.cuda.reset_peak_memory_stats(self._device)
        began = time.monotonic()
        yield
        if accelerated:
            # Work is queued on the device; its time is over when it is done.
            torch.cuda.synchronize(self._device)
        peak = torch.cuda.max_memory_allocated(self._device) if accelerated else 0
        self._taken[name] = {"seconds": time.monotonic() - began, "peak_bytes": peak}

    def told(self) -> dict[str, dict[str, float]]:
        """By stage: {"seconds", "peak_bytes"}; the peak is 0 on a CPU, whose memory is everybody's."""
        return self._taken


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the host had no more memory to give."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    # torch has no class of its own for the host's, nor for what the device's libraries take beside it.
    told = str(error)
    return isinstance(error, RuntimeError) and (told == _ONEDNN or any(words in told for words in _OUT_OF_MEMORY))
