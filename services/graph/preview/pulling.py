"""Pulling windows of frames at proxy scales through a document that keeps changing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Final

from artifex.nodes import Pixels, Window
from libs.chassis.errors import Cancelled
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.pull import FramePuller, Keep
from services.graph.domain.evaluate.sources import DraftSource
from services.graph.preview.scene import Ready

_DRAFTS_FROM: Final = Fraction(1, 2)
"""A playback in this scale, or a coarser one, may be made from pictures that are averaged before they become light."""


class GivenUp(Exception):
    """Something newer is wanted."""


Pull = Callable[[int, Window, Fraction, Callable[[], bool]], Pixels]
"""Gives exactly a window of a frame, in pixels at a scale: [height, width, 4], in the working space, premultiplied.

Raises GivenUp soon after the last argument returns true, and what `FramePuller.frame` raises.
"""


class Puller:
    """Keeps one cache for all revisions and scales: what an edit leaves as it was is not computed again."""

    def __init__(self, cache_bytes: int, threads: int) -> None:
        self._cache = FrameCache(cache_bytes)
        self._threads = threads
        self._strips = ThreadPoolExecutor(threads, "strips") if threads > 1 else None
        self._pullers: dict[tuple[Fraction, bool], FramePuller] = {}
        self._ready: Ready | None = None

    def use(self, ready: Ready) -> None:
        """From now on frames are those of this revision."""
        # A new dictionary: those who pull frames of the revision before may still be at it.
        self._ready, self._pullers = ready, {}

    def pull(self, *, alone: bool) -> Pull:
        """Pulls frames of the present revision, also later: `alone` on all threads, else many side by side."""
        ready, pullers = self._ready, self._pullers
        assert ready is not None

        def pull(frame: int, window: Window, scale: Fraction, unwanted: Callable[[], bool]) -> Pixels:
            puller = pullers.get((scale, alone))
            if puller is None:
                puller = pullers[scale, alone] = self._puller(ready, scale, alone=alone)
            try:
                return puller.frame(frame, window, _Cancel(unwanted)).filled(window)
            except Cancelled as error:
                raise GivenUp from error

        return pull

    def _puller(self, ready: Ready, scale: Fraction, *, alone: bool) -> FramePuller:
        # What passes by may be a little off, and what stands may not.
        passing = not alone and scale <= _DRAFTS_FROM
        sources = {
            node: DraftSource(file) if passing and file.info.video_streams and not file.info.sequence.pattern else file
            for node, file in ready.sources.items()
        }
        return FramePuller(
            ready.compiled,
            sources,
            ready.colour,
            cache=self._cache,
            keep=Keep.COSTLY,
            scale=scale,
            strips=self._strips if alone else None,
            threads=self._threads if alone else 1,
        )


class _Cancel:
    """Implements `pull.Cancel`."""

    def __init__(self, unwanted: Callable[[], bool]) -> None:
        self._unwanted = unwanted

    def is_set(self) -> bool:
        return self._unwanted()
