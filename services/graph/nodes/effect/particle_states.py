"""Where particles are at a time, from their numbers alone: nothing is carried on from frame to frame."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_WAVES: Final = 12
_OCTAVES: Final = 3
_WAVE_STREAM: Final = 1 << 16
_SMALL: Final = 1e-2
"""Of drag times age: below it a series is exacter than the closed form."""


def draws(seed: int, stream: int, first: int, count: int) -> Array:
    """Four numbers from 0 to 1, evenly spread, for each of the particles `first` to `first + count`: [count, 4].

    By Philox 4x64-10, a counter-based generator, whose counter is the particle: J. Salmon, M. Moraes, R. Dror, D. Shaw,
    Parallel Random Numbers: As Easy as 1, 2, 3, 2011.
    """
    raw = np.random.Philox(key=[seed, stream], counter=first).random_raw(4 * count)
    numbers: Array = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return numbers.reshape(count, 4)


@dataclass(frozen=True)
class Alive:
    """The particles that live at a time, oldest first."""

    number: NDArray[np.int64]
    birth: Array
    """Seconds."""
    age: Array
    """Seconds."""
    part: Array
    """Of its life: 0 to 1."""


def alive(
    seed: int, time: float, *, start: float, stop: float, rate: float, lifetime: float, variation: float
) -> Alive:
    """Particle i is born at start + (i + u) / rate, before `stop`, and lives lifetime · (1 − variation · u')."""
    first = max(0, math.floor((time - lifetime - start) * rate) - 1)
    last = math.floor((min(time, stop) - start) * rate) if rate > 0.0 else -1
    count = max(0, last - first + 1)
    random = draws(seed, 0, first, count)
    number = np.arange(first, first + count)
    birth = start + (number + random[:, 0]) / (rate or 1.0)
    life = lifetime * (1.0 - variation * random[:, 1])
    age = time - birth
    here = (age >= 0.0) & (age < life) & (birth < stop)
    return Alive(number[here], birth[here], age[here], age[here] / life[here])


def of_all(found: Alive, seed: int, stream: int) -> Array:
    """`draws` of the particles that are found."""
    if found.number.size == 0:
        return np.empty((0, 4))
    first, last = int(found.number[0]), int(found.number[-1])
    numbers: Array = draws(seed, stream, first, last - first + 1)[found.number - first]
    return numbers


def placed(shape: str, extent: Array, random: Array) -> Array:
    """Places in an emitter around (0, 0), evenly spread: [n, 2]. `extent`: its width and height, [n, 2]."""
    if shape == "line":
        return (random[:, :1] - 0.5) * extent
    if shape == "box":
        return (random[:, :2] - 0.5) * extent
    if shape == "disc":
        radius, angle = np.sqrt(random[:, 0]), 2.0 * math.pi * random[:, 1]
        way: Array = 0.5 * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1) * extent
        return way
    return np.zeros_like(extent)


def travelled(velocity: Array, age: Array, *, gravity: Sequence[float], wind: Sequence[float], drag: float) -> Array:
    """The way since birth, [n, 2], under v' = gravity − drag · (v − wind): in closed form.

    With a the age and k the drag, x = wind · a + (v − wind) · f + gravity · h, where f = (1 − e^(−ka)) / k, or a where
    there is no drag, and h = (a − f) / k, or a² / 2.
    """
    z = drag * age
    near = z < _SMALL
    series = 0.5 - z / 6.0 + z * z / 24.0 - z**3 / 120.0
    safe = np.where(near, 1.0, z)
    first = age * np.where(near, 1.0 - z * series, -np.expm1(-z) / safe)
    second = age * age * np.where(near, series, (1.0 + np.expm1(-z) / safe) / safe)
    blown = np.asarray(wind, np.float64)
    way: Array = blown * age[:, None] + (velocity - blown) * first[:, None]
    way += np.asarray(gravity, np.float64) * second[:, None]
    return way


def swirl(seed: int, place: Array, time: float, size: float, speed: float) -> Array:
    """A field of directions without sources or sinks, of mean square 1, at places [n, 2] and a time: [n, 2].

    It is the curl of a sum of waves, (∂ψ/∂y, −∂ψ/∂x) with ψ = Σ sin(k · x + ω t + φ) / |k|: R. H. Kraichnan, Diffusion
    by a Random Velocity Field, 1970; that of a potential, as R. Bridson, J. Houriham, M. Nordenstam, Curl-Noise for
    Procedural Fluid Flow, 2007. The longest waves are `size` pixels long, each octave half as long and half as strong;
    they move by about `speed` of their length a second.
    """
    random = draws(seed, _WAVE_STREAM, 0, _WAVES)
    octave = np.arange(_WAVES) % _OCTAVES
    strength = 0.5**octave
    angle = 2.0 * math.pi * random[:, 0]
    direction = np.stack([np.cos(angle), np.sin(angle)], -1)
    waves = direction * (2.0 * math.pi / size * 2.0**octave * (0.75 + 0.5 * random[:, 1]))[:, None]
    phase = 2.0 * math.pi * (random[:, 2] + speed * (0.5 + random[:, 3]) * time)
    height = np.cos(place @ waves.T + phase) * strength
    field: Array = height @ np.stack([direction[:, 1], -direction[:, 0]], -1)
    return field * math.sqrt(2.0 / float((strength**2).sum()))
