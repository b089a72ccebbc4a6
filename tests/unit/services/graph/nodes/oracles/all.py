"""Every comparison there is."""

from tests.unit.services.graph.nodes.oracles import (
    blur,
    chroma_key,
    color_corrector,
    crop,
    lut,
    merge,
    transform2d,
    viewer,
)
from tests.unit.services.graph.nodes.oracles.comparison import Comparison

COMPARISONS: list[Comparison] = [
    *color_corrector.COMPARISONS,
    *lut.COMPARISONS,
    *blur.COMPARISONS,
    *chroma_key.COMPARISONS,
    *merge.COMPARISONS,
    *transform2d.COMPARISONS,
    *crop.COMPARISONS,
    *viewer.COMPARISONS,
]
