"""What a node sees while it renders, of a whole frame or of a strip."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

import numpy as np

from artifex.nodes import Frame, Input, Pixels, Request
from libs.kernels.room import ROOMS
from services.graph.domain.evaluate.colour import WorkingColour


class Held(Protocol):
    """A result, with its readers counted."""

    frame: Frame | None
    readers: int
    shared: bool


class StripResult:
    """A result of a strip. Implements `Held`."""

    __slots__ = ("frame", "readers", "shared")

    def __init__(self, frame: Frame | None, readers: int, *, shared: bool) -> None:
        self.frame = frame
        self.readers = readers
        self.shared = shared


class Context:
    """Implements `artifex.nodes.RenderContext`."""

    __slots__ = ("_colour", "_needs", "_read", "_request", "_spare", "_threads")

    def __init__(
        self,
        request: Request,
        colour: WorkingColour,
        needs: Sequence[tuple[str, Fraction, Held]],
        spare: Pixels | None = None,
        threads: int = 1,
    ) -> None:
        """`spare`: memory that the first frame of its shape may be copied to when it is to be changed."""
        self._request = request
        self._colour = colour
        self._needs = needs
        self._read: list[Held] = []
        self._spare = spare
        self._threads = threads

    @property
    def request(self) -> Request:
        return self._request

    @property
    def colour(self) -> WorkingColour:
        return self._colour

    @property
    def threads(self) -> int:
        return self._threads

    def connected(self, port: Input) -> bool:
        return any(name == port.name for name, _, _ in self._needs)

    def read(self, port: Input, time: Fraction | None = None) -> Frame:
        held, frame = self._find(port, time)
        self._read.append(held)
        pixels = frame.pixels.view()
        pixels.setflags(write=False)
        return Frame(pixels, frame.x, frame.y, frame.opaque)

    def take(self, port: Input, time: Fraction | None = None) -> Frame:
        held, frame = self._find(port, time)
        if owned(held, frame):
            return frame
        return self.copied(frame)

    def copied(self, frame: Frame) -> Frame:
        """A copy of `frame` to change, in the spare memory if that fits and is free."""
        return Frame(self.room_for(frame, copy=True), frame.x, frame.y, frame.opaque)

    def room_for(self, frame: Frame, *, copy: bool = False) -> Pixels:
        """Memory for a frame of this shape, with its pixels or without."""
        spare, self._spare = self._spare, None
        if spare is None or spare.shape != frame.pixels.shape:
            self._spare = spare
            return frame.pixels.copy() if copy else ROOMS.take(frame.pixels.shape)
        if copy:
            np.copyto(spare, frame.pixels)
        return spare

    @property
    def spare(self) -> Pixels | None:
        """What is left of the spare memory."""
        return self._spare

    def shares(self, frame: Frame) -> bool:
        """Whether a node passed on pixels that it only read; those must not be changed by anyone then."""
        sharing = [held for held in self._read if held.frame and np.may_share_memory(held.frame.pixels, frame.pixels)]
        for held in sharing:
            held.shared = True
        return bool(sharing)

    def only(self) -> tuple[Held, Frame]:
        """The frame of the only input, of nodes that the engine does itself."""
        ((_, _, held),) = self._needs
        assert held.frame is not None
        return held, held.frame

    def _find(self, port: Input, time: Fraction | None) -> tuple[Held, Frame]:
        asked = self._request.time if time is None else time
        for name, at, held in self._needs:
            if name == port.name and (at is asked or at == asked):
                assert held.frame is not None
                return held, held.frame
        raise LookupError(f"the input {port.name} is not connected, or was not asked for at this time")


def owned(held: Held, frame: Frame) -> bool:
    """Whether the reader may change the pixels: nobody else needs them."""
    return held.readers == 1 and not held.shared and frame.pixels.flags.writeable
