"""FrameInterpolation."""

from collections.abc import Hashable, Iterable
from fractions import Fraction

from artifex.nodes import Choice, Float, Frame, RenderContext, Request
from services.graph.nodes.time.interpolation_model import INTERPOLATION, moved_by_model
from services.graph.nodes.time.retimed import BLEND, FLOW, Retimed

MODEL = "model"


class FrameInterpolation(Retimed):
    """Raises the rate of a clip: makes the pictures between its pictures.

    A clip of `rate` pictures a second is seen at its own times; at time t, which lies by the share s between its
    pictures n and n + 1, both are moved along the optical flow to where things are then. DIS (T. Kroeger, R. Timofte,
    D. Dai, L. Van Gool, Fast Optical Flow using Dense Inverse Search, 2016) finds it forwards and backwards on
    display-like grey. Where the two disagree, what is seen in only one of the pictures, because it is hidden or outside
    in the other, is taken from that one alone (S. Baker et al., A Database and Evaluation Methodology for Optical Flow,
    2011, section 3.3; the bound is that of N. Sundaram, T. Brox, K. Keutzer, 2010). Light is mixed premultiplied and
    scene-linear. Where less than a fifth of the picture is found again there is a cut, and the nearer picture is shown.

    "blend" is p + s · (q − p). "model" asks a model, if its weights are there: an ONNX file
    `frame-interpolation/model.onnx` in the folder that ARTIFEX_MODELS names, with inputs img0 and img1 [1, 3, height,
    width] and timestep [1, 1, 1, 1], and one output like img0, sRGB from 0 to 1, height and width multiples of 32, as
    RIFE's exports have them. None comes with the installation; a document that asks for one is refused without it.

    Only pictures are made; sound passes by, unchanged. Pictures between two end at the document's edge.

    Memory: two frames, three times these for the flow, and 160 MiB of flows that are kept. Cost: at 1920x1080 some
    650 ms of a core for the first picture between two (300 if "fast", 2 s if "fine"), and 250 ms for each other.
    """

    category = "Process"

    rate = Float(
        12.0,
        minimum=0,
        maximum=1000,
        unit="1/s",
        animatable=False,
        doc="Pictures a second that the clip has; 23.976 is 24000/1001, and so on. 0 is the document's rate, at which "
        "there is nothing to do.",
    )
    method = Choice(
        FLOW, choices=(FLOW, BLEND, MODEL), doc="How pictures are made: moved along the flow, blended, by a model."
    )

    def misfits(self, width: int, height: int) -> Iterable[tuple[str, str]]:
        lacking = INTERPOLATION.lacking() if self.method == MODEL else None
        return () if lacking is None else (("method", lacking),)

    def source_time(self, request: Request) -> Fraction:
        return request.time

    def fingerprint(self, request: Request) -> Hashable:
        known = super().fingerprint(request)
        return (known, INTERPOLATION.key()) if self.method == MODEL else known

    def between(self, context: RenderContext, first: Frame, second: Frame, share: float) -> Frame:
        if self.method == MODEL:
            return moved_by_model(first, second, share, context.request.format, context.colour)
        return super().between(context, first, second, share)
