"""Merge."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from artifex.nodes import MASK, VIDEO, Choice, Float, Frame, Input, Node, Output, Pixels, RenderContext, Request
from libs.kernels import merge
from libs.kernels.types import OPERATIONS

_CHANGE_B_ALONE: Final = frozenset({"in", "out", "mask", "copy"})
"""Operations whose result is not b where a has no pixels."""

_OPEN_B: Final = frozenset({"in", "out", "xor", "mask", "stencil", "copy"})
"""Operations that make an opaque b transparent; all others leave it opaque."""


class Merge(Node):
    """Puts a picture, a, together with another, b.

    With A and B premultiplied colours and α, β their alphas (T. Porter and T. Duff, Compositing Digital Images, 1984;
    W3C Compositing and Blending Level 1 for the blend modes):

        over       A + B(1 − α)            under      B + A(1 − β)
        in         Aβ                      out        A(1 − β)
        atop       Aβ + B(1 − α)           xor        A(1 − β) + B(1 − α)
        mask       Bα                      stencil    B(1 − α)
        copy       A                       plus       A + B
        multiply   AB + A(1 − β) + B(1 − α)
        screen     A + B − AB
        overlay    2AB if 2B ≤ β, else αβ − 2(β − B)(α − A); and A(1 − β) + B(1 − α)
        darken     min(Aβ, Bα) + A(1 − β) + B(1 − α)
        lighten    max(Aβ, Bα) + A(1 − β) + B(1 − α)
        difference A + B − 2 min(Aβ, Bα)
        exclusion  Aβ + Bα − 2AB + A(1 − β) + B(1 − α)

    The blend modes' alpha is α + β − αβ, and min(1, α + β) of plus. Colour is scene-linear and never clipped. The
    result is B + m · (that − B), with m the mix times the mask.

    Memory: one frame, changed in place where nothing else needs b. Cost: one pass over what a covers; a small a costs
    only its own size.
    """

    category = "Composite"
    main = "b"

    a = Input(VIDEO, "The picture in front.")
    b = Input(VIDEO, "The picture behind.")
    mask = Input(MASK, "Where, and how much, a takes part; 0 leaves b.", required=False)
    merged = Output(VIDEO, "Both together.", name="video")

    operation = Choice("over", choices=OPERATIONS, doc="How the two are put together.")
    mix = Float(1.0, minimum=0, maximum=1, doc="0 leaves b, 1 is the whole effect.")

    def identity(self, request: Request) -> str | None:
        return "b" if self.mix == 0.0 else None

    def pointwise(self, request: Request) -> bool:
        return True

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        return () if self.mix == 0.0 and name != "b" else (request.time,)

    def render(self, context: RenderContext) -> Frame:
        region = context.request.region
        if self.mix == 0.0:
            return context.take(self.b)
        a = context.read(self.a).crop(region)
        mask = context.read(self.mask) if context.connected(self.mask) else None
        b = context.take(self.b).crop(region)
        alone = self.operation in _CHANGE_B_ALONE
        if a.window.empty and not alone:
            return b
        window = b.window.union(a.window)
        opaque = b.opaque and b.window == window and self.operation not in _OPEN_B
        if b.window != window:
            b = Frame(b.filled(window), window.x, window.y)
        changed = window if alone else a.window
        if changed.empty:
            return b
        amount: float | Pixels = self.mix
        if mask is not None:
            amount = mask.filled(changed) * np.float32(self.mix)
        below = b.pixels[changed.inside(window)]
        merge(self.operation, a.filled(changed), below, amount, out=below)
        if opaque:
            # The formulas give 1 up to rounding.
            below[..., 3] = 1.0
        return Frame(b.pixels, window.x, window.y, opaque)
