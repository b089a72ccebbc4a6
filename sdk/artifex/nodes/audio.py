"""Sound: a block of samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Audio:
    """Samples of one block: float32 [channels, count], nominally −1 to 1, at `rate` samples a second."""

    samples: NDArray[np.float32]
    rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            raise ValueError(f"audio is float32 [channels, count], not {self.samples.dtype} {self.samples.shape}")

    @staticmethod
    def silence(channels: int, count: int, rate: int) -> "Audio":
        """A block of zeros."""
        return Audio(np.zeros((channels, count), dtype=np.float32), rate)
