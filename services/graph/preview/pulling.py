"""Pulling windows of frames at proxy scales through a document that keeps changing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

from artifex.nodes import Pixels, Window
from libs.chassis.errors import Cancelled
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.pull import FramePuller, Keep
from services.graph.preview.scene import Ready


class GivenUp(Exception):
    """Something newer is wanted."""


class Puller:
    """Keeps one cache for all revisions and scales: what an edit leaves as it was is not computed again."""

    def __init__(self, cache_bytes: int, threads: int) -> None:
        self._cache = FrameCache(cache_bytes)
        self._threads = threads
        self._strips = ThreadPoolExecutor(threads, "strips") if threads > 1 else None
        self._ready: Ready | None = None
        self._pullers: dict[Fraction, FramePuller] = {}

    def use(self, ready: Ready) -> None:
        """From now on frames are those of this revision."""
        self._ready = ready
        self._pullers.clear()

    def pull(self, frame: int, window: Window, scale: Fraction, unwanted: Callable[[], bool]) -> Pixels:
        """Exactly `window`, in pixels at `scale`: [height, width, 4], in the working space, premultiplied.

        Raises GivenUp soon after `unwanted` is true, and what `FramePuller.frame` raises.
        """
        puller = self._pullers.get(scale)
        if puller is None:
            puller = self._pullers[scale] = self._puller(scale)
        try:
            return puller.frame(frame, window, _Cancel(unwanted)).filled(window)
        except Cancelled as error:
            raise GivenUp from error

    def _puller(self, scale: Fraction) -> FramePuller:
        ready = self._ready
        assert ready is not None
        return FramePuller(
            ready.compiled,
            ready.sources,
            ready.colour,
            cache=self._cache,
            keep=Keep.COSTLY,
            scale=scale,
            strips=self._strips,
            threads=self._threads,
        )


class _Cancel:
    """Implements `pull.Cancel`."""

    def __init__(self, unwanted: Callable[[], bool]) -> None:
        self._unwanted = unwanted

    def is_set(self) -> bool:
        return self._unwanted()
