"""What a node is given to work with. The engine implements these protocols; nodes only call them."""

from collections.abc import Callable, Hashable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes.audio import Audio
from artifex.nodes.frame import Frame, Pixels, Window
from artifex.nodes.ports import Input, Output

if TYPE_CHECKING:
    import PyOpenColorIO

    from artifex.nodes.parameters import Float


class MediaSource(Protocol):
    """The media behind a node that has an asset or was generated."""

    @property
    def key(self) -> str:
        """Identifies the content; part of cache keys."""
        ...

    @property
    def path(self) -> Path:
        """The file itself, for what is no picture and no sound, such as a look. Its name says nothing of its kind."""
        ...

    @property
    def info(self) -> media.MediaInfo:
        """What the file holds."""
        ...

    def picture(self, time: Fraction, region: Window | None = None) -> Frame:
        """The picture shown `time` seconds after the first, upright, at (0, 0), in the working space, premultiplied.

        Before the first it is the first, after the last the last. With `region`, in pixels of the file, only what lies
        in there is converted: the file is decoded once for all the regions of one time. The pixels belong to the
        caller. Safe to call from several threads.
        """
        ...

    def samples(self, start: int, count: int, *, rate: int, channels: int) -> NDArray[np.float32]:
        """Samples `start` to `start + count` from the first picture's time, [channels, count]; silence outside."""
        ...


class Colour(Protocol):
    """Colour management in the document's working space."""

    @property
    def working_space(self) -> str:
        """The OCIO name of the scene-linear space that all pictures are in: "ACEScg"."""
        ...

    @property
    def luma(self) -> tuple[float, float, float]:
        """The weights of red, green and blue of the working space in CIE luminance; they sum to 1."""
        ...

    def from_display(self, color: tuple[float, float, float]) -> tuple[float, float, float]:
        """A display-encoded Rec.709 colour, as people pick them, in the working space."""
        ...

    def apply(self, key: Hashable, build: "Callable[[], PyOpenColorIO.Transform]", pixels: Pixels) -> None:
        """Changes the colour of straight (not premultiplied) RGBA pixels in place by an OCIO transform; alpha stays.

        `build` is called when no processor is kept under `key`, which must tell transforms apart.
        """
        ...


class Request(NamedTuple):
    """One result that is wanted of a node. A named tuple, since every frame needs one for every node."""

    time: Fraction
    """Seconds."""
    frame_rate: Fraction
    width: int
    """Of the document, in pixels at `scale`."""
    height: int
    """At `scale`, like `width` and `region`."""
    region: Window
    """Only pixels in here are wanted; more may be given."""
    output: Output
    source: MediaSource | None
    """For nodes with an asset and for materialised ones."""
    scale: Fraction = Fraction(1)
    """Pixels wanted for each of the document's: 1/4 is a proxy of a quarter of the width. A node multiplies its
    parameters in pixels by it, so that a proxy shows what the full picture will."""

    @property
    def format(self) -> Window:
        """The document's picture area."""
        return Window(0, 0, self.width, self.height)

    @property
    def surroundings(self) -> Window:
        """The document's picture area and as much again on every side.

        What a node keeps for others to move into view; it bounds memory however large things are made.
        """
        return self.format.grown(max(self.width, self.height))


class RenderContext(Protocol):
    """What `Node.render` can ask for."""

    @property
    def request(self) -> Request: ...

    @property
    def colour(self) -> Colour: ...

    @property
    def threads(self) -> int:
        """How many threads this rendering may take; 1 where others are at work."""
        ...

    def connected(self, port: Input) -> bool:
        """Whether the input is connected and was asked for by `frames_needed`."""
        ...

    def read(self, port: Input, time: Fraction | None = None) -> Frame:
        """The input's frame, at this node's time unless another is named. Its pixels must not be changed."""
        ...

    def take(self, port: Input, time: Fraction | None = None) -> Frame:
        """Like `read`, but the pixels are the node's own to change: without a copy where no one else needs them.

        A frame can be taken once, and not read afterwards.
        """
        ...


class SoundContext(Protocol):
    """What `Node.sound` can ask for: one block of samples."""

    @property
    def start(self) -> int:
        """The block's first sample, counted from the start of the document."""
        ...

    @property
    def count(self) -> int: ...

    @property
    def rate(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def source(self) -> MediaSource | None: ...

    def connections(self, port: Input) -> list[str]:
        """The connected names of an input, in order: `["audio", "audio.1"]`."""
        ...

    def read(self, name: str) -> Audio:
        """The block on one connection. Its samples must not be changed."""
        ...

    def automation(self, parameter: "Float", connection: str = "") -> NDArray[np.float64]:
        """A parameter's value at every sample of the block, float64 [count]; of one connection if declared `per` it."""
        ...
