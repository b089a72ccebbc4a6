"""What nodes share whose shot goes on from pictures of the graph."""

from collections.abc import Sequence
from fractions import Fraction

from artifex.nodes import Capture, Request, Time
from services.graph.nodes.generator.generated import GeneratedNode


class BegunNode(GeneratedNode, base=True):
    """A shot that begins with a frame of its input `image`, which a subclass declares."""

    main = "image"

    image_time = Time(
        Fraction(0), minimum=0, doc="The moment of the document whose frame of `image` the shot begins with."
    )

    def captures(self) -> Sequence[Capture]:
        return (Capture("image", "first", self.image_time),)

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        # The pictures were taken before the shot was made.
        return ()
