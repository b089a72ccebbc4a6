"""A look from a local file to the movie, by the command line alone."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from artifex.up import Stack
from libs.frames.video_reader import VideoReader
from tests.support.commands import artifex
from tests.support.footage import bunny

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

PAINT = (0.25, 0.5, 0.75)
"""What the look makes of every colour, as the display shows it."""


def document(**params: Any) -> dict[str, Any]:
    return {
        "schema": "artifex.graph/1",
        "settings": {"width": 192, "height": 108, "fps": "25", "duration": 0.2},
        "nodes": {
            "plate": {"type": "MediaInput", "params": {"asset": "clip.mp4"}},
            "look": {"type": "LUT", "inputs": {"video": "plate"}, "params": {"asset": "paint.cube", **params}},
            "view": {"type": "Viewer", "inputs": {"video": "look"}},
            "out": {"type": "FileOutput", "inputs": {"video": "look"}, "params": {"path": "painted.mp4", "quality": 4}},
        },
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clip.mp4").write_bytes(bunny().read_bytes())
    red, green, blue = PAINT
    (tmp_path / "paint.cube").write_text("LUT_3D_SIZE 2\n" + f"{red} {green} {blue}\n" * 8)
    return tmp_path


def first_picture(movie: Path) -> NDArray[np.float64]:
    with VideoReader(movie) as reader:
        return reader.frame_at(Fraction(0))[..., :3].astype(np.float64)


async def test_a_look_beside_the_document_is_uploaded_and_applied(stack: Stack, folder: Path) -> None:
    (folder / "whole.json").write_text(json.dumps(document()))
    (folder / "plain.json").write_text(json.dumps(document(mix=0)))
    ran = await artifex(stack, folder, "render", "whole.json", "--out", "whole.mp4")
    assert ran.code == 0, ran
    painted = first_picture(folder / "whole.mp4")
    assert np.abs(painted - PAINT).max() < 2.5 / 255
    ran = await artifex(stack, folder, "render", "plain.json", "--out", "plain.mp4")
    assert ran.code == 0, ran
    plain = first_picture(folder / "plain.mp4")
    assert plain.std() > 0.05, "mixed in by nothing, the footage is there"
    listed = await artifex(stack, folder, "assets", "list")
    assert "cube look, 2³ points" in listed.out


async def test_media_is_no_look_and_a_look_is_no_media(stack: Stack, folder: Path) -> None:
    wrong = document()
    wrong["nodes"]["look"]["params"]["asset"] = "clip.mp4"
    (folder / "wrong.json").write_text(json.dumps(wrong))
    ran = await artifex(stack, folder, "render", "wrong.json")
    assert ran.code != 0
    assert "nodes.look.params.asset" in ran.err
    assert "no look" in ran.err
    wrong = document()
    wrong["nodes"]["plate"]["params"]["asset"] = "paint.cube"
    (folder / "wrong.json").write_text(json.dumps(wrong))
    ran = await artifex(stack, folder, "render", "wrong.json")
    assert ran.code != 0
    assert "nodes.plate.params.asset" in ran.err
    assert "apply it with a LUT" in ran.err
