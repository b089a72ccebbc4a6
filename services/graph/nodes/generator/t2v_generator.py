"""T2VGenerator."""

from collections.abc import Hashable
from fractions import Fraction

from artifex.common.v1 import types_pb2 as common
from artifex.generator.v1 import messages_pb2 as generator
from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import (
    REQUIRED,
    VIDEO,
    Float,
    Frame,
    Integer,
    MediaSource,
    Output,
    RenderContext,
    Request,
    String,
)
from services.graph.nodes.clip import ClipNode, middle_of_frame
from services.graph.nodes.placement import NONE, keeps_size, placed


class T2VGenerator(ClipNode):
    """Generates a shot from words with a Wan2.2 text-to-video model.

    The shot is made once, before rendering, and kept under everything it depends on: equal parameters on the same model
    give the same bytes. It then plays like a clip, at its own size with its top left corner at the document's, so that
    Transform2D lays it where it belongs. Wan2.2 denoises with two experts, one for high and one for low noise, each
    with its own guidance; the flow shift moves the steps towards high noise. The defaults are those that the model's
    authors give for text to video (shift 12, guidance 4 and 3, 40 steps).

    Memory: one frame of the clip. Cost: the generation, then decoding.
    """

    category = "Generator"
    time_dependent = True

    video = Output(VIDEO, "The generated shot.")

    prompt = String(REQUIRED, doc="What is to be seen.", min_length=1, max_length=4000, animatable=False)
    negative_prompt = String("", doc="What is not to be seen.", max_length=4000, animatable=False)
    seed = Integer(0, minimum=0, maximum=2**53 - 1, animatable=False, doc="Another seed makes another shot.")
    width = Integer(832, minimum=16, maximum=4096, step=16, unit="px", animatable=False, doc="Width, a multiple of 16.")
    height = Integer(
        480, minimum=16, maximum=4096, step=16, unit="px", animatable=False, doc="Height, a multiple of 16."
    )
    frames = Integer(81, minimum=1, maximum=997, step=4, animatable=False, doc="Length of the shot: 4k + 1 frames.")
    fps = Integer(16, minimum=1, maximum=120, animatable=False, doc="Frames a second at which the shot plays.")
    steps = Integer(40, minimum=1, maximum=200, animatable=False, doc="Denoising steps.")
    guidance = Float(
        4.0, minimum=1, maximum=30, animatable=False, doc="How strictly the high-noise expert follows the words."
    )
    guidance_2 = Float(
        3.0, minimum=1, maximum=30, animatable=False, doc="How strictly the low-noise expert follows the words."
    )
    flow_shift = Float(12.0, minimum=0.1, maximum=100, animatable=False, doc="Shift of the flow-matching schedule.")
    model = String(
        "",
        doc="The model, `models/…`; empty for the installation's default.",
        pattern=r"(models/[a-z0-9-]{1,64})?",
        pattern_hint='the name of a model, "models/…"',
        animatable=False,
    )

    @property
    def length(self) -> Fraction:
        """Seconds of the shot."""
        return Fraction(self.frames, self.fps)

    def extent(self, info: media.MediaInfo | None) -> Fraction | None:
        return self.start + self.length

    def materialise(self) -> generator.GenerationSpec:
        return generator.GenerationSpec(
            model=self.model,
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            seed=self.seed,
            width=self.width,
            height=self.height,
            frame_count=self.frames,
            frame_rate=common.Rational(numerator=self.fps, denominator=1),
            steps=self.steps,
            guidance_scale=self.guidance,
            guidance_scale_2=self.guidance_2,
            flow_shift=self.flow_shift,
        )

    def fingerprint(self, request: Request) -> Hashable:
        source = request.source
        return (source and source.key, self._source_time(request.time))

    def pointwise(self, request: Request) -> bool:
        return request.source is not None and keeps_size(request.source.info, NONE, request)

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        time = self._source_time(request.time)
        return Frame.empty() if time is None else placed(_clip(request.source), time, NONE, request)

    def _source_time(self, time: Fraction) -> Fraction | None:
        local = self.clip_time(time, self.length)
        return None if local is None else middle_of_frame(local, Fraction(self.fps), self.frames)


def _clip(source: MediaSource | None) -> MediaSource:
    if source is None:
        raise ValueError("the engine opened no generated clip for this node")
    return source
