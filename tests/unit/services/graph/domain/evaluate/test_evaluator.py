"""Whole segments: rendered, then decoded again by the project's own readers and by FFmpeg."""

import hashlib
import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import av
import numpy as np
import pytest

from artifex.nodes import Frame, RenderContext
from libs.chassis.errors import Internal, OutOfRange
from libs.frames.audio_reader import AudioReader
from libs.frames.probe import probe
from libs.frames.video_reader import VideoReader
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.plan import Compiled
from services.graph.domain.evaluate.disk_cache import DiskCache
from services.graph.domain.evaluate.evaluator import render_audio, render_frames
from services.graph.domain.evaluate.plans import plan
from services.graph.domain.evaluate.sources import SourceFile, Sources
from services.graph.nodes import BUILTIN
from services.graph.nodes.composite.merge import Merge
from tests.unit.services.graph.support import document, footage, footage_info, output

CLIP: dict[str, Any] = {"type": "MediaInput", "params": {"asset": "assets/a"}}


def sources() -> Sources:
    return {"clip": SourceFile(footage(), footage_info())}


def comp(merge: str = "Merge", **settings: Any) -> Compiled:
    made = document(
        {
            "clip": CLIP,
            "grade": {"type": "ColorCorrector", "inputs": {"video": "clip"}, "params": {"exposure": 0.3}},
            "title": {"type": "TextInput", "params": {"text": "안녕 Artifex", "size": 24}},
            "comp": {"type": merge, "inputs": {"a": "title", "b": "grade"},
                     "params": {"mix": {"keys": [[0, 0], [1, 1, "ease_in_out"]]}}},
            "mix": {"type": "AudioMixer", "inputs": {"audio": "clip.audio"}, "params": {"gain": -6}},
            "out": {"type": "FileOutput", "inputs": {"video": "comp", "audio": "mix"}},
        },
        **{"width": 160, "height": 90, "duration": None, **settings},
    )  # fmt: skip
    return plan(made, "out", sources())


def test_a_segment_holds_its_frames_and_no_others(tmp_path: Path) -> None:
    done: list[int] = []
    render_frames(comp(), sources(), 50, 12, tmp_path / "s.mp4", 1, done.append)
    info = probe(tmp_path / "s.mp4")
    assert info.video_streams[0].frame_count == 12
    assert (info.video_streams[0].width, info.video_streams[0].height) == (160, 90)
    assert done == list(range(1, 13))


def test_segments_join_into_what_one_would_be(tmp_path: Path) -> None:
    document_of_one = document({"clip": CLIP, "out": output("clip")}, width=160, height=90, duration=None)
    plain = plan(document_of_one, "out", sources())
    for name, first, count in (("all", 20, 8), ("a", 20, 3), ("b", 23, 5)):
        render_frames(plain, sources(), first, count, tmp_path / f"{name}.mp4", 1, lambda done: None)

    def pictures(*names: str) -> list[Any]:
        result = []
        for name in names:
            with VideoReader(tmp_path / f"{name}.mp4") as reader:
                result += [picture for _, picture in reader.frames()]
        return result

    whole, joined = pictures("all"), pictures("a", "b")
    assert len(whole) == len(joined) == 8
    for one, other in zip(whole, joined, strict=True):
        # Not bit-equal: the encoder spends its bits otherwise. The pictures are the same.
        assert np.abs(one - other).mean() < 4 / 255


