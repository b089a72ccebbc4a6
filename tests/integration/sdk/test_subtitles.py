"""Subtitles from a local file to the movie, by the command line alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artifex.up import Stack
from libs.frames.video_reader import VideoReader
from tests.support.commands import artifex

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

SRT = "1\n00:00:00,200 --> 00:00:00,480\nfirst\n\n2\n00:00:00,600 --> 00:00:00,800\n두 번째\n"


def document() -> dict[str, Any]:
    return {
        "schema": "artifex.graph/1",
        "settings": {"width": 192, "height": 108, "fps": "25"},
        "nodes": {
            "words": {"type": "SubtitleInput", "params": {"asset": "words.srt", "size": 24}},
            "out": {"type": "FileOutput", "inputs": {"video": "words"}, "params": {"path": "words.mp4"}},
        },
    }


async def test_subtitles_beside_the_document_are_seen_at_their_times(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "words.srt").write_text(SRT)
    (tmp_path / "words.json").write_text(json.dumps(document()))
    ran = await artifex(stack, tmp_path, "render", "words.json", "--out", "words.mp4")
    assert ran.code == 0, ran
    with VideoReader(tmp_path / "words.mp4") as reader:
        seen = [picture[..., :3].max() > 0.5 for _, picture in reader.frames()]
    # The document lasts as long as they do. Frame n is of the time n / 25.
    assert seen == [5 <= frame < 12 or frame >= 15 for frame in range(20)]
    listed = await artifex(stack, tmp_path, "assets", "list")
    assert "srt subtitles, 2 cues" in listed.out


async def test_a_broken_file_is_told_with_its_line(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "words.srt").write_text(SRT.replace("00:00:00,600 -->", "0.6 -->"))
    (tmp_path / "words.json").write_text(json.dumps(document()))
    ran = await artifex(stack, tmp_path, "render", "words.json")
    assert ran.code != 0
    assert "words.srt: line 6 is no time" in ran.err
