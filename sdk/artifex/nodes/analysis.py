"""Analyses of a whole clip: what a node must know before any of its result can be made.

    class Level(Node):
        \"\"\"Turns a sound up until its loudest sample is at full scale.\"\"\"

        category = "Audio"
        audio = Input(AUDIO, "The sound.")
        levelled = Output(AUDIO, "The sound, at full level.", name="audio")
        analysis = Analysis("sample peak", inputs=[audio])

        def analyse(self, clip: Clip) -> float:
            return max(float(np.abs(block.read("audio").samples).max()) for block in clip.blocks())

        def sound(self, context: SoundContext) -> Audio:
            block = context.read("audio")
            return Audio(block.samples / np.float32(self.analysed or 1.0), block.rate)

A job runs each analysis once, before what needs it, and stores what was found under a key: of everything before the
inputs that the analysis reads, of the parameters that it names, of its version, and of how long the clip is. Whoever
renders the same again finds it there, also after changing a parameter that the analysis does not name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Protocol

from artifex.nodes.context import Colour, SoundContext
from artifex.nodes.errors import DeclarationError
from artifex.nodes.frame import Frame
from artifex.nodes.parameters import Parameter
from artifex.nodes.ports import AUDIO, VIDEO, Input

MAX_ANALYSED_BYTES: Final = 4 * 1024 * 1024
"""Of what an analysis found, as JSON: numbers for every frame of an hour, and no pictures."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """Declares what `Node.analyse` looks for and what that follows from: the class attribute `analysis` of a node."""

    name: str
    """What is looked for, for people: "loudness"."""
    inputs: Sequence[Input]
    """What it reads, VIDEO or AUDIO; of a `multiple` input all connections. Nothing else can be read."""
    parameters: Sequence[Parameter[Any]] = ()
    """What it depends on; no other parameter can be read while the clip is analysed."""
    version: str = "1"
    """Another one where `analyse` finds something else of the same clip: then what was stored is not used any more."""

    @property
    def sees(self) -> bool:
        """Whether it reads pictures."""
        return any(port.kind == VIDEO for port in self.inputs)

    def check(self, owner: str, inputs: dict[str, Input], parameters: dict[str, Parameter[Any]]) -> None:
        """Raises DeclarationError for what the type `owner`, which has these inputs and parameters, cannot declare."""
        if not self.name or not self.inputs:
            raise DeclarationError(f"the analysis of {owner} needs a name and an input that it reads")
        for port in self.inputs:
            if inputs.get(port.name) is not port:
                raise DeclarationError(f"{owner} has no input {port.name!r} for its analysis to read")
            if port.kind not in (VIDEO, AUDIO):
                raise DeclarationError(f"the analysis of {owner} reads {port.name!r}, which is neither video nor audio")
        for parameter in self.parameters:
            if parameters.get(parameter.name) is not parameter:
                raise DeclarationError(f"{owner} has no parameter {parameter.name!r} for its analysis to read")


class Clip(Protocol):
    """What `Node.analyse` can ask for: the whole of what its inputs will be, at full size."""

    @property
    def frame_count(self) -> int:
        """Of the document."""
        ...

    @property
    def frame_rate(self) -> Fraction: ...

    @property
    def sample_count(self) -> int:
        """Of each channel: exactly as long as the frames."""
        ...

    @property
    def rate(self) -> int:
        """Samples a second."""
        ...

    @property
    def channels(self) -> int: ...

    @property
    def colour(self) -> Colour: ...

    def connections(self, port: Input) -> list[str]:
        """The connected names of an input, in order; empty for one that is not connected."""
        ...

    def frames(self, port: Input) -> Iterator[Frame]:
        """Every frame on the input, first to last, of the document's picture area. Pixels must not be changed."""
        ...

    def blocks(self) -> Iterator[SoundContext]:
        """The whole clip in blocks of sound, first to last, each as `Node.sound` would be given it."""
        ...
