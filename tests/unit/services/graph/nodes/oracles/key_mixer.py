"""KeyMixer beside OpenImageIO's sub and mad."""

from typing import Any

import numpy as np
import OpenImageIO as oiio

from artifex.nodes import Frame
from services.graph.nodes.composite.key_mixer import KeyMixer
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest_relative
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WIDTH, Array, array, buffer, chart, noise
from tests.unit.services.graph.support import node

SIZE = (WIDTH, HEIGHT)


def mixed(a: Frame, b: Frame, mask: Frame, size: tuple[int, int] = SIZE, **params: Any) -> Frame:
    return applied(node(KeyMixer, **params), {"a": a, "b": b, "mask": mask}, size)


def key(seed: int, width: int = WIDTH, height: int = HEIGHT) -> Frame:
    """Random coverage, with whole parts of 0 and 1."""
    values = np.random.default_rng(seed).uniform(-0.3, 1.3, (height, width, 1))
    return Frame(np.clip(values, 0, 1).astype(np.float32))


def by_openimageio(a: Frame, b: Frame, mask: Array) -> Array:
    """b + m (a − b)."""
    amount = buffer(np.repeat(mask, 4, -1).astype(np.float32))
    behind = buffer(b.pixels)
    return array(oiio.ImageBufAlgo.mad(oiio.ImageBufAlgo.sub(buffer(a.pixels), behind), amount, behind))


def _error(**params: Any) -> float:
    a, b, mask = chart(), noise(3), key(4)
    amount = mask.pixels.astype(np.float64)
    amount = (1 - amount if params.get("invert") else amount) * params.get("mix", 1.0)
    return largest_relative(mixed(a, b, mask, **params).pixels, by_openimageio(a, b, amount))


COMPARISONS = [
    Comparison("KeyMixer", "OpenImageIO sub, mad", "ramps into noise", 1e-6, _error),
    Comparison(
        "KeyMixer", "OpenImageIO sub, mad", "inverted, mixed by 0.3", 1e-6, lambda: _error(invert=True, mix=0.3)
    ),
]
