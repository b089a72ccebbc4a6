"""Grain."""

import numpy as np

from artifex.nodes import VIDEO, Float, Frame, Input, Integer, Node, Output, RenderContext, Request, Window


class Grain(Node):
    """Adds film grain: Gaussian noise that grows with the square root of the light, as photon noise does.

    The noise of a frame follows from its number and the seed alone, so that any frame can be rendered alone and in any
    process, and comes out the same. Alpha does not change, and what is transparent stays so.

    Memory: the frame, and as much noise. Cost: one random number a pixel.
    """

    category = "Effect"
    version = "1.0.0"
    # Its result changes from frame to frame though none of its parameters does.
    time_dependent = True

    video = Input(VIDEO, "The picture.")
    grainy = Output(VIDEO, "The picture, with grain.", name="video")
    amount = Float(0.04, minimum=0, maximum=1, doc="Standard deviation of the noise on white.")
    seed = Integer(1, minimum=0, maximum=1_000_000, doc="Another seed gives another pattern.")

    def identity(self, request: Request) -> str | None:
        return "video" if self.amount == 0 else None

    def region_needed(self, name: str, request: Request) -> Window:
        # The noise is drawn for the whole picture, so that a part of it is the same as when seen whole.
        return request.format

    def fingerprint(self, request: Request) -> tuple[object, ...]:
        return (self.amount, self.seed, request.time)

    def render(self, context: RenderContext) -> Frame:
        frame = context.take(self.video)
        number = round(context.request.time * context.request.frame_rate)
        noise = np.random.default_rng((self.seed, number)).standard_normal(frame.pixels.shape[:2], np.float32)
        light = np.sqrt(np.maximum(frame.pixels[..., :3], 0))
        frame.pixels[..., :3] += light * noise[..., None] * np.float32(self.amount) * frame.pixels[..., 3:]
        return frame
