"""Pictures that a generation goes on from: single frames of a node's inputs, made before the generation begins."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Role = Literal["first", "last"]
"""What the generated clip does with a picture: begin with it, or end with it."""


@dataclass(frozen=True, slots=True)
class Capture:
    """One frame of one input."""

    input: str
    """The name of the input."""
    role: Role
    time: Fraction
    """Seconds of the document, from 0 on: the frame that is shown then is taken, also beyond the document's end."""