def test_the_same_work_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = set()
    for name in ("a.mp4", "b.mp4"):
        render_frames(comp(), sources(), 10, 6, tmp_path / name, 1, lambda done: None)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_frames_side_by_side_and_kept_frames_give_the_same_bytes(tmp_path: Path) -> None:
    digests = set()
    told: list[str] = []
    with patch.multiple("services.graph.domain.evaluate.pull", DISK_PAYS=0.0, DISK_LEAST=0.0):
        for name in ("first.mp4", "again.mp4"):
            disk = DiskCache(tmp_path / "frames", 1 << 28)
            render_frames(comp(), sources(), 10, 9, tmp_path / name, 3, lambda done: None, disk=disk,
                          watch=told.extend)  # fmt: skip
            digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    render_frames(comp(), sources(), 10, 9, tmp_path / "cold.mp4", 3, lambda done: None)
    digests.add(hashlib.sha256((tmp_path / "cold.mp4").read_bytes()).hexdigest())
    assert len(digests) == 1
    assert len(list((tmp_path / "frames").iterdir())) >= 9
    assert {"clip", "comp"} <= set(told)


def test_a_frame_that_fails_ends_the_segment_and_names_itself(tmp_path: Path) -> None:
    class FailsLate(Merge):
        """Fails from frame 13 on."""

        def render(self, context: RenderContext) -> Frame:
            if context.request.time >= Fraction(13, 25):
                raise ZeroDivisionError
            return super().render(context)

    types = Catalogue([*BUILTIN, FailsLate])
    done: list[int] = []
    with (
        patch("services.graph.domain.evaluate.plans.catalogue", lambda: types),
        pytest.raises(Internal, match=r'node "comp" \(FailsLate\) failed at frame 13') as raised,
    ):
        render_frames(comp("FailsLate"), sources(), 10, 9, tmp_path / "s.mp4", 2, done.append)
    assert raised.value.metadata["frame"] == "13"
    assert "b 160x64x4 at 0,0" in raised.value.metadata["inputs"], "the first strip"
    assert done == [1, 2, 3]


def test_an_ungraded_clip_comes_out_as_it_went_in(tmp_path: Path) -> None:
    plain = document(
        {"clip": CLIP, "out": {**output("clip"), "params": {"quality": 1}}}, width=1280, height=720, duration=None
    )
    render_frames(plan(plain, "out", sources()), sources(), 60, 1, tmp_path / "s.mp4", 1, lambda done: None)
    # FFmpeg's own samples, before any conversion to RGB.
    with av.open(str(footage())) as original, av.open(str(tmp_path / "s.mp4")) as ours:
        expected = next(itertools.islice(original.decode(video=0), 60, None)).to_ndarray().astype(int)
        result = next(ours.decode(video=0)).to_ndarray().astype(int)
    difference = np.abs(expected - result)
    luma, chroma = difference[:720], difference[720:]
    assert luma.mean() < 0.6
    assert np.percentile(luma, 99) <= 2
    assert chroma.mean() < 1.0


def test_a_range_outside_the_document_is_refused(tmp_path: Path) -> None:
    for first, count in ((-1, 2), (0, 0), (130, 3)):
        with pytest.raises(OutOfRange):
            render_frames(comp(), sources(), first, count, tmp_path / "s.mp4", 1, lambda done: None)


def test_the_sound_is_exactly_as_long_as_the_frames(tmp_path: Path) -> None:
    render_audio(comp(duration="1001/480", fps="24000/1001"), sources(), tmp_path / "a.m4a", lambda done: None)
    with AudioReader(tmp_path / "a.m4a") as reader, AudioReader(footage()) as original:
        # 50 frames of 24000/1001 are 100,100 samples; MP4 says how long an edit is in milliseconds.
        assert reader.info.duration is not None
        assert abs(reader.info.duration - Fraction(100_100, 48_000)) < Fraction(1, 1000)
        ours, theirs = reader.read(48_000, 24_000), original.read(48_000, 24_000)
    # Half as loud, and at the same place: the correlation is best without a shift.
    assert np.sqrt((ours**2).mean()) == pytest.approx(np.sqrt((theirs**2).mean()) * 10 ** (-6 / 20), rel=0.03)
    size = ours.shape[1] - 200
    scores = [float(np.dot(ours[0, 100 : 100 + size], theirs[0, shift : shift + size])) for shift in range(201)]
    assert int(np.argmax(scores)) == 100
