"""Every comparison there is."""

from tests.unit.services.graph.nodes.oracles import (
    audio_mixer,
    blur,
    chroma_key,
    color_corrector,
    crop,
    file_output,
    frame_interpolation,
    glow,
    lens_flare,
    lut,
    media_input,
    merge,
    sequence_input,
    speed_ramp,
    text_input,
    transform2d,
    transition,
    viewer,
)
from tests.unit.services.graph.nodes.oracles.comparison import Comparison

COMPARISONS: list[Comparison] = [
    *media_input.COMPARISONS,
    *sequence_input.COMPARISONS,
    *text_input.COMPARISONS,
    *color_corrector.COMPARISONS,
    *lut.COMPARISONS,
    *blur.COMPARISONS,
    *chroma_key.COMPARISONS,
    *lens_flare.COMPARISONS,
    *transition.COMPARISONS,
    *glow.COMPARISONS,
    *merge.COMPARISONS,
    *transform2d.COMPARISONS,
    *crop.COMPARISONS,
    *viewer.COMPARISONS,
    *audio_mixer.COMPARISONS,
    *file_output.COMPARISONS,
    *speed_ramp.COMPARISONS,
    *frame_interpolation.COMPARISONS,
]
