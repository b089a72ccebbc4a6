"""A ten-minute movie in 1080p: no process needs more memory for it than for ten seconds, and every frame is in place.

The footage carries its frames' numbers and a sound that is different every second (bench/numbered.py). It is rendered
whole by one worker, graded and titled, and its first seconds alone are rendered in another studio, so that neither
starts with what the other left behind. Then the long movie is decoded and read, frame by frame and second by second.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from artifex.client import Client
from artifex.up import Stack
from bench import numbered
from bench.memory import table, watched
from bench.studio import FRAME_RATE, render, say

SHORT, LONG = 10, 600
CLAIM = 1.05


@dataclass(frozen=True)
class Rendered:
    """One job: the peak bytes of each process, the seconds that it took, and its movie."""

    peaks: dict[str, int]
    took: float
    movie: Path


async def run() -> bool:
    with tempfile.TemporaryDirectory(prefix="artifex-bench-") as folder:
        short = await measure(Path(folder), SHORT)
        long = await measure(Path(folder), LONG)
        began = time.monotonic()
        found = numbered.check(long.movie, LONG)
        read = time.monotonic() - began
        size = long.movie.stat().st_size
    level = table(
        f"long: {SHORT} s against {LONG} s of 1080p with sound", (SHORT, LONG), short.peaks, long.peaks, CLAIM
    )
    frames = LONG * FRAME_RATE
    rate = frames / long.took
    say(f"rendered {frames} frames in {long.took:.0f} s ({rate:.1f} a second), a movie of {size >> 20} MiB")
    say(f"read {found.frames} of them in {read:.0f} s; sound correlates by {found.lowest_likeness:.3f} or more")
    for problem in found.problems:
        say(f"- {problem}")
    exact = not found.problems
    say(
        f"claimed: frames 0 to {frames - 1} each once, in order and at n / {FRAME_RATE} s, all sound at its sample: "
        f"{'reached' if exact else 'NOT reached'}"
    )
    return level and exact


async def measure(folder: Path, seconds: int) -> Rendered:
    """Render footage of a length in a studio of its own, and fetch the movie."""
    clip, movie = folder / f"source-{seconds}.mov", folder / f"movie-{seconds}.mp4"
    numbered.write(clip, seconds)
    async with (
        Stack(folder / f"home-{seconds}", workers=1, without=("triton", "generator")) as stack,
        Client(stack.endpoint, home=stack.home) as client,
        watched(stack) as peaks,
    ):
        asset = await client.assets.upload(clip)
        clip.unlink()
        job, took = await render(client, document(asset.name, seconds))
        await client.assets.download(job.output_asset, movie)
    return Rendered(peaks, took, movie)


def document(asset: str, seconds: int) -> str:
    """Graded footage with its sound, and a title above it that fades in."""
    return json.dumps(
        {
            "schema": "artifex.graph/1",
            "settings": {
                "width": numbered.WIDTH,
                "height": numbered.HEIGHT,
                "fps": str(FRAME_RATE),
                "duration": seconds,
            },
            "nodes": {
                "plate": {"type": "MediaInput", "params": {"asset": asset}},
                "grade": {
                    "type": "ColorCorrector",
                    "inputs": {"video": "plate.video"},
                    "params": {"exposure": 0.2, "saturation": 1.1},
                },
                "title": {
                    "type": "TextInput",
                    "params": {"text": "안녕 Artifex", "size": 96, "position": [0.5, 0.2]},
                },
                "comp": {
                    "type": "Merge",
                    "inputs": {"a": "title", "b": "grade"},
                    "params": {"mix": {"keys": [[0, 0], [2, 1, "ease_in_out"]]}},
                },
                "out": {
                    "type": "FileOutput",
                    "inputs": {"video": "comp", "audio": "plate.audio"},
                    "params": {"path": "long.mp4", "preset": "ultrafast"},
                },
            },
        }
    )
