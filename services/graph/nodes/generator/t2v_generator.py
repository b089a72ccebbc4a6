"""T2VGenerator."""

from services.graph.nodes.generator.generated import Figures, GeneratedNode


class T2VGenerator(GeneratedNode):
    """Generates a shot from words with a Wan2.2 text-to-video model.

    The shot is made once, before rendering, and kept under everything it depends on: equal parameters on the same model
    give the same bytes. It then plays like a clip, at its own size with its top left corner at the document's, so that
    Transform2D lays it where it belongs. Wan2.2 denoises with two experts, one for high and one for low noise, each
    with its own guidance; the flow shift moves the steps towards high noise. The model's authors take 40 steps, shift
    12, guidance 4 and 3 for text to video; presets take other figures, and what is given here takes precedence.

    Memory: one frame of the clip. Cost: the generation, then decoding.
    """

    version = "1.1.0"
    authors = Figures(steps=40, guidance=4.0, guidance_2=3.0, flow_shift=12.0)
