"""Renders a range of frames, or the sound, of a compiled document to a file.

Both functions run to their end in the calling thread and are meant for a child process that can be killed: the files
they read come from users. The same plan, sources, range and number of threads give the same bytes.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import Any, Final

import cv2

from artifex.nodes import MediaSource, sample_at
from libs.chassis.errors import OutOfRange
from services.graph.domain.compile.plan import Analysed, Compiled
from services.graph.domain.documents.model import SAMPLE_RATE
from services.graph.domain.evaluate.ahead import in_order
from services.graph.domain.evaluate.allocation import keep_freed_memory
from services.graph.domain.evaluate.analysis import complete
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.colour import WorkingColour, working_colour
from services.graph.domain.evaluate.disk_cache import DiskCache
from services.graph.domain.evaluate.mixdown import SoundPuller
from services.graph.domain.evaluate.output import SoundWriter, open_segment
from services.graph.domain.evaluate.pull import FramePuller, Watch
from services.graph.domain.evaluate.shelf import SourceShelf
from services.graph.domain.evaluate.sources import Sources, open_sources

BLOCK: Final = SAMPLE_RATE
"""Samples mixed at once: a second."""

Progress = Callable[[int], None]
"""Takes the number of frames done so far."""


def render_frames(
    compiled: Compiled,
    sources: Sources,
    first: int,
    count: int,
    out_path: Path,
    threads: int,
    progress: Progress,
    *,
    cache: FrameCache | None = None,
    disk: DiskCache | None = None,
    watch: Watch | None = None,
    shelf: SourceShelf | None = None,
    analysed: Mapping[str, Analysed] | None = None,
) -> str:
    """Frames `first` to `first + count` as one segment at `out_path`, complete and proved by decoding when it returns.

    Answers the segment's media type.

    `compiled` is the plan for these sources (plans.py), which hold, by node, the local file and description of every
    asset and every generated clip. Up to `threads` frames are evaluated side by side while others are encoded; a frame
    alone is divided into strips. Decoders and encoder have as many threads each. `cache` and `disk` may have served
    other documents; `disk` is what makes a second render cheap after a change near the output, and `shelf` what lets
    the next chunk begin where this one ends. `analysed` is what was found of the whole clip before, by node (see
    analysis.py). `progress` is called after every frame, `watch` with the nodes that are about to be evaluated. Raises
    OutOfRange, the errors of libs.frames for media that cannot be read, and Internal naming the node and the frame.

    Memory: `threads` + 2 frames in the making (see pull.py), of which one waits and one is encoded, and the caches.
    """
    if first < 0 or count < 1 or first + count > compiled.frame_count:
        raise OutOfRange(f"frames {first} to {first + count} are not within the document's {compiled.frame_count}")
    compiled = complete(compiled, analysed or {}, [compiled.picture] if compiled.picture else [])
    side_by_side = min(max(1, threads), count)
    within = 1 if side_by_side > 1 else max(1, threads)
    cv2.setNumThreads(within)
    keep_freed_memory()
    colour = working_colour(compiled.settings.colorspace)
    with (
        ThreadPoolExecutor(within, thread_name_prefix="strips") as strips,
        (shelf or SourceShelf(0)).open(sources, colour, threads) as opened,
        open_segment(out_path, compiled, colour, threads, first) as segment,
    ):
        puller = FramePuller(
            compiled,
            opened,
            colour,
            cache=cache,
            disk=disk,
            strips=strips,
            threads=within,
            scratch=out_path.parent,
            watch=watch,
        )

        def make(index: int, unwanted: Event) -> Any:
            return segment.prepare(puller.frame(index, cancel=unwanted))

        # Closed before the sources are, whatever happens: frames in the making still read them.
        with closing(in_order(make, first, count, side_by_side)) as made:
            for done, prepared in enumerate(made, start=1):
                segment.append(prepared)
                progress(done)
    segment.prove()
    return segment.media_type


def render_audio(
    compiled: Compiled,
    sources: Sources,
    out_path: Path,
    progress: Progress,
    *,
    analysed: Mapping[str, Analysed] | None = None,
) -> str:
    """The whole sound at `out_path`, exactly as long as the frames, proved by decoding; answers its media type.

    `compiled`, `analysed` and errors as of `render_frames`.
    """
    compiled = complete(compiled, analysed or {}, [compiled.sound] if compiled.sound else [])
    colour = WorkingColour(compiled.settings.colorspace)
    total = sample_at(compiled.frame_count / compiled.fps, SAMPLE_RATE)
    with (
        open_sources(sources, colour, threads=1) as opened,
        SoundWriter(out_path, compiled) as sound,
    ):
        files: dict[str, MediaSource] = dict(opened)
        puller = SoundPuller(compiled, files)
        for start in range(0, total, BLOCK):
            end = min(start + BLOCK, total)
            sound.write(puller.block(start, end - start).samples)
            progress(int(Fraction(end, SAMPLE_RATE) * compiled.fps))
    sound.prove()
    return sound.media_type
