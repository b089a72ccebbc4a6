"""The ways that a model can be laid out on a device: the choices of model_repository/wan/artifex_wan/options.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product


@dataclass(frozen=True)
class Options:
    """One way. What each saves and costs is in `memory` and `work`."""

    precision: str = "bfloat16"
    """Of the transformers' weights: "float32", "bfloat16", or "float8", kept in eight bits and computed in sixteen."""
    experts: str = "resident"
    """"resident"; "swapped": on the device lies only the one that makes the step, and none before and after; or
    "streamed": only its block at work, and the next one on its way in."""
    text_encoder: str = "resident"
    """"resident", "swapped" (on the device while it reads), or "cpu"."""
    vae: str = "whole"
    """"whole" pictures, or "tiled", whose seams are blended."""
    attention: str = "native"
    """As diffusers calls it."""
    compile: str = "none"
    """"none" or "blocks"."""

    @property
    def exact(self) -> bool:
        """Whether it makes the pixels that the plain way makes."""
        return self.precision != "float8" and self.vae == "whole"

    def told(self) -> dict[str, str]:
        """As the model server is told: what is otherwise than plain, so that its operator's own choices stand."""
        usual = {**asdict(Options()), "precision": self.precision if self.precision != "float8" else ""}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


def ways(*, lossy: bool) -> Iterator[Options]:
    """All of them for a device with a memory of its own, the plainest first; `lossy` adds those that change pixels."""
    for precision, held, text, vae in product(
        ("bfloat16", "float8") if lossy else ("bfloat16",),
        ("resident", "swapped", "streamed"),
        ("resident", "swapped", "cpu"),
        ("whole", "tiled") if lossy else ("whole",),
    ):
        yield Options(precision, held, text, vae)
