"""I2VGenerator."""

from collections.abc import Sequence
from fractions import Fraction

from artifex.nodes import VIDEO, Capture, Input, Time
from services.graph.nodes.generator.beginning import BegunNode
from services.graph.nodes.generator.generated import Figures


class I2VGenerator(BegunNode):
    """Generates a shot that begins with a picture, with a Wan2.2 image-to-video model.

    Before the shot is made, one frame of `image` is rendered: the whole document at `image_time`, at full size, over
    black; of an opaque picture that is smaller than the document, such as another shot, that picture alone. It is
    filled into the shot's size (what is too much is cut at the sides), and is the shot's first frame. With `last_image`
    the shot ends with that picture. A shot that begins with the last frame of another goes on from it: connect that
    shot, and give the time at which its last frame is shown.

    The shot is kept under everything it depends on: equal parameters and equal pictures on the same model give the same
    bytes, and nothing is generated again. It then plays like a clip, at its own size with its top left corner at the
    document's. The model's authors take 40 steps, shift 5 and guidance 3.5 of both experts.

    Memory: one frame of the clip. Cost: one frame of each picture's input and the generation, then decoding.
    """

    authors = Figures(steps=40, guidance=3.5, guidance_2=3.5, flow_shift=5.0)

    image = Input(VIDEO, "What the shot begins with: its frame at `image_time`.")
    last_image = Input(VIDEO, "What the shot ends with: its frame at `last_image_time`.", required=False)

    last_image_time = Time(
        Fraction(0), minimum=0, doc="The moment of the document whose frame of `last_image` the shot ends with."
    )

    def captures(self) -> Sequence[Capture]:
        return (*super().captures(), Capture("last_image", "last", self.last_image_time))
