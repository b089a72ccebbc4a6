"""The base class of nodes."""

import inspect
import re
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from artifex.generator.v1 import messages_pb2 as generator
from artifex.media.v1 import messages_pb2 as media
from artifex.nodes.analysis import Analysis, Clip
from artifex.nodes.audio import Audio
from artifex.nodes.capture import Capture
from artifex.nodes.context import Colour, MediaSource, RenderContext, Request, SoundContext
from artifex.nodes.errors import DeclarationError
from artifex.nodes.frame import Frame, Window
from artifex.nodes.motion import Motion
from artifex.nodes.parameters import REQUIRED, Asset, Parameter
from artifex.nodes.parameters.asset import Holds
from artifex.nodes.ports import Input, Output
from artifex.nodes.upgrades import Upgrade, parse_version

if TYPE_CHECKING:
    import PyOpenColorIO

_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+")
MAX_MOMENTS: Final = 1024
"""Of one result: each is a node of its own."""


@dataclass(frozen=True)
class NodeSchema:
    """What a node class declares, collected once."""

    type: str
    version: str
    category: str
    summary: str
    documentation: str
    inputs: Mapping[str, Input]
    outputs: Mapping[str, Output]
    parameters: Mapping[str, Parameter[Any]]
    upgrades: tuple[Upgrade, ...] = ()
    """What brings nodes of older versions forward."""

    @cached_property
    def asset_parameter(self) -> str | None:
        """The parameter whose asset the engine opens as `request.source`."""
        return next((name for name, parameter in self.parameters.items() if isinstance(parameter, Asset)), None)

    @cached_property
    def asset_holds(self) -> Holds | None:
        """What that asset must be; None where there is none."""
        name = self.asset_parameter
        parameter = self.parameters[name] if name is not None else None
        return parameter.holds if isinstance(parameter, Asset) else None


