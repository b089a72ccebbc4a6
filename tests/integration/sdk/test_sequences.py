"""Image sequences by the command line alone: stills in, stills out, and the sound by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from artifex.up import Stack
from libs.frames.audio_reader import AudioReader
from tests.support.commands import artifex
from tests.support.footage import bunny
from tests.support.stills import noise, write_still

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

FRAMES = 10


def document(asset: str, path: str, **params: Any) -> dict[str, Any]:
    return {
        "schema": "artifex.graph/1",
        "settings": {"width": 64, "height": 36, "fps": "24"},
        "nodes": {
            "plate": {"type": "SequenceInput", "params": {"asset": asset, "space": "working", **params}},
            "out": {"type": "FileOutput", "inputs": {"video": "plate"}, "params": {"path": path}},
        },
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plates").mkdir()
    for number in range(1, FRAMES + 1):
        write_still(tmp_path / "plates" / f"plate.{number:04}.exr", noise(number))
    return tmp_path


def read(path: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    source = oiio.ImageInput.open(str(path))
    assert source is not None, oiio.geterror()
    pixels = np.asarray(source.read_image("float"), np.float32)
    source.close()
    return pixels


async def test_stills_go_in_and_come_out_as_they_were(stack: Stack, folder: Path) -> None:
    (folder / "copy.json").write_text(json.dumps(document("plates/plate.####.exr", "copy.%04d.exr")))
    ran = await artifex(stack, folder, "render", "copy.json", "--out", "out")
    assert ran.code == 0, ran
    assert f"{FRAMES} frames exr, 1-{FRAMES}" in ran.out
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        f"copy.{n:04}.exr" for n in range(1, FRAMES + 1)
    ]
    for number in range(1, FRAMES + 1):
        np.testing.assert_array_equal(read(folder / "out" / f"copy.{number:04}.exr"), noise(number))
    ran = await artifex(stack, folder, "preview", "copy.json", "--frame", "3", "--scale", "1/2", "--out", "seen.jpg")
    assert ran.code == 0, ran
    assert read(folder / "seen.jpg").shape == (18, 32, 3)
    listed = await artifex(stack, folder, "assets", "list", "--json")
    made = next(line for line in listed.lines if line["display_name"] == "copy.%04d.exr")
    assert made["provenance"]["origin"] == "render"
    ran = await artifex(stack, folder, "assets", "get", made["name"], "--out", "again/c_#.exr")
    assert ran.code == 0, ran
    assert (folder / "again" / "c_10.exr").read_bytes() == (folder / "out" / "copy.0010.exr").read_bytes()
    ran = await artifex(stack, folder, "assets", "get", made["name"], "--out", "copy.zip")
    assert ran.code == 0, ran
    assert (folder / "copy.zip").stat().st_size == int(made["blob"]["size"])


async def test_one_still_alone_is_a_sequence_and_comes_back_as_a_file(stack: Stack, folder: Path) -> None:
    still = folder / "plates" / "plate.0007.exr"
    ran = await artifex(stack, folder, "assets", "upload", str(still), "--json")
    assert ran.code == 0, ran
    (asset,) = ran.lines
    assert (asset["media"]["format"], asset["media"]["sequence"]["first_frame"]) == ("still", "7")
    ran = await artifex(stack, folder, "assets", "get", asset["name"], "--out", "back.exr")
    assert ran.code == 0, ran
    assert (folder / "back.exr").read_bytes() == still.read_bytes()


async def test_a_missing_still_fails_the_job_and_is_named(stack: Stack, folder: Path) -> None:
    (folder / "plates" / "plate.0004.exr").unlink()
    (folder / "gap.json").write_text(json.dumps(document("plates", "gap.#.png")))
    ran = await artifex(stack, folder, "render", "gap.json", "--out", "out")
    assert ran.code != 0
    assert "plate.####.exr: it has no frame 4" in ran.err
    assert not (folder / "out").exists()
    ran = await artifex(stack, folder, "render", "gap.json", "--set", "plate.missing=hold")
    assert ran.code == 0, ran
    assert read(folder / "gap.4.png").tolist() == read(folder / "gap.3.png").tolist()


async def test_sound_comes_out_alone(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(bunny().read_bytes())
    nodes: dict[str, Any] = {
        "plate": {"type": "MediaInput", "params": {"asset": "clip.mp4"}},
        "out": {"type": "FileOutput", "inputs": {"audio": "plate.audio"}, "params": {"path": "sound.wav"}},
    }
    settings = {"width": 64, "height": 36, "fps": "25", "duration": 1.2}
    (tmp_path / "sound.json").write_text(
        json.dumps({"schema": "artifex.graph/1", "settings": settings, "nodes": nodes})
    )
    ran = await artifex(stack, tmp_path, "render", "sound.json", "--watch")
    assert ran.code == 0, ran
    assert ran.out.startswith("sound.wav: pcm_s24le 2 ch")
    assert "frames:0" not in ran.err
    with AudioReader(tmp_path / "sound.wav") as reader, AudioReader(bunny()) as source:
        heard = reader.read(0, 60_000)
        assert np.abs(heard[:, :57_600] - source.read(0, 57_600)).max() <= 2.0**-23
        assert not heard[:, 57_600:].any()
    explained = await artifex(stack, tmp_path, "graph", "explain", "sound.json")
    assert explained.code == 0, explained
    listed = await artifex(stack, tmp_path, "assets", "list", "--json")
    made = next(line for line in listed.lines if line["display_name"] == "sound.wav")
    assert made["blob"]["media_type"] == "audio/wav"
    assert made["provenance"]["details"]["loudness"].endswith(" LUFS")
    ran = await artifex(stack, tmp_path, "preview", "sound.json", "--frame", "0", "--out", "frame.jpg")
    assert ran.code != 0
    assert "no picture to show" in ran.err
