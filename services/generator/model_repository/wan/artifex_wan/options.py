"""How a model lies in memory and is computed: what a launcher sets, a model's card says, or one request asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from artifex_wan.spec import SpecError

_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "precision": ("auto", "float32", "bfloat16", "float16", "float8", "gguf"),
    "experts": ("resident", "swapped", "streamed"),
    "text_encoder": ("resident", "swapped", "cpu"),
    "vae": ("whole", "tiled"),
    "vae_layout": ("plain", "channels_last"),
    # Names as diffusers has them, less those that download a kernel when they are first used.
    "attention": (
        "native",
        "_native_cudnn",
        "_native_flash",
        "_native_efficient",
        "flash",
        "_flash_3",
        "sage",
        "xformers",
    ),
    "compile": ("none", "blocks"),
}


@dataclass(frozen=True)
class Options:
    """The choices of one load. What Wan's classes would take and silently do nothing with is no choice here."""

    precision: str = "auto"
    """"auto": bfloat16 on an accelerator, float32 on a CPU, and the experts packed where they lie there no other way;
    "float8": the experts' weights are stored in 8 bits and computed with as in "auto"; "gguf": likewise, and stored as
    packed.py reads them. The text encoder is never float16, in which it overflows, and the VAE is float32 always, as it
    loses detail below."""
    experts: str = "resident"
    """"swapped": only the expert at work is on the device; "streamed": only its block at work."""
    text_encoder: str = "resident"
    """"swapped": on the device while it encodes; "cpu": never."""
    vae: str = "whole"
    """"tiled": in tiles that overlap, which changes pixels a little; a clip then comes in one block."""
    vae_layout: str = "plain"
    """"channels_last": the VAE's numbers lie in the order that an accelerator's convolutions take them in; last bits
    change, as other code computes them."""
    attention: str = "native"
    compile: str = "none"
    """"blocks": the experts' repeated block; the first step of every new size takes a minute more."""

    @staticmethod
    def parse(values: object) -> Options:
        """Of a JSON object; what it leaves out is as above. Raises SpecError of the field "load" or of a key in it."""
        if not isinstance(values, Mapping):
            raise SpecError("load", "must be an object")
        for name, value in values.items():
            if name not in _CHOICES:
                raise SpecError(f"load.{name}", f"is not a choice; there are: {', '.join(_CHOICES)}")
            if value not in _CHOICES[name]:
                raise SpecError(f"load.{name}", f"must be one of {', '.join(_CHOICES[name])}, not {value}")
        return Options(**values)

    def told(self) -> dict[str, Any]:
        """As `parse` takes it."""
        return asdict(self)

    def differing(self, other: Options) -> frozenset[str]:
        """The names of the choices that are not the same."""
        return frozenset(f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name))
