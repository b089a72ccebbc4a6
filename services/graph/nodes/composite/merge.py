"""Merge."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from artifex.nodes import (
    EMPTY,
    MASK,
    VIDEO,
    Choice,
    Float,
    Frame,
    Input,
    Node,
    OldNode,
    Output,
    Pixels,
    RenderContext,
    Request,
    Window,
    upgrade,
)
from libs.kernels import merge
from libs.kernels.types import OPERATIONS
from services.graph.nodes.composite.display_blend import blended_on_display

_EXTENDED: Final = "-extended"
_DESTINATION: Final = "destination"
_HOLD, _EXTEND = "hold", "extend"
_LINEAR, _DISPLAY = "linear", "display"

_NO_BLENDS: Final = frozenset(
    {
        *("over", "under", "in", "out", "mask", "stencil", "atop", "destination-atop", "copy", "destination", "xor"),
        *("clear", "conjoint-over", "disjoint-over", "average", "plus", "minus", "from", "matte"),
    }
)
"""Operations that are sums of light; all others are blend functions."""

_CHANGE_B_ALONE: Final = frozenset(
    {"in", "out", "mask", "copy", "clear", "destination-atop", "minus", "average"}
)  # fmt: skip
"""Operations whose result is not b where a has no pixels."""

_OPEN_B: Final = frozenset(
    {"in", "out", "xor", "mask", "stencil", "copy", "clear", "destination-atop", "average"}
)  # fmt: skip
"""Operations that make an opaque b transparent; all others leave it opaque."""


class Merge(Node):
    """Puts a picture, a, together with another, b.

    With A and B premultiplied colours and α, β their alphas, for all four channels (T. Porter and T. Duff, Compositing
    Digital Images, 1984; from The Foundry's reference of Nuke's Merge conjoint-over, for edges that both share, and
    disjoint-over, for edges that fit each other):

        over       A + B(1 − α)            under             B + A(1 − β)
        in         Aβ                      out               A(1 − β)
        mask       Bα                      stencil           B(1 − α)
        atop       Aβ + B(1 − α)           destination-atop  Bα + A(1 − β)
        copy       A                       destination       B
        xor        A(1 − β) + B(1 − α)     clear             0
        conjoint-over   A + B(1 − α/β), A where α ≥ β
        disjoint-over   A + B(1 − α)/β, A + B where α + β < 1
        average         (A + B)/2

    Light added and taken away, and matte for a straight A; alpha is α + β − αβ, of plus min(1, α + β):

        plus   A + B    minus   A − B    from   B − A    matte   Aα + B(1 − α)

    Blends: αβ·f + A(1 − β) + B(1 − α), alpha α + β − αβ, with f of straight colours s = A/α and b = B/β (W3C
    Compositing and Blending Level 1; burn-like sums, vivid-, linear- and pin-light from NV_blend_equation_advanced;
    divide, geometric and hypot from Nuke's reference):

        multiply   sb                      difference   |s − b|
        darken     min(s, b)               lighten      max(s, b)
        divide     s/b, at most 65504; 0 where b is not above 0
        geometric  2sb/(s + b), 0 unless both are above 0         hypot   √(s² + b²)
        screen       s + b − sb            exclusion    s + b − 2sb
        overlay      2sb if 2b ≤ 1, else 1 − 2(1 − s)(1 − b)
        hard-light   2sb if 2s ≤ 1, else screen(2s − 1, b)
        soft-light   b − (1 − 2s)b(1 − b) if 2s ≤ 1, else b + (2s − 1)(D(b) − b), with
                     D(b) = ((16b − 12)b + 4)b if 4b ≤ 1, else √b
        color-dodge  min(1, b/(1 − s)), 1 where s ≥ 1
        color-burn   1 − min(1, (1 − b)/s), 0 where s ≤ 0
        vivid-light  color-burn(2s, b) if 2s < 1, else color-dodge(2s − 1, b)
        linear-light b + 2s − 1            linear-burn   s + b − 1
        pin-light    b, held between 2s − 1 and 2s
        hue, saturation, color, luminosity: the W3C's SetLum and SetSat, luminance weighed as the working space has it

    Linear dodge is plus. Colour is scene-linear: 0 to 1 is the range that blends are made for, 0.5 bright half as
    bright as white. What lies beyond goes on so ("hold"): multiply, darken, lighten, difference, divide, geometric and
    hypot are as they stand for all numbers. Where A or B is beyond 1, screen is the larger of them, and exclusion what
    they differ by there. A backdrop below 0 or beyond 1 passes soft-light, dodges and burns unchanged, as beyond 1 it
    does overlay. Hard-light uses that screen. Linear light and burn give nothing below 0 where there was none. Hue and
    its kin clip colour to what lies between 0 and 1, or between the least and the most of both pictures. "extend" takes
    the polynomials of screen, overlay and exclusion for all numbers, as Merge 1 did: bright light then turns dark.

    With "display" f takes s and b as sRGB (IEC 61966-2-1) encodes them, luminance as 0.3, 0.59, 0.11, and its result is
    decoded: what browsers and paint programs do, with soft-light and its kin about a middle grey that looks so. Edges
    mix as light all the same, and operations that are no blends stay as they are.

    Finite pictures give finite results. The result is B + m · (that − B), with m the mix times the mask. It reaches as
    far as what can be seen: in and mask give no more than both have in common, copy, out and destination-atop what a
    covers, stencil and atop what b covers, where the mask is not in the way.

    Memory: one frame, changed in place where nothing else needs b. Cost: one pass over what a covers, in 4 to 10 ms for
    1920x1080, and three changes of colour with "display"; a small a costs only its own size.
    """

    category = "Composite"
    version = "2.0.0"
    main = "b"

    a = Input(VIDEO, "The picture in front.")
    b = Input(VIDEO, "The picture behind.")
    mask = Input(MASK, "Where, and how much, a takes part; 0 leaves b.", required=False)
    merged = Output(VIDEO, "Both together.", name="video")

    operation = Choice(
        "over",
        choices=tuple(name for name in OPERATIONS if not name.endswith(_EXTENDED)),
        doc="How the two are put together.",
    )
    mix = Float(1.0, minimum=0, maximum=1, doc="0 leaves b, 1 is the whole effect.")
    beyond = Choice(
        _HOLD,
        choices=(_HOLD, _EXTEND),
        doc="Light beyond 1 in screen, overlay and exclusion: keeps its brightness, or follows the polynomial.",
    )
    space = Choice(
        _LINEAR,
        choices=(_LINEAR, _DISPLAY),
        doc="What blends take: scene-linear light, or display-encoded numbers, as browsers and paint programs do.",
    )

    @upgrade(since="1.0.0", to="2.0.0")
    def _keep_polynomials(old: OldNode) -> None:
        operation = old.params.get("operation", "over")
        if not isinstance(operation, str) or operation + _EXTENDED in OPERATIONS:
            old.params["beyond"] = _EXTEND

    def identity(self, request: Request) -> str | None:
        return "b" if self.mix == 0.0 or self.operation == _DESTINATION else None

    def pointwise(self, request: Request) -> bool:
        return True

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        unread = self.identity(request) is not None and name != "b"
        return () if unread or (name == "a" and self.operation == "clear") else (request.time,)

    def cost(self, request: Request) -> float | None:
        return 45.0 if self.space == _DISPLAY and self.operation not in _NO_BLENDS else None

    def render(self, context: RenderContext) -> Frame:
        region = context.request.region
        if self.identity(context.request) is not None:
            return context.take(self.b)
        a = Frame.empty() if self.operation == "clear" else context.read(self.a).crop(region)
        mask = context.read(self.mask) if context.connected(self.mask) else None
        if self.operation == "copy" and self.mix == 1.0 and mask is None:
            return a
        b = context.take(self.b).crop(region)
        window, changed = self._windows(a.window, b.window, None if mask is None else mask.window)
        if changed.empty:
            return b.crop(window)
        opaque = b.opaque and b.window == window and self.operation not in _OPEN_B
        if b.window != window:
            b = Frame(b.filled(window), window.x, window.y)
        amount: float | Pixels = self.mix
        if mask is not None:
            amount = mask.filled(changed) * np.float32(self.mix)
        below = b.pixels[changed.inside(window)]
        front = a.filled(changed)
        if self.space == _DISPLAY and self.operation not in _NO_BLENDS:
            front = blended_on_display(self._kernel(), front, below, context.colour)
            merge("copy", front, below, amount, out=below)
        else:
            merge(self._kernel(), front, below, amount, out=below, luma=context.colour.luma)
        if opaque:
            # The formulas give 1 up to rounding.
            below[..., 3] = 1.0
        return Frame(b.pixels, window.x, window.y, opaque)

    def _kernel(self) -> str:
        extended = self.operation + _EXTENDED
        return extended if self.beyond == _EXTEND and extended in OPERATIONS else self.operation

    def _windows(self, a: Window, b: Window, mask: Window | None) -> tuple[Window, Window]:
        """Where the result can be seen, and where in there it is not b."""
        alone = self.operation in _CHANGE_B_ALONE
        covered = _covered(self.operation, a, b)
        changed = a.union(b) if alone else a
        if mask is None and self.mix == 1.0:
            return covered, changed.intersect(covered)
        if mask is not None:
            changed = changed.intersect(mask)
        window = b.union(changed.intersect(covered))
        return window, changed.intersect(window)


def _covered(operation: str, a: Window, b: Window) -> Window:
    """Where an operation can give anything at all."""
    match operation:
        case "clear":
            return EMPTY
        case "in" | "mask":
            return a.intersect(b)
        case "out" | "copy" | "destination-atop":
            return a
        case "stencil" | "atop":
            return b
        case _:
            return a.union(b)
