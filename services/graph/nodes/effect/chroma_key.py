"""ChromaKey."""

from typing import Final

import numpy as np

from artifex.nodes import (
    MASK,
    VIDEO,
    Choice,
    Color,
    Colour,
    Float,
    Frame,
    Input,
    Node,
    Output,
    Pixels,
    RenderContext,
    Request,
)
from libs.kernels import chroma_key

_PICKED: Final = "picked"
_SCREENS: Final = {"green": (0.0, 177 / 255, 64 / 255), "blue": (0.0, 71 / 255, 187 / 255)}
"""The paints of keying, chroma green (#00B140) and chroma blue (#0047BB), display-encoded."""
_LEAST_RANGE: Final = 1e-3


class ChromaKey(Node):
    """Takes a green or blue screen away: a colour-difference key, for hair, smoke and motion blur as for hard edges.

    On premultiplied scene-linear colour P with alpha a; S the screen's colour, k its largest channel, p, q the others:

        D     = S[k] − max(S[p], S[q])
        raw   = clip(1 − gain · (P[k] − max(P[p], P[q])) / (a · D), 0, 1);  1 where a · D is not above 0
        step  = clip((raw − black) / (white − black), 0, 1)
        matte = step + softness · (step² (3 − 2 step) − step)
        F     = (P − min((1 − raw) · a · max(S, 0), max(P, 0))) · (matte / raw);  0 where raw is 0
        F[k] −= despill · max(0, F[k] − L),  L = max(F[p], F[q]) for "limit", (F[p] + F[q]) / 2 for "average"
        alpha = a · matte

    raw is P. Vlahos' colour difference (US patent 4,007,487, 1977; A. R. Smith, J. F. Blinn, Blue Screen Matting,
    1996, whose second solution it is): where light mixes linearly, P = α G + (1 − α) S of a grey G has a raw of exactly
    α. F takes the screen's light out of a pixel instead of multiplying what it spoilt by the matte, and gives exactly
    α G there: no fringe of any colour, dark or bright. Despill (S. Wright, Digital Compositing for Film and Video,
    2018, chapter 3) takes out what light the screen has thrown on the subject. A shadow on the screen comes out as
    black with a matte. A core matte makes what it covers solid, despilled; a garbage matte throws away what it covers.
    Colours that are as green as the screen are keyed, wherever they are. A picked colour that is grey keys nothing.

    Memory: the frame, changed in place. Cost: some 40 operations a pixel, in one pass.
    """

    category = "Effect"

    video = Input(VIDEO, "The picture before a screen.")
    core = Input(MASK, "What is kept whatever its colour: 1 is solid.", required=False)
    garbage = Input(MASK, "What is thrown away whatever its colour: 1 is gone.", required=False)
    keyed = Output(VIDEO, "What stands before the screen, premultiplied.", name="video")
    matte = Output(MASK, "Its alpha.", name="mask")

    screen = Choice(
        "green", choices=(*_SCREENS, _PICKED), doc="The screen's colour: chroma green, chroma blue, or the picked one."
    )
    color = Color(
        (0.0, 177 / 255, 64 / 255, 1.0),
        minimum=0,
        maximum=1,
        doc="The picked screen colour, display-encoded Rec.709, as a colour picker shows; its alpha is not used.",
    )
    gain = Float(1.0, minimum=0, maximum=10, doc="How strongly the screen's colour is keyed; 1 is the measure itself.")
    black = Float(0.0, minimum=0, maximum=0.99, doc="Up to this raw matte all is screen: clears noise and unevenness.")
    white = Float(1.0, minimum=0.01, maximum=1, doc="From this raw matte on all is solid; always above black.")
    softness = Float(0.0, minimum=0, maximum=1, doc="Rounds off the matte's way between black and white.")
    despill = Float(1.0, minimum=0, maximum=1, doc="How much of the screen's light on the subject is taken out.")
    despill_method = Choice(
        "limit", choices=("limit", "average"), doc="What the key channel may reach: the others' larger, or their mean."
    )

    def pointwise(self, request: Request) -> bool:
        return True

    def render(self, context: RenderContext) -> Frame:
        frame = context.take(self.video).crop(context.request.region)
        matte_only = context.request.output.kind == MASK
        if frame.window.empty:
            return Frame.empty(1 if matte_only else 4)
        pixels = chroma_key(
            frame.pixels,
            screen=self.screen_colour(context.colour),
            gain=self.gain,
            black=self.black,
            white=max(self.white, self.black + _LEAST_RANGE),
            softness=self.softness,
            despill=self.despill,
            average=self.despill_method == "average",
            core=_matte(context, self.core, frame),
            garbage=_matte(context, self.garbage, frame),
            out=frame.pixels,
        )
        if matte_only:
            return Frame(np.ascontiguousarray(pixels[..., 3:]), frame.x, frame.y)
        return Frame(pixels, frame.x, frame.y)

    def screen_colour(self, colour: Colour) -> tuple[float, float, float]:
        """S, in the working space."""
        return colour.from_display(self.color[:3] if self.screen == _PICKED else _SCREENS[self.screen])


def _matte(context: RenderContext, port: Input, frame: Frame) -> Pixels | None:
    return context.read(port).filled(frame.window) if context.connected(port) else None
