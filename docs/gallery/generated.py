"""Pictures of what has to be generated first: by a whole studio, since that is what generates."""

from __future__ import annotations

import asyncio
import tempfile
from fractions import Fraction
from pathlib import Path

from artifex.client import Client
from artifex.up import Stack
from libs.frames.probe import probe
from libs.frames.stills import write_png
from libs.frames.video_reader import VideoReader


def write_middle(text: str, picture: Path) -> None:
    """Render a document in a studio of its own, and write the picture in the middle of its movie."""
    with tempfile.TemporaryDirectory(prefix="artifex-gallery-") as folder:
        movie = Path(folder) / "movie.mp4"
        asyncio.run(_render(text, Path(folder) / "home", movie))
        stream = probe(movie).video_streams[0]
        rate = Fraction(stream.frame_rate.numerator, stream.frame_rate.denominator)
        with VideoReader(movie) as reader:
            write_png(picture, reader.frame_at((stream.frame_count // 2) / rate)[..., :3])


async def _render(text: str, home: Path, movie: Path) -> None:
    async with Stack(home) as stack, Client(stack.endpoint, home=stack.home) as client:
        job = await client.renders.create(text)
        async for _ in client.renders.watch(job.name):
            pass
        job = await client.renders.get(job.name)
        if not job.output_asset:
            raise RuntimeError(f"the example was not rendered: {job.failure.message}")
        await client.assets.download(job.output_asset, movie)
