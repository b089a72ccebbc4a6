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
    Window,
)
from libs.kernels import chroma_key, over
from services.graph.nodes.mattes import MatteEdge, alpha_of

_PICKED: Final = "picked"
_SCREENS: Final = {"green": (0.0, 177 / 255, 64 / 255), "blue": (0.0, 71 / 255, 187 / 255)}
"""The paints of keying, chroma green (#00B140) and chroma blue (#0047BB), display-encoded."""
_LEAST_RANGE: Final = 1e-3
_MOST_BALANCE: Final = 8.0
"""How far a subject's colour may lie from grey: beyond, noise would be multiplied by more."""


class ChromaKey(Node):
    """Takes a green or blue screen away: a colour-difference key, for hair, smoke and motion blur as for hard edges.

    On premultiplied scene-linear colour P with alpha a; S the screen's colour, k its largest channel, p, q the others:

        D     = S[k] − max(w[p] S[p], w[q] S[q])
        raw   = clip(1 − gain · (P[k] − max(w[p] P[p], w[q] P[q])) / (a · D), 0, 1);  1 where a · D is not above 0
        step  = clip((raw − black) / (white − black), 0, 1)
        matte = step + softness · (step² (3 − 2 step) − step)
        F     = (P − min((1 − raw) · a · max(S, 0), max(P, 0))) · (matte / raw);  0 where raw is 0
        F[k] −= despill · max(0, F[k] − L),  L = max(w[p] F[p], w[q] F[q]) for "limit", their mean for "average"
        alpha = a · matte

    raw is P. Vlahos' colour difference (US patent 4,007,487, 1977; A. R. Smith, J. F. Blinn, Blue Screen Matting,
    1996, whose second solution it is): where light mixes linearly, P = α G + (1 − α) S of a G in the colour of the
    subject has a raw of exactly α. That colour is grey, with w = 1, unless `subject` picks another, T, such as that of
    hair: then w = T[k]/T, and brown or blond hair comes out as grey hair does, neither too dense nor grey. F takes the
    screen's light out of a pixel instead of multiplying what it spoilt by the matte, and gives exactly α G there: no
    fringe of any colour, dark or bright. Despill (S. Wright, Digital Compositing for Film and Video, 2018, chapter 3)
    takes out what light the screen has thrown on the subject.

    The screen is one colour; with a plate, a picture of the screen with nobody before it, it is the plate's in each
    pixel, so that a screen that is lit unevenly, with folds and shadows, keys as cleanly as an even one. Without, a
    shadow on the screen comes out as black with a matte. A core matte makes what it covers solid, despilled; a garbage
    matte throws away what it covers. Colours that are as green as the screen are keyed, wherever they are. A picked
    colour that is grey has no key channel: nothing is keyed, with a plate or without, and nothing despilled.

    The matte's edge is then shrunk, by the least matte within so many pixels, or grown by the largest, and softened by
    a Gaussian, both of true size, fractions of a pixel included (as AlphaOps does it). It does not grow beyond the
    picture's own alpha, and core and garbage mattes hold after that too. Colour follows: what the matte gains has the
    straight colour of the subject near it. The document's outermost pixels count on and on, so that nobody who is cut
    by the frame gets an edge there; what lies outside the document is then dropped.

    Memory: the frame, changed in place; with an edge its surroundings and two copies. Cost: some 40 operations a pixel,
    in one pass of 5 ms for 1920x1080; shrinking about 20 ms more and 2 for each pixel, growing and softening 45 ms.
    """

    category = "Effect"
    version = "1.1.0"
    main = "video"

    video = Input(VIDEO, "The picture before a screen.")
    core = Input(MASK, "What is kept whatever its colour: 1 is solid.", required=False)
    garbage = Input(MASK, "What is thrown away whatever its colour: 1 is gone.", required=False)
    plate = Input(
        VIDEO, "The screen with nobody before it. Where it is transparent, the screen's colour.", required=False
    )
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
    subject = Color(
        (0.5, 0.5, 0.5, 1.0),
        minimum=0,
        maximum=1,
        doc="A colour of the subject, such as its hair, that is keyed and despilled exactly; any grey for all of them.",
    )
    shrink = Float(0.0, minimum=-50, maximum=50, unit="px", doc="How far the matte's edge moves in; below 0, out.")
    edge_blur = Float(
        0.0, minimum=0, maximum=50, unit="px", doc="Standard deviation by which the matte's edge is softened."
    )

    def pointwise(self, request: Request) -> bool:
        return not self._has_edge()

    def region_needed(self, name: str, request: Request) -> Window:
        if not self._has_edge():
            return request.region
        target = request.region.intersect(request.format)
        return target if target.empty else target.grown(self._edge(request).reach).intersect(request.format)

    def cost(self, request: Request) -> float | None:
        return 7.0 + (22.0 if self._edge(request).grows else 10.0) if self._has_edge() else None

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        matte_only = request.output.kind == MASK
        edge = self._edge(request) if self._has_edge() else None
        region = self.region_needed("video", request)
        frame = context.take(self.video).crop(region)
        if frame.window.empty:
            return Frame.empty(1 if matte_only else 4)
        core, garbage = _matte(context, self.core, frame.window), _matte(context, self.garbage, frame.window)
        whole = frame.pixels[..., 3:].copy() if edge is not None else None
        pixels = self._key(context, frame, core, garbage)
        if edge is None or whole is None:
            if matte_only:
                return Frame(np.ascontiguousarray(pixels[..., 3:]), frame.x, frame.y)
            return Frame(pixels, frame.x, frame.y)
        keyed = Frame(pixels, frame.x, frame.y)
        target = frame.window.intersect(request.region)
        if target.empty:
            return Frame.empty(1 if matte_only else 4)
        alpha = edge.moved(alpha_of(keyed), target, request.format, context.threads)
        _hold(alpha, target, Frame(whole, frame.x, frame.y), core, garbage)
        if matte_only:
            return Frame(alpha, target.x, target.y)
        return Frame(edge.recoloured(keyed, alpha, target, request.format, context.threads), target.x, target.y)

    def screen_colour(self, colour: Colour) -> tuple[float, float, float]:
        """S, in the working space."""
        return colour.from_display(self.color[:3] if self.screen == _PICKED else _SCREENS[self.screen])

    def balance(self, colour: Colour) -> tuple[float, float, float]:
        """w, for each channel; 1 of the key channel."""
        if min(self.subject[:3]) == max(self.subject[:3]):
            return 1.0, 1.0, 1.0
        wanted = colour.from_display(self.subject[:3])
        key = max(wanted[int(np.argmax(self.screen_colour(colour)))], 0.0)
        red, green, blue = (min(key / max(part, 1e-6), _MOST_BALANCE) for part in wanted)
        return red, green, blue

    def _key(self, context: RenderContext, frame: Frame, core: Pixels | None, garbage: Pixels | None) -> Pixels:
        """What stands before the screen, in the frame's own pixels."""
        grey = self.screen == _PICKED and min(self.color[:3]) == max(self.color[:3])
        # Through the display's primaries a grey may come out as one that is not quite, and would key by that.
        screen = (0.0, 0.0, 0.0) if grey else self.screen_colour(context.colour)
        plate = None
        if context.connected(self.plate) and not grey:
            empty = context.read(self.plate)
            plate = empty.filled(frame.window)
            if not (empty.opaque and empty.window.contains(frame.window)):
                plate = over(plate, np.broadcast_to(np.array([*screen, 1.0], np.float32), plate.shape))
        return chroma_key(
            frame.pixels,
            screen=screen,
            gain=self.gain,
            black=self.black,
            white=max(self.white, self.black + _LEAST_RANGE),
            softness=self.softness,
            despill=0.0 if grey else self.despill,
            average=self.despill_method == "average",
            balance=self.balance(context.colour),
            plate=plate,
            core=core,
            garbage=garbage,
            out=frame.pixels,
        )

    def _has_edge(self) -> bool:
        return self.shrink != 0.0 or self.edge_blur != 0.0

    def _edge(self, request: Request) -> MatteEdge:
        scale = float(request.scale)
        return MatteEdge(-self.shrink * scale, self.edge_blur * scale)


def _matte(context: RenderContext, port: Input, window: Window) -> Pixels | None:
    return context.read(port).filled(window) if context.connected(port) else None


def _hold(alpha: Pixels, target: Window, whole: Frame, core: Pixels | None, garbage: Pixels | None) -> None:
    """Keeps a moved edge within the picture's own alpha, and to what must stay and what must go, in place."""
    most = whole.filled(target)

    def on_target(matte: Pixels) -> Pixels:
        return Frame(matte, whole.x, whole.y).filled(target)

    if core is not None:
        np.maximum(alpha, most * on_target(core), out=alpha)
    if garbage is not None:
        most = most * (np.float32(1.0) - on_target(garbage))
    np.minimum(alpha, most, out=alpha)
