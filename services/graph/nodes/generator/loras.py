"""LoRAs as a node's text parameter names them."""

from collections.abc import Iterator
from typing import Final

from artifex.generator.v1 import messages_pb2 as generator

MOST: Final = 8
STRONGEST: Final = 4.0
_NUMBER: Final = r"-?\d{1,3}(\.\d{1,6})?"
_ONE: Final = rf"[A-Za-z0-9._-]{{1,100}}(={_NUMBER}(,{_NUMBER})?)?"
PATTERN: Final = rf"({_ONE}(; ?{_ONE}){{0,{MOST - 1}}})?"
HINT: Final = f'up to {MOST} of NAME, NAME=STRENGTH or NAME=HIGH,LOW with ";" between'


def named_loras(text: str) -> Iterator[generator.Lora]:
    """Those that a text of `PATTERN` names. One strength is for both experts, and none is 1."""
    for one in filter(None, text.split(";")):
        name, _, strengths = one.strip().partition("=")
        numbers = [float(number) for number in strengths.split(",")] if strengths else [1.0]
        yield generator.Lora(name=name, strength=numbers[0], strength_2=numbers[-1])


def too_strong(text: str) -> str | None:
    """The name of the first one whose strength is beyond `STRONGEST`."""
    for lora in named_loras(text):
        if max(abs(lora.strength), abs(lora.strength_2)) > STRONGEST:
            return lora.name
    return None
