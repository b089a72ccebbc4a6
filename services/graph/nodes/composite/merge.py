"""Merge."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from artifex.nodes import MASK, VIDEO, Choice, Float, Frame, Input, Node, Output, Pixels, RenderContext, Request
from artifex.nodes import Window as DataWindow

Formula = Callable[[Pixels, Pixels, Pixels, Pixels], Pixels]
"""Of a, b and their alphas (one channel wide) the result, all premultiplied."""


def _result_alpha(a: Pixels, b: Pixels) -> Pixels:
    return a + b - a * b


def _overlay(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    dark = 2.0 * a * b
    bright = aa * ba - 2.0 * (ba - b) * (aa - a)
    return np.where(2.0 * b <= ba, dark, bright) + a * (1.0 - ba) + b * (1.0 - aa)


_PORTER_DUFF: Final[dict[str, Formula]] = {
    "over": lambda a, b, aa, ba: a + b * (1.0 - aa),
    "under": lambda a, b, aa, ba: b + a * (1.0 - ba),
    "in": lambda a, b, aa, ba: a * ba,
    "out": lambda a, b, aa, ba: a * (1.0 - ba),
    "atop": lambda a, b, aa, ba: a * ba + b * (1.0 - aa),
    "xor": lambda a, b, aa, ba: a * (1.0 - ba) + b * (1.0 - aa),
    "mask": lambda a, b, aa, ba: b * aa,
    "stencil": lambda a, b, aa, ba: b * (1.0 - aa),
    "copy": lambda a, b, aa, ba: a + 0.0 * b,
}
"""Hold for all four channels alike."""

_BLENDS: Final[dict[str, Formula]] = {
    "plus": lambda a, b, aa, ba: a + b,
    "multiply": lambda a, b, aa, ba: a * b + a * (1.0 - ba) + b * (1.0 - aa),
    "screen": lambda a, b, aa, ba: a + b - a * b,
    "overlay": _overlay,
    "darken": lambda a, b, aa, ba: np.minimum(a * ba, b * aa) + a * (1.0 - ba) + b * (1.0 - aa),
    "lighten": lambda a, b, aa, ba: np.maximum(a * ba, b * aa) + a * (1.0 - ba) + b * (1.0 - aa),
    "difference": lambda a, b, aa, ba: a + b - 2.0 * np.minimum(a * ba, b * aa),
    "exclusion": lambda a, b, aa, ba: a * ba + b * aa - 2.0 * a * b + a * (1.0 - ba) + b * (1.0 - aa),
}
"""Hold for colour; alpha is that of over, and of plus the sum up to 1."""

_CHANGE_B_ALONE: Final = frozenset({"in", "out", "mask", "copy"})
"""Operations whose result is not b where a has no pixels."""

_KEEP_OPAQUE: Final = frozenset({"over", "under", "atop", *_BLENDS})
"""Operations that leave an opaque b opaque."""

_STRIP: Final = 64
"""Rows worked on at once, so that what is between stays in the processor's cache."""


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

    Memory: one frame, changed in place where nothing else needs b. Cost: only where the two overlap; a small a costs
    only its own size.
    """

    category = "Composite"

    a = Input(VIDEO, "The picture in front.")
    b = Input(VIDEO, "The picture behind.")
    mask = Input(MASK, "Where, and how much, a takes part; 0 leaves b.", required=False)
    merged = Output(VIDEO, "Both together.", name="video")

    operation = Choice("over", choices=(*_PORTER_DUFF, *_BLENDS), doc="How the two are put together.")
    mix = Float(1.0, minimum=0, maximum=1, doc="0 leaves b, 1 is the whole effect.")

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
        opaque = b.opaque and b.window == window and self.operation in _KEEP_OPAQUE
        if b.window != window:
            b = Frame(b.filled(window), window.x, window.y)
        changed = window if alone else a.window
        self._merge_into(b, a, mask, changed)
        if opaque:
            # The formulas give 1 up to rounding.
            b.pixels[changed.inside(window)][..., 3] = 1.0
        return Frame(b.pixels, b.x, b.y, opaque)

    def _merge_into(self, b: Frame, a: Frame, mask: Frame | None, window: DataWindow) -> None:
        """Changes b's pixels inside `window`, strip by strip."""
        for top in range(window.y, window.bottom, _STRIP):
            strip = DataWindow(window.x, top, window.width, min(_STRIP, window.bottom - top))
            below = b.pixels[strip.inside(b.window)]
            above = a.filled(strip)
            amount = None if mask is None else mask.filled(strip) * np.float32(self.mix)
            merge(self.operation, above, below, self.mix if amount is None else amount)


def merge(operation: str, a: Pixels, b: Pixels, amount: float | Pixels) -> None:
    """Changes `b`, [height, width, 4], to b + amount · (operation − b)."""
    aa, ba = a[..., 3:], b[..., 3:]
    if operation == "over":
        # b + m(a + b(1 − α) − b) = ma + b(1 − mα): two passes and no copy of b.
        scaled = a if isinstance(amount, float) and amount == 1.0 else a * np.asarray(amount, dtype=np.float32)
        b *= 1.0 - scaled[..., 3:]
        b += scaled
        return
    if operation in _PORTER_DUFF:
        result = _PORTER_DUFF[operation](a, b, aa, ba)
    else:
        result = _BLENDS[operation](a, b, aa, ba)
        result[..., 3:] = np.minimum(aa + ba, 1.0) if operation == "plus" else _result_alpha(aa, ba)
    if isinstance(amount, float) and amount == 1.0:
        b[...] = result
    else:
        result -= b
        b += result * np.asarray(amount, dtype=np.float32)