class Node:
    """A node type, and its instances: the node at one time, all parameters resolved to values.

    A subclass declares `Input`s, `Output`s and parameters as class attributes, and implements `render` for pictures
    and masks, `sound` for audio, or both. Its class name is its type, its docstring its documentation, the docstring's
    first line its summary. Instances hold nothing but values, so `render` depends on nothing but them and the context;
    this is what makes any frame renderable alone and in any process.
    """

    category: ClassVar[str] = ""
    version: ClassVar[str] = "1.0.0"
    """Semantic; a new major version changes what old documents mean, and needs an `upgrade` for them."""
    main: ClassVar[str] = ""
    """The input that passes through where the node is bypassed; empty for the first of the output's kind."""
    monitor: ClassVar[bool] = False
    """Of a sink: whether it only shows. It writes nothing, and is rendered when it is asked for by name."""
    pack: ClassVar[str] = ""
    """The package that a type came with, and its version: the engine fills it in. Empty for built-in types."""
    time_dependent: ClassVar[bool] = False
    """Whether results change with time though no parameter and no input does."""
    analysis: ClassVar[Analysis | None] = None
    """What must be known of the whole clip before any of the result can be made; found by `analyse`."""
    analysed: Any = None
    """What `analyse` found, wherever the node makes its result. None where `needs_analysis` is false, and in previews,
    which show the picture without it."""
    then: "tuple[Node, ...]" = ()
    """The node at the times that `moments` names, in that order and exactly as many; of sound none."""
    schema: ClassVar[NodeSchema]

    def __init_subclass__(cls, *, sink: bool = False, base: bool = False) -> None:
        """`sink`: the node has no outputs and ends a graph. `base`: shared declarations, no node type itself."""
        super().__init_subclass__()
        if not base:
            cls.schema = _collect(cls, sink)

    def __init__(self, values: Mapping[str, Any]) -> None:
        """`values`: one typed value per parameter; parameters declared `per` an input under each connection's name."""
        self.values = values

    def misfits(self, width: int, height: int) -> Iterable[tuple[str, str]]:
        """Parameters whose values, each good by itself, do not go together: their names, and what to do instead.

        Asked before anything is rendered, of the node at time 0. `width` and `height` are the document's, in pixels.
        """
        return ()

    def misconnected(self, connected: Collection[str]) -> Iterable[tuple[str, str]]:
        """Inputs that, connected or not, do not go with the parameters: their names, and what to do instead.

        Asked as `misfits` is. `connected`: the declared names of the inputs that are.
        """
        return ()

    def mismatched(self, info: media.MediaInfo) -> Iterable[tuple[str, str]]:
        """Parameters that do not go with what the node's asset holds: their names, and what to do instead.

        Asked as `misfits` is, once the asset is known.
        """
        return ()

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        """The times at which the input `name` is read for `request`; empty when it is not read at all."""
        return (request.time,)

    def moments(self, request: Request) -> Sequence[Fraction]:
        """Times besides its own at which the node wants to know its own parameters, such as those of a shutter.

        The engine gives the node at each of them as `then`, before it asks anything else about `request`; those
        nodes have no `then` themselves. They count as part of the fingerprint: where they are alike so is the result.
        At most `MAX_MOMENTS`; a time may lie before 0, where the first key holds.
        """
        return ()

    def region_needed(self, name: str, request: Request) -> Window:
        """The part of the input `name` that `request` needs."""
        return request.region

    def fingerprint(self, request: Request) -> Hashable:
        """What the result depends on besides type, version, inputs, region and output: by default all parameters.

        Two requests with equal fingerprints and equal inputs must have bit-equal results. `repr` of it must say all
        of it. Far cheaper than rendering, since it is asked for before every frame.
        """
        return tuple(sorted(self.values.items()))

    def identity(self, request: Request) -> str | None:
        """The input whose frame at `request.time` is the result, unchanged; None when there is something to do.

        The engine then passes that frame on without asking for `render`, under the input's own cache key.
        """
        return None

    def pointwise(self, request: Request) -> bool:
        """Whether every pixel of the result depends on nothing but the same pixel of the inputs.

        `region_needed` must then be the region itself. The engine evaluates neighbouring point operations strip by
        strip, all of them on one strip while it is in the processor's cache, on several threads.
        """
        return False

    def grade(self, colour: Colour, source: MediaSource | None) -> "Sequence[PyOpenColorIO.Transform] | None":
        """For a node that changes colour alone, the same way everywhere: its OCIO transforms, for straight colour.

        It then has one picture input and one picture output, and joins its neighbours of the same kind in one
        processor, kept under their fingerprints and the keys of their sources: transforms do not tell their contents.
        Alpha does not pass through. `source` is the node's own, as in a request. None where the node is no such one
        with its present values, such as a look that is mixed in by half; then it is asked to `render`, as all others.
        """
        return None

    def motion(self, window: Window, request: Request) -> Motion | None:
        """For a node that does nothing but move its picture: where to, given the input's data window.

        None for all other nodes. A type that overrides this gives a motion whatever its parameters are. It has one
        picture input and one picture output, needs no `render`, and joins its neighbours of the same kind in one
        resampling, which uses the last one's filter.
        """
        return None

    def cost(self, request: Request) -> float | None:
        """Nanoseconds that a pixel of the result takes on one core of a present processor, roughly.

        For showing where a frame's time goes before it has been rendered. None where the engine's own figures, or its
        guess, will do.
        """
        return None

    def render(self, context: RenderContext) -> Frame:
        """The picture or mask that `context.request` asks for."""
        raise NotImplementedError(f"{type(self).__name__} makes no pictures")

    def sound(self, context: SoundContext) -> Audio:
        """The block of samples that `context` asks for; blocks may be asked for in any order and size."""
        raise NotImplementedError(f"{type(self).__name__} makes no sound")

    def extent(self, info: media.MediaInfo | None) -> Fraction | None:
        """When the node's own media ends, in seconds of the document; None for a node that has no end of its own.

        A document without a duration lasts until the last of these. `info` describes the node's asset.
        """
        return None

    def needs_analysis(self) -> bool:
        """Whether the declared `analysis` is needed with the present parameters. Asked of the node at time 0."""
        return True

    def analyse(self, clip: Clip) -> Any:
        """What `analysis` declares, of the whole clip: a value as JSON has it, the same whoever looks.

        At most `MAX_ANALYSED_BYTES` of JSON, of finite numbers and not None. The node has the declared parameters only,
        with their values at time 0; within a block `automation` gives them at every sample.
        """
        raise NotImplementedError(f"{type(self).__name__} analyses nothing")

    def materialise(self) -> generator.GenerationSpec | None:
        """For nodes whose result is generated once, ahead of rendering, and then read as media: what to generate.

        The clip stands ready as `request.source` when the node renders.
        """
        return None

    def captures(self) -> Sequence[Capture]:
        """The frames of its inputs that what `materialise` asks for goes on from: at most one in each role.

        Asked of the node at time 0; those of inputs that are not connected are left out. An input that is read here
        lends the node no length (see `extent`), and `frames_needed` should ask for nothing of it.
        """
        return ()


