"""Vignette."""

import numpy as np

from artifex.nodes import VIDEO, Float, Frame, Input, Node, Output, RenderContext


class Vignette(Node):
    """Darkens a picture towards its corners, as the natural fall-off of a lens does.

    Every pixel is multiplied by the fourth power of the cosine of the angle under which a lens sees it (the cos⁴ law,
    Kingslake, Optics in Photography, 1992): with r the distance from the document's centre in half diagonals,

        cos⁴ = 1 / (1 + (strength · r)²)²

    Alpha does not change. Memory: the frame, changed in place, and one plane of weights. Cost: one pass.
    """

    category = "Effect"

    video = Input(VIDEO, "The picture.")
    darkened = Output(VIDEO, "The picture, darker in its corners.", name="video")
    strength = Float(0.6, minimum=0, maximum=4, doc="Tangent of half the lens's diagonal field of view; 0 is none.")

    def render(self, context: RenderContext) -> Frame:
        frame = context.take(self.video)
        request = context.request
        # Distances are measured against the document's size at this scale, so a proxy looks like the full picture.
        half_diagonal = np.hypot(request.width, request.height) / 2
        y, x = np.mgrid[: frame.window.height, : frame.window.width].astype(np.float32)
        x += frame.x + 0.5 - request.width / 2
        y += frame.y + 0.5 - request.height / 2
        tangent = np.hypot(x, y) * np.float32(self.strength / half_diagonal)
        frame.pixels[..., :3] *= (1 / (1 + tangent**2) ** 2)[..., None].astype(np.float32)
        return frame
