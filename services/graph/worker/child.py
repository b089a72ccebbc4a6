"""What runs inside a render worker's child process: the evaluator, called with a JSON request.

It decodes users' files and evaluates users' graphs, so it may crash, hang or be killed at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

from google.protobuf import json_format

from artifex.media.v1 import messages_pb2 as media_pb2
from libs.frames.errors import MediaError
from libs.kernels.room import ROOMS
from services.graph.domain.compile.analyses import decode
from services.graph.domain.compile.captures import Place
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.plan import Compiled
from services.graph.domain.evaluate.analysis import analyse, analysis_key
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.capture import capture, capture_key
from services.graph.domain.evaluate.disk_cache import DiskCache
from services.graph.domain.evaluate.evaluator import render_audio, render_frames
from services.graph.domain.evaluate.plans import Plans
from services.graph.domain.evaluate.pull import CACHE_BYTES
from services.graph.domain.evaluate.shelf import SourceShelf
from services.graph.domain.evaluate.sources import SourceFile, Sources

Progress = Callable[[dict[str, Any]], None]


def run(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Render the frames, or the sound, that the request asks for into the file it names, or analyse a whole clip, or
    capture one frame.

    `request`: `kind` ("frames", "audio", "analyse" or "capture"), `document` (JSON text), `output_node`, `sources` (by
    node: `path`, `media` as the JSON of a MediaInfo, and the content's `digest`), `output` (path) and `analysed` (by
    node: what was found of the clip before, as JSON text). For frames also `first_frame`, `frame_count` and `threads`,
    if it likes `frame_cache` (a folder for results that later renders may need, `path` and `bytes`) and `watch` (true
    to be told which nodes are about to be evaluated); to analyse, the `node` that it is for and `threads`; to capture,
    the `node`, the `role` of the picture ("first", "last") and `threads`.
    Tells `{"frames_done": n}` as it goes on, of the sound nothing; with `watch` also `{"nodes": [ids]}`. Answers the
    file's `media_type` and how many `seconds` it took. A request of kind "describe" alone is answered with the
    `node_types` that can be evaluated here; one of kind "analysis_key" or "capture_key", in all else as "analyse" or
    "capture", with the `key` alone.
    """
    if request["kind"] == "describe":
        return {"node_types": [f"{schema.type} {schema.version}" for schema in catalogue().schemas()]}
    if request["kind"] == "analysis_key":
        sources = _sources(request)
        return {"key": analysis_key(_plan(request, sources), sources, request["node"])}
    if request["kind"] == "capture_key":
        sources = _sources(request)
        return {"key": capture_key(_plan(request, sources), sources, Place(request["node"], request["role"]))}
    begin = monotonic()
    try:
        media_type = _render(request, progress)
    except MediaError as error:
        raise _named(error, request) from error
    return {"media_type": media_type, "seconds": monotonic() - begin}


def _render(request: dict[str, Any], progress: Progress) -> str:
    sources = _sources(request)
    compiled = _plan(request, sources)
    analysed = {node: decode(text) for node, text in request.get("analysed", {}).items()}
    output = Path(request["output"])
    if request["kind"] == "audio":
        return render_audio(compiled, sources, output, lambda done: progress({}), analysed=analysed)
    if request["kind"] == "analyse":
        return analyse(
            compiled,
            sources,
            request["node"],
            analysed,
            output,
            request["threads"],
            lambda done: progress({"frames_done": done}),
        )
    if request["kind"] == "capture":
        place = Place(request["node"], request["role"])
        return capture(compiled, sources, place, analysed, output, request["threads"])
    frame_cache = request.get("frame_cache")
    return render_frames(
        compiled,
        sources,
        request["first_frame"],
        request["frame_count"],
        output,
        request["threads"],
        lambda done: progress({"frames_done": done}),
        cache=_memory,
        shelf=_shelf,
        disk=_disk(frame_cache["path"], frame_cache["bytes"]) if frame_cache else None,
        watch=(lambda nodes: progress({"nodes": list(nodes)})) if request.get("watch") else None,
        analysed=analysed,
    )


def _named(error: MediaError, request: dict[str, Any]) -> MediaError:
    """The error by the name of the asset: its file is called by its digest here, which tells nobody anything."""
    sources = _sources(request)
    assets = _plan(request, sources).assets
    for node, source in sources.items():
        if source.path.name == error.metadata.get("file") and node in assets:
            named = error.of(f"asset {assets[node].rpartition('/')[2]}")
            named.metadata = error.metadata | {"file": named.metadata["file"]}
            return named
    return error


def _plan(request: dict[str, Any], sources: Sources) -> Compiled:
    return _plans.of(request["document"], request["output_node"], sources)


def _sources(request: dict[str, Any]) -> dict[str, SourceFile]:
    return {
        node: SourceFile(
            Path(source["path"]),
            json_format.ParseDict(source["media"], media_pb2.MediaInfo()),
            source.get("digest", ""),
        )
        for node, source in request["sources"].items()
    }


def rest() -> None:
    """Called when no request follows at once: what was kept for the next picture is given back."""
    ROOMS.empty()


_memory = FrameCache(CACHE_BYTES)
"""For all renders of the process: the next chunk of a movie finds what never changes."""


_plans = Plans()
"""The next chunk is of the same document."""


_shelf = SourceShelf(8)
"""As many as comps mostly have plates."""


@cache
def _disk(path: str, max_bytes: int) -> DiskCache:
    return DiskCache(Path(path), max_bytes)