def _collect(cls: type[Node], sink: bool) -> NodeSchema:
    inputs: dict[str, Input] = {}
    outputs: dict[str, Output] = {}
    parameters: dict[str, Parameter[Any]] = {}
    upgrades: list[Upgrade] = []
    for base in reversed(cls.__mro__):
        for name, declared in vars(base).items():
            if isinstance(declared, Input):
                inputs[name] = declared
            elif isinstance(declared, Output):
                if declared.name in outputs:
                    raise DeclarationError(f"{cls.__name__} declares the output {declared.name!r} twice")
                outputs[declared.name] = declared
            elif isinstance(declared, Parameter):
                parameters[name] = declared
            elif isinstance(declared, Upgrade):
                upgrades.append(declared)
    if shadowed := (inputs.keys() | parameters.keys()) & vars(Node).keys():
        raise DeclarationError(f"{cls.__name__} may not call an input or parameter {min(shadowed)!r}")
    for name, parameter in parameters.items():
        if parameter.per is not None and (parameter.per.name not in inputs or not parameter.per.multiple):
            raise DeclarationError(f"{cls.__name__}.{name} is declared per an input that is not multiple")
        if parameter.per is not None and parameter.default is REQUIRED:
            raise DeclarationError(f"{cls.__name__}.{name} is declared per connection and needs a default")
    if (cls.analysis is None) != (cls.analyse is Node.analyse):
        raise DeclarationError(f"{cls.__name__} must either declare an `analysis` and implement `analyse`, or neither")
    if cls.analysis is not None:
        cls.analysis.check(cls.__name__, inputs, parameters)
    if sink == bool(outputs):
        raise DeclarationError(f"{cls.__name__} must either declare an output or be a sink")
    if not _TYPE.fullmatch(cls.__name__) or not _VERSION.fullmatch(cls.version) or not cls.category:
        raise DeclarationError(f"{cls.__name__} needs a type of letters and digits, a version x.y.z and a category")
    current = parse_version(cls.version)
    if any(current is None or step.to > current for step in upgrades):
        raise DeclarationError(f"{cls.__name__} is at version {cls.version}, and an upgrade leads beyond that")
    if not cls.__dict__.get("__doc__"):
        raise DeclarationError(f"{cls.__name__} needs a docstring: it is the node's documentation")
    documentation = inspect.cleandoc(cls.__doc__ or "")
    return NodeSchema(
        type=cls.__name__,
        version=cls.version,
        category=cls.category,
        summary=documentation.splitlines()[0],
        documentation=documentation,
        inputs=inputs,
        outputs=outputs,
        parameters=parameters,
        upgrades=tuple(sorted(upgrades, key=lambda step: (step.since, step.to))),
    )
