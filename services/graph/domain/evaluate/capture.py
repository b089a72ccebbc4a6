"""Captures: renders one frame of the graph as a picture that a generation goes on from.

Meant for a child process, as rendering is. The same document and media give the same bytes, whoever looks.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2

from libs.chassis.errors import ArtifexError, FailedPrecondition, Internal
from libs.frames.codecs.stills import StillSettings
from libs.frames.still_writer import StillEncoder
from services.graph.domain.compile.captures import Place, PlannedCapture, capture_keys, captures_of
from services.graph.domain.compile.plan import Analysed, Compiled
from services.graph.domain.evaluate.allocation import keep_freed_memory
from services.graph.domain.evaluate.analysis import complete
from services.graph.domain.evaluate.colour import working_colour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.domain.evaluate.sources import Sources, open_sources

_PICTURE: Final = StillSettings("png", "8bit", alpha=False)


def capture_key(compiled: Compiled, sources: Sources, place: Place) -> str:
    """The key of the picture that `capture` makes. Errors as of `capture`; none of them need be the node's."""
    captures = captures_of(compiled)
    _planned(captures, place)
    found = capture_keys(compiled, captures, {node: file.digest for node, file in sources.items()}).get(place)
    if found is None:
        message = f'media that the picture for node "{place.node}" shows is not there yet'
        raise Internal(message, metadata={"node": place.node})
    return found


def capture(
    compiled: Compiled, sources: Sources, place: Place, analysed: Mapping[str, Analysed], out_path: Path, threads: int
) -> str:
    """The frame as a PNG at `out_path`; answers its media type.

    Eight bits of display-encoded Rec.709, over black: what a player shows, of the document's whole picture area. Where
    the input has one opaque picture in it, as a clip that is smaller has, it is that picture alone.

    `compiled` and `analysed` as of `analyse`. Raises FailedPrecondition where nothing is seen, the errors of
    libs.frames for media that cannot be read, and Internal naming the node.

    Memory: a frame in the making, and the frame cache.
    """
    planned = _planned(captures_of(compiled), place)
    compiled = complete(compiled, analysed, [planned.edge])
    colour = working_colour(compiled.settings.colorspace)
    cv2.setNumThreads(threads)
    keep_freed_memory()
    with (
        ThreadPoolExecutor(threads, thread_name_prefix="strips") as strips,
        open_sources(sources, colour, threads) as opened,
    ):
        puller = FramePuller(
            replace(compiled, picture=planned.edge, sound=None),
            dict(opened),
            colour,
            strips=strips,
            threads=threads,
            scratch=out_path.parent,
        )
        try:
            frame = puller.frame(planned.frame)
        except ArtifexError as error:
            error.metadata.setdefault("node", place.node)
            raise
    window = frame.window.intersect(puller.format)
    if window.empty:
        raise FailedPrecondition(
            f'nothing is seen on the input "{planned.input}" of node "{place.node}" in frame {planned.frame}, so the '
            "shot has no picture to go on from; choose another time, or look at what is connected",
            metadata={"node": place.node, "frame": str(planned.frame)},
        )
    pixels = frame.crop(window).filled(window).copy()
    if pixels[..., 3].min() < 1.0:
        pixels = frame.crop(puller.format).filled(puller.format).copy()
    # Premultiplied colour is what lies over black already.
    pixels[..., 3] = 1.0
    colour.encode(pixels)
    out_path.write_bytes(StillEncoder(_PICTURE, compiled.fps).encode(pixels))
    return "image/png"


def _planned(captures: Mapping[Place, PlannedCapture], place: Place) -> PlannedCapture:
    if place not in captures:
        message = f'the generation of node "{place.node}" goes on from no {place.role} picture'
        raise Internal(message, metadata={"node": place.node})
    return captures[place]
