"""What is done once where a device's memory did not do: the next thriftier way to keep the model there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_EXPERTS: Final = ("experts", ("resident", "swapped", "streamed"))
_TEXT_ENCODER: Final = ("text_encoder", ("resident", "swapped", "cpu"))
_PRECISION: Final = ("precision", ("auto", "float8"))
_VAE: Final = ("vae", ("whole", "tiled"))
_LADDERS: Final = {
    "load": (_TEXT_ENCODER, _EXPERTS, _PRECISION),
    "encode": (_TEXT_ENCODER, _EXPERTS),
    "denoise": (_TEXT_ENCODER, _EXPERTS, _PRECISION),
    "decode": (_VAE, _EXPERTS),
}
"""By the stage that ran out of memory: what helps it, what changes no pixel first. The words are the model server's."""
_PLACES: Final = ("experts", "text_encoder")
"""Choices between the device's memory and the host's, which on a processor are one."""
_ENDS: Final = (("precision", "gguf"),)
"""Choices that nothing of the ladder is thriftier than."""
_SAID: Final = {
    ("experts", "swapped"): "only the expert at work was kept on the device",
    ("experts", "streamed"): "only the block at work was kept on the device",
    ("text_encoder", "swapped"): "the text encoder was on the device only while it encoded",
    ("text_encoder", "cpu"): "the text encoder was kept on the CPU",
    ("precision", "float8"): "the weights were stored in 8 bits",
    ("vae", "tiled"): "the VAE was tiled",
}


_BEGINNING: Final = "out of memory in the stage "


@dataclass(frozen=True)
class Fallback:
    change: Mapping[str, str]
    """The one choice that is to be otherwise."""
    note: str
    """For the record: "out of memory while it decoded: the VAE was tiled"."""


def fallback(load: Mapping[str, str], stage: str, kind: str) -> Fallback | None:
    """The next step down from `load`, which tells every choice, for a stage that ran out of memory on a kind of device,
    "cpu" or "cuda"; none where nothing is left."""
    for subject, choices in _LADDERS.get(stage, ()):
        if kind == "cpu" and subject in _PLACES:
            continue
        if (subject, load.get(subject)) in _ENDS:
            continue
        at = choices.index(load[subject]) if load.get(subject) in choices else 0
        if at + 1 < len(choices):
            taken = choices[at + 1]
            note = f"{_BEGINNING}{stage}: {_SAID[subject, taken]}"
            return Fallback({subject: taken}, note)
    return None


def is_note(note: str) -> bool:
    """Whether it is a note of a step down. A run that another one takes up after a loss may not need it again."""
    return note.startswith(_BEGINNING)
