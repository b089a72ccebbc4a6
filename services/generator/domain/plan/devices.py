"""Devices, and how fast each is known to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self


@dataclass(frozen=True)
class Rates:
    """Of one device."""

    flops: float
    """Of the transformer, each second, in bfloat16, with the attention that comes with torch."""
    fast_flops: float
    """The same with the fastest attention and compiled blocks."""
    vae_flops: float
    """Of the VAE, each second, in float32."""
    link: float
    """Bytes a second from the host's memory to its own."""


_KNOWN: Final[tuple[tuple[str, Rates], ...]] = (
    # What published times of these models come to; the first name that a device's holds.
    ("B200", Rates(600e12, 1100e12, 160e12, 50e9)),
    ("H200", Rates(350e12, 650e12, 95e12, 50e9)),
    ("H100", Rates(344e12, 650e12, 95e12, 50e9)),
    ("H800", Rates(344e12, 650e12, 95e12, 50e9)),
    ("H20", Rates(100e12, 129e12, 40e12, 50e9)),
    ("A100", Rates(150e12, 191e12, 30e12, 25e9)),
    ("5090", Rates(150e12, 210e12, 45e12, 50e9)),
    ("4090", Rates(111e12, 166e12, 35e12, 25e9)),
    ("3090", Rates(45e12, 60e12, 15e12, 25e9)),
    ("L40", Rates(120e12, 160e12, 35e12, 25e9)),
    ("A6000", Rates(80e12, 105e12, 20e12, 25e9)),
)
_UNKNOWN: Final = Rates(60e12, 80e12, 15e12, 16e9)
_CORE: Final = Rates(12e9, 12e9, 12e9, 8e9)
"""Of one processor core, where the whole model runs there."""


PROCESSOR: Final = "cpu"
"""A processor's name."""


@dataclass(frozen=True)
class Device:
    """What models run on. Memory in bytes."""

    kind: str
    """"cuda" or "cpu"."""
    name: str
    """As its maker calls it; "cpu" for the processor."""
    memory: int
    host_memory: int
    """Of the machine; the same as `memory` for the processor."""
    threads: int = 1
    """Of the processor, that a model may use."""
    attention: str = "native"
    """The fastest that its libraries have, as diffusers calls it."""

    @property
    def rates(self) -> Rates:
        if self.kind == "cpu":
            core = _CORE
            return Rates(core.flops * self.threads, core.fast_flops * self.threads, core.vae_flops * self.threads, 8e9)
        return next((rates for name, rates in _KNOWN if name in self.name), _UNKNOWN)

    @property
    def usable(self) -> int:
        """Bytes that tensors can take: not the driver's context, nor what lies unused between them."""
        if self.kind == "cpu":
            return self.memory * 3 // 4
        return self.memory - max(800 << 20, self.memory // 25)

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """As the model server tells it. Raises KeyError or ValueError for what is none."""
        return cls(
            kind=str(values["kind"]),
            name=str(values["name"]),
            memory=int(values["memory"]),
            host_memory=int(values["host_memory"]),
            threads=int(values["threads"]),
            attention=str(values["attention"]),
        )


def largest(devices: Iterable[Device]) -> Device:
    """The one with most memory; a processor, which has its whole machine's, only where there is nothing else."""
    return max(devices, key=lambda device: (device.kind != "cpu", device.memory))


_TYPICAL: Final[tuple[tuple[int, str], ...]] = (
    (150, "B200"),
    (120, "H200"),
    (70, "H100"),
    (40, "L40S"),
    (30, "RTX 5090"),
    (0, "RTX 4090"),
)
"""What a device of at least so many gigabytes is most likely to be."""
_ENOUGH: Final = 1 << 40


def imagined(device: Device, memory: int) -> Device:
    """One of another memory: like a given accelerator; or a usual one of that memory, in a machine that holds enough,
    where the given device is a processor."""
    if device.kind == "cuda":
        return replace(device, memory=memory)
    kind = next(name for gigabytes, name in _TYPICAL if memory >= gigabytes * 10**9)
    name = f"a device of {memory / 1e9:.0f} GB, taken to be as fast as {'an' if kind[0] in 'HLR' else 'a'} {kind}"
    return replace(device, kind="cuda", name=name, memory=memory, host_memory=_ENOUGH, attention="_native_cudnn")


@dataclass(frozen=True)
class Calibration:
    """How fast a device ran a model, of clips that it made; see `calibrated`."""

    flops: float
    """Of the transformer, each second."""
    vae_flops: float
    clips: int
    """So many are in it."""


def rated_as(device: str, attention: str, compiled: str) -> str:
    """The name under which a device's rates are kept: those of the fastest attention, or of compiled blocks, which are
    options of a way, apart from the plain ones."""
    plain = attention == "native" and compiled == "none"
    return device if plain else f"{device}, fast"


_WEIGHT: Final = 0.3


def calibrated(before: Calibration | None, flops: float, vae_flops: float) -> Calibration:
    """With another clip's rates: the newest count for three tenths, since drivers and loads change."""
    if before is None:
        return Calibration(flops, vae_flops, 1)
    return Calibration(
        before.flops + _WEIGHT * (flops - before.flops),
        before.vae_flops + _WEIGHT * (vae_flops - before.vae_flops),
        before.clips + 1,
    )
