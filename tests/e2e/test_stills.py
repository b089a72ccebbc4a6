"""Footage as stills, in parts by several workers; and the stills as footage again."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from artifex.client import Client
from artifex.stills import Pattern, find_stills
from libs.frames.stills import read_image
from libs.frames.video_reader import VideoReader
from tests.support.documents import Document, graded, silent
from tests.support.footage import bunny

pytestmark = pytest.mark.asyncio(loop_scope="session")

FRAMES = 7


async def stills(client: Client, document: Document, folder: Path) -> tuple[str, list[Path]]:
    """A document rendered in three parts: the asset, and its stills unpacked."""
    job = await client.renders.create(json.dumps(document), chunk_frames=3)
    job = await client.renders.wait(job.name)
    asset = await client.assets.download_stills(job.output_asset, folder)
    stream = asset.media.video_streams[0]
    assert (stream.frame_count, stream.frame_rate.numerator, stream.frame_rate.denominator) == (FRAMES, 25, 1)
    return asset.name, find_stills(folder) or []


async def test_stills_are_the_footage_and_footage_again(client: Client, plate: str, tmp_path: Path) -> None:
    document = silent(graded(plate, width=1280, height=720, rate="25", duration=FRAMES / 25))
    document["nodes"]["grade"]["params"] = {}
    document["nodes"]["out"]["params"] = {"path": "b.####.png", "alpha": False, "start_number": 998}
    made, first = await stills(client, document, tmp_path / "first")
    assert [still.name for still in first] == [Pattern("b.", 4, ".png").name(998 + number) for number in range(FRAMES)]
    with VideoReader(bunny()) as reader:
        for number, still in enumerate(first):
            footage = np.clip(reader.frame_at(Fraction(number, 25)), 0, 1)[..., :3]
            # Half a code of eight bits, where chroma that is spread in another way leaves no colour beyond its range.
            luma = np.abs((read_image(still)[..., :3] - footage) @ (0.2126, 0.7152, 0.0722))
            assert np.quantile(luma, 0.98) <= 0.51 / 255
    params = {"asset": made, "space": "display"}
    document["nodes"]["plate"] = {"type": "SequenceInput", "params": params}
    document["nodes"]["grade"]["inputs"] = {"video": "plate.video"}
    _, second = await stills(client, document, tmp_path / "second")
    assert [still.read_bytes() for still in second] == [still.read_bytes() for still in first]
