"""What nodes share whose shot a Wan2.2 model makes before rendering."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Final

from artifex.common.v1 import types_pb2 as common
from artifex.generator.v1 import messages_pb2 as generator
from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import (
    REQUIRED,
    VIDEO,
    Boolean,
    Choice,
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
from services.graph.nodes.generator.loras import HINT, PATTERN, STRONGEST, named_loras, too_strong
from services.graph.nodes.placement import NONE, keeps_size, placed

AUTHORS: Final = "authors"
_PRESETS: Final = {
    AUTHORS: generator.GENERATION_PRESET_UNSPECIFIED,
    "model": generator.GENERATION_PRESET_UNSPECIFIED,
    "draft": generator.GENERATION_PRESET_DRAFT,
    "preview": generator.GENERATION_PRESET_PREVIEW,
    "production": generator.GENERATION_PRESET_PRODUCTION,
    "cinema": generator.GENERATION_PRESET_CINEMA,
}
_PROFILES: Final = {
    "auto": generator.GENERATION_PROFILE_UNSPECIFIED,
    "speed": generator.GENERATION_PROFILE_SPEED,
    "memory": generator.GENERATION_PROFILE_MEMORY,
    "quality": generator.GENERATION_PROFILE_QUALITY,
}
_CACHES: Final = {
    "auto": generator.STEP_CACHE_UNSPECIFIED,
    "none": generator.STEP_CACHE_NONE,
    "first-block": generator.STEP_CACHE_FIRST_BLOCK,
    "magnitude": generator.STEP_CACHE_MAGNITUDE,
}


@dataclass(frozen=True, slots=True)
class Figures:
    """How a model is run, as its authors run it."""

    steps: int
    guidance: float
    guidance_2: float
    flow_shift: float


class GeneratedNode(ClipNode, base=True):
    """A shot that is made once, before rendering, and then plays like a clip.

    Size, length and rate are the node's own, never a preset's: where the shot lies, and how long the document is,
    follow from them. Where a model makes the nearest to them instead, the shot is what was made.
    """

    category = "Generator"
    time_dependent = True
    authors: ClassVar[Figures]
    """What `preset` gives as "authors"."""

    video = Output(VIDEO, "The generated shot.")

    prompt = String(REQUIRED, doc="What is to be seen.", min_length=1, max_length=4000, animatable=False)
    negative_prompt = String("", doc="What is not to be seen.", max_length=4000, animatable=False)
    extend_prompt = Boolean(
        False, animatable=False, doc="Have the prompt told in about 200 words, as these models are used to."
    )
    style = String(
        "",
        doc="A look by its name, `styles/…`, as `artifex styles` lists them; empty for none.",
        pattern=r"(styles/[a-z0-9-]{1,64})?",
        pattern_hint='the name of a style, "styles/…"',
        animatable=False,
    )
    style_strength = Float(
        1.0, minimum=0.05, maximum=2, animatable=False, doc="How much of the style, 1 for its usual."
    )
    seed = Integer(0, minimum=0, maximum=2**53 - 1, animatable=False, doc="Another seed makes another shot.")
    width = Integer(832, minimum=16, maximum=4096, step=16, unit="px", animatable=False, doc="Width, a multiple of 16.")
    height = Integer(
        480, minimum=16, maximum=4096, step=16, unit="px", animatable=False, doc="Height, a multiple of 16."
    )
    frames = Integer(81, minimum=1, maximum=997, step=4, animatable=False, doc="Length of the shot: 4k + 1 frames.")
    fps = Integer(16, minimum=1, maximum=120, animatable=False, doc="Frames a second at which the shot plays.")
    preset = Choice(
        AUTHORS,
        choices=tuple(_PRESETS),
        doc="What steps, guidance and flow shift are where they are 0: as Wan2.2's authors run such models, as the "
        "installed model itself says it is run best, or as a preset has it.",
    )
    profile = Choice(
        "auto",
        choices=tuple(_PROFILES),
        doc="What is saved where there is a choice: auto is the fastest that fits and changes no pixel.",
    )
    steps = Integer(0, minimum=0, maximum=200, animatable=False, doc="Denoising steps; 0 for the preset's.")
    guidance = Float(
        0.0,
        minimum=0,
        maximum=30,
        animatable=False,
        doc="How strictly the high-noise expert follows the words, from 1 on; 0 for the preset's.",
    )
    guidance_2 = Float(
        0.0,
        minimum=0,
        maximum=30,
        animatable=False,
        doc="How strictly the low-noise expert follows the words, from 1 on; 0 for the preset's.",
    )
    flow_shift = Float(
        0.0, minimum=0, maximum=100, animatable=False, doc="Shift of the flow-matching schedule; 0 for the preset's."
    )
    recipe = String(
        "",
        doc="A distilled recipe that lies beside the model, as in `lightning-4`; it gives what is 0.",
        pattern=r"([a-z0-9-]{1,64})?",
        pattern_hint="the name of a recipe",
        animatable=False,
    )
    loras = String(
        "",
        doc="Changes of the weights that lie beside the model, `NAME`, `NAME=STRENGTH` or `NAME=HIGH,LOW` for the two "
        "experts, with `;` between. Strengths are from -4 to 4, and 1 where none is said.",
        pattern=PATTERN,
        pattern_hint=HINT,
        max_length=1000,
        animatable=False,
    )
    step_cache = Choice(
        "auto",
        choices=tuple(_CACHES),
        doc="What of a step is taken over from the one before, where little changes: faster, and other pixels. Auto is "
        "none, but for the profile speed.",
    )
    model = String(
        "",
        doc="The model, `models/…`; empty for the installation's default of the kind.",
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

    def misfits(self, width: int, height: int) -> Iterable[tuple[str, str]]:
        for name, value in (("guidance", self.guidance), ("guidance_2", self.guidance_2)):
            if 0 < value < 1:
                yield name, "guidance begins at 1, which is none; give 0 for the preset's"
        if (strong := too_strong(self.loras)) is not None:
            yield "loras", f"the strength of {strong} is beyond {STRONGEST:g}"

    def materialise(self) -> generator.GenerationSpec:
        own = self.authors if self.preset == AUTHORS and not self.recipe else Figures(0, 0, 0, 0)
        return generator.GenerationSpec(
            model=self.model,
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            extend_prompt=self.extend_prompt,
            style=self.style,
            # Without a style there is no strength: that it was changed must not make another shot.
            style_strength=self.style_strength if self.style else 0,
            seed=self.seed,
            width=self.width,
            height=self.height,
            frame_count=self.frames,
            frame_rate=common.Rational(numerator=self.fps, denominator=1),
            preset=_PRESETS[self.preset],
            profile=_PROFILES[self.profile],
            steps=self.steps or own.steps,
            guidance_scale=self.guidance or own.guidance,
            guidance_scale_2=self.guidance_2 or own.guidance_2,
            flow_shift=self.flow_shift or own.flow_shift,
            recipe=self.recipe,
            loras=named_loras(self.loras),
            step_cache=_CACHES[self.step_cache],
        )

    def fingerprint(self, request: Request) -> Hashable:
        source = request.source
        return (source and source.key, self._source_time(request))

    def pointwise(self, request: Request) -> bool:
        return request.source is not None and keeps_size(request.source.info, NONE, request)

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        time = self._source_time(request)
        return Frame.empty() if time is None else placed(_clip(request.source), time, NONE, request)

    def _source_time(self, request: Request) -> Fraction | None:
        count = _frames_made(request.source, self.frames)
        local = self.clip_time(request.time, Fraction(count, self.fps))
        return None if local is None else middle_of_frame(local, Fraction(self.fps), count)


def _clip(source: MediaSource | None) -> MediaSource:
    if source is None:
        raise ValueError("the engine opened no generated clip for this node")
    return source


def _frames_made(source: MediaSource | None, asked: int) -> int:
    """A model may make fewer or more frames than it was asked for: the nearest that it can."""
    streams = source.info.video_streams if source is not None else ()
    return int(streams[0].frame_count) if streams and streams[0].frame_count else asked
