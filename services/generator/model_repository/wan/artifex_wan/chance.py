"""Random numbers by a seed of 63 bits."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

_TORCHS_OWN: Final = 2**32
"""Its generator on a CPU takes a seed's low 32 bits, and nothing of the others."""
_STATE: Final = slice(3, 3 + 624)
"""Of torch's saved generator, in words of 64 bits: the Mersenne Twister's state, a word of 32 bits in each."""


def seeded(seed: int) -> torch.Generator:
    """On the CPU, so that a seed means the same noise for every device; `seed` is from 0 to 2**63 - 1.

    Below 2**32 it is the generator that the seed gives anywhere else. Above, the same twister begins with a state that
    all of the seed's bits are in.
    """
    chance = torch.Generator("cpu").manual_seed(seed)
    if seed >= _TORCHS_OWN:
        saved = chance.get_state()
        twister = np.random.MT19937(np.random.SeedSequence(seed))
        saved.numpy().view(np.uint64)[_STATE] = twister.state["state"]["key"]
        chance.set_state(saved)
    return chance
