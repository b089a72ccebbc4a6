"""The ways that a model can be laid out on a device: the choices of model_repository/wan/artifex_wan/options.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from types import MappingProxyType
from typing import Final

# Told twice: the models' process has an environment of its own, in which there is nothing of this one's, nor here of
# that one's. A test holds the two against each other.
CHOICES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "precision": ("auto", "float32", "bfloat16", "float16", "float8", "gguf"),
        "experts": ("resident", "swapped", "streamed"),
        "text_encoder": ("resident", "swapped", "cpu"),
        "vae": ("whole", "tiled"),
        "vae_layout": ("plain", "channels_last"),
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
)
"""What an operator may ask for; "auto" is as if nothing were asked."""
_AS_THE_DEVICE: Final = ("float32", "bfloat16")
"""Precisions that a server takes of itself, as its device is."""


@dataclass(frozen=True)
class Options:
    """One way. What each saves and costs is in `memory` and `work`."""

    precision: str = "bfloat16"
    """Of the transformers' weights: "float32", "bfloat16", "float16"; "float8", kept in eight bits and computed in
    sixteen; or "gguf", kept as their files have them and computed in sixteen."""
    experts: str = "resident"
    """"resident"; "swapped": on the device lies only the one that makes the step, and none before and after; or
    "streamed": only its block at work, and the next one on its way in."""
    text_encoder: str = "resident"
    """"resident", "swapped" (on the device while it reads), or "cpu"."""
    vae: str = "whole"
    """"whole" pictures, or "tiled", whose seams are blended."""
    vae_layout: str = "plain"
    """"plain", or "channels_last", the order in which an accelerator's convolutions take numbers."""
    attention: str = "native"
    """As diffusers calls it."""
    compile: str = "none"
    """"none" or "blocks"."""

    @property
    def exact(self) -> bool:
        """Whether it makes the pixels that the plain way makes."""
        return self.precision not in ("float8", "gguf") and self.vae == "whole"

    def told(self) -> dict[str, str]:
        """As the model server is told: what is otherwise than plain, so that its operator's own choices stand."""
        own = self.precision in _AS_THE_DEVICE
        usual = {**asdict(Options()), "precision": self.precision if own else ""}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


def require_choices(load: Mapping[str, str]) -> None:
    """Raises ValueError, which names what there is, for a way to lie in memory that is none."""
    for name, choice in load.items():
        if name not in CHOICES:
            raise ValueError(f"load has no {name}; there are: {', '.join(CHOICES)}")
        if choice not in CHOICES[name]:
            raise ValueError(f"load.{name} must be one of {', '.join(CHOICES[name])}, not {choice}")


def ways(precisions: Sequence[str] = ("bfloat16", "float8"), *, lossy: bool) -> Iterator[Options]:
    """All of them for a device with a memory of its own, the plainest first; `lossy` adds those that change pixels: of
    the precisions all but the first."""
    for precision, held, text, vae in product(
        precisions if lossy else precisions[:1],
        ("resident", "swapped", "streamed"),
        ("resident", "swapped", "cpu"),
        ("whole", "tiled") if lossy else ("whole",),
    ):
        yield Options(precision, held, text, vae)
