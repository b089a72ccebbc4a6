"""TI2VGenerator."""

from artifex.nodes import VIDEO, Input, Integer
from services.graph.nodes.generator.beginning import BegunNode
from services.graph.nodes.generator.generated import Figures


class TI2VGenerator(BegunNode):
    """Generates a shot from words, or from words and a picture, with a Wan2.2 text-and-image-to-video model.

    With `image`, one frame of it is rendered before the shot is made: the whole document at `image_time`, at full size,
    over black; of an opaque picture that is smaller than the document, such as another shot, that picture alone. It is
    filled into the shot's size (what is too much is cut at the sides), and is the shot's first frame. Without it the
    words alone say what is seen.

    The shot is kept under everything it depends on: equal parameters and equal pictures on the same model give the same
    bytes, and nothing is generated again. It then plays like a clip, at its own size with its top left corner at the
    document's. Wan2.2's 5B has one expert and makes 24 frames a second, in sizes that are multiples of 32, of which the
    nearest is taken; its authors take 50 steps, shift 5 and guidance 5.

    Memory: one frame of the clip. Cost: one frame of the picture's input and the generation, then decoding.
    """

    authors = Figures(steps=50, guidance=5.0, guidance_2=5.0, flow_shift=5.0)

    image = Input(VIDEO, "What the shot begins with: its frame at `image_time`.", required=False)

    width = Integer(1280, minimum=16, maximum=4096, step=16, unit="px", animatable=False, doc="Width.")
    height = Integer(704, minimum=16, maximum=4096, step=16, unit="px", animatable=False, doc="Height.")
    frames = Integer(121, minimum=1, maximum=997, step=4, animatable=False, doc="Length of the shot: 4k + 1 frames.")
    fps = Integer(24, minimum=1, maximum=120, animatable=False, doc="Frames a second at which the shot plays.")
