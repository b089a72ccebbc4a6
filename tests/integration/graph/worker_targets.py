"""Evaluators that fail on purpose, in the place of the real one in a render worker's child process."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from libs.chassis.errors import Internal, InvalidArgument, Unavailable

DEADLY_FRAME = 9


def run(request: dict[str, Any], progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """What the document names happens at frame 9: "crash", "bug", "media" or "outage"; "well" writes a file."""
    if request["kind"] == "describe":
        return {"node_types": []}
    how = request["document"]
    if request["kind"] in ("analysis_key", "analyse", "audio"):
        return _analysed(request, Path(how))
    if request["kind"] in ("capture_key", "capture"):
        return _captured(request, Path(how))
    for done in range(request["frame_count"]):
        if request.get("watch"):
            progress({"nodes": ["plate"]})
            progress({"nodes": ["key"]})
        if request["first_frame"] + done == DEADLY_FRAME:
            _fail(how)
        progress({"frames_done": done + 1})
    Path(request["output"]).write_bytes(b"segment")
    return {"media_type": "video/mp4", "seconds": 0.5}


def _analysed(request: dict[str, Any], log: Path) -> dict[str, Any]:
    """The document names a file that tells how often the clip was analysed; the first time ends the process."""
    if request["kind"] == "analysis_key":
        return {"key": "c0ffee" + request["node"]}
    if request["kind"] == "analyse":
        with log.open("a") as lines:
            lines.write(f"{request['node']} {json.dumps(request['analysed'])}\n")
        if len(log.read_text().splitlines()) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        Path(request["output"]).write_text(json.dumps({"node": request["node"]}))
        return {"media_type": "application/json", "seconds": 0.25}
    Path(request["output"]).write_text(json.dumps(request["analysed"], sort_keys=True))
    return {"media_type": "audio/mp4", "seconds": 0.5}


def _captured(request: dict[str, Any], log: Path) -> dict[str, Any]:
    """The document names a file that tells how often a frame was captured; the first time ends the process."""
    if request["kind"] == "capture_key":
        return {"key": "decade" + request["node"] + request["role"]}
    with log.open("a") as lines:
        lines.write(f"{request['node']} {request['role']}\n")
    if len(log.read_text().splitlines()) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    Path(request["output"]).write_bytes(b"picture")
    return {"media_type": "image/png", "seconds": 0.25}


def _fail(how: str) -> None:
    place = {"node": "key", "frame": str(DEADLY_FRAME)}
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "bug":
        raise Internal("secrets of the house", metadata=place)
    if how == "media":
        raise InvalidArgument("the file ends here", reason="ERROR_REASON_MEDIA_TRUNCATED", metadata=place)
    if how == "outage":
        raise Unavailable("the store does not answer")
