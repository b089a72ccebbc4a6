"""The three ways of grading that OpenColorIO knows, each in the space that it is made for."""

import math
from collections.abc import Sequence
from typing import Final

import PyOpenColorIO as ocio

from services.graph.nodes.color.spaces import WORKING, into, limited, out_of

STYLES: Final = ("log", "linear", "video")
GREY: Final = 0.18
_STYLES: Final = {"log": ocio.GRADING_LOG, "linear": ocio.GRADING_LIN, "video": ocio.GRADING_VIDEO}
_SPACES: Final = {"log": "acescct", "linear": WORKING, "video": "display"}


def ocio_style(style: str) -> ocio.GradingStyle:
    """OpenColorIO's name of one of `STYLES`."""
    return _STYLES[style]


def in_style(style: str, working_space: str, steps: Sequence[ocio.Transform]) -> list[ocio.Transform]:
    """From the working space to the one that the style works in, `steps` there, and back."""
    space = _SPACES[style]
    return [*into(space, working_space), *steps, limited(space), *out_of(space, working_space)]


def acescct(light: float) -> float:
    """The code of scene-linear light in ACEScct (Academy S-2016-001)."""
    if light <= 0.0078125:
        return 10.5402377416545 * light + 0.0729055341958355
    return (math.log2(light) + 9.72) / 17.52
