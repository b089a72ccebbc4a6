"""Analyses of whole clips: what a node is shown, what it may read, and what its result becomes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifex.nodes import AUDIO, VIDEO, Analysis, Audio, Clip, Float, Frame, Input, Node, Output, RenderContext
from libs.chassis.errors import Internal
from libs.frames.audio_reader import AudioReader
from libs.frames.loudness import measure
from services.graph.domain.compile.analyses import decode
from services.graph.domain.compile.catalogue import Catalogue, catalogue
from services.graph.domain.evaluate import plans
from services.graph.domain.evaluate.analysis import analyse, analysis_key
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.evaluator import render_audio, render_frames
from services.graph.domain.evaluate.sources import SourceFile
from tests.support.loudness import heard_by_ffmpeg, heard_by_the_recommendation
from tests.unit.services.graph.support import document, footage, footage_info

SOURCES = {"clip": SourceFile(footage(), footage_info(), "c0ffee")}
CLIP = {"type": "MediaInput", "params": {"asset": "assets/a"}}


def normalising(**params: Any) -> Any:
    nodes = {
        "clip": CLIP,
        "mix": {"type": "AudioMixer", "inputs": {"audio": "clip.audio"}, "params": {"normalize": "loudness", **params}},
        "out": {
            "type": "FileOutput",
            "inputs": {"video": "clip", "audio": "mix"},
            "params": {"path": "x.mov", "audio_codec": "pcm"},
        },
    }
    return plans.plan(document(nodes, duration="21/4"), "", SOURCES)


def found(made: Any, folder: Path, node: str = "mix", told: Callable[[int], None] = lambda done: None) -> str:
    path = folder / f"{node}.json"
    assert analyse(made, SOURCES, node, {}, path, 1, told) == "application/json"
    return path.read_text()


def test_normalised_sound_has_the_loudness_that_was_asked_for(tmp_path: Path) -> None:
    text = found(normalising(), tmp_path)
    for asked in (-30.0, -23.0):
        path = tmp_path / f"{asked}.mov"
        render_audio(normalising(loudness=asked), SOURCES, path, lambda done: None, analysed={"mix": decode(text)})
        heard = heard_by_ffmpeg(path)
        assert heard.lufs == pytest.approx(asked, abs=0.1)
        assert heard_by_the_recommendation(path, 252_000) == pytest.approx(asked, abs=0.1)
        assert heard.true_peak < -1.0


def test_the_true_peak_is_not_passed(tmp_path: Path) -> None:
    analysed = {"mix": decode(found(normalising(), tmp_path))}
    path = tmp_path / "loud.mov"
    render_audio(normalising(loudness=-5, true_peak=-2), SOURCES, path, lambda done: None, analysed=analysed)
    heard = heard_by_ffmpeg(path)
    assert heard.true_peak == pytest.approx(-2.0, abs=0.1)
    assert heard.lufs < -6.0


def test_one_factor_for_the_whole_clip(tmp_path: Path) -> None:
    sounds = []
    for params, name in (({}, "normal"), ({"normalize": "none"}, "plain")):
        made = normalising(**params)
        analysed = {"mix": decode(found(made, tmp_path))} if not params else {}
        render_audio(made, SOURCES, tmp_path / name, lambda done: None, analysed=analysed)
        with AudioReader(tmp_path / name, rate=48_000, channels=2) as reader:
            sounds.append(reader.read(0, 240_000))
    normal, plain = sounds
    gain = 10 ** ((-23.0 - (measure(tmp_path / "plain").loudness.lufs or 0.0)) / 20)
    np.testing.assert_allclose(normal, plain * gain, atol=3e-4)


def test_the_same_clip_gives_the_same_bytes_whatever_the_target(tmp_path: Path) -> None:
    assert found(normalising(), tmp_path) == found(normalising(loudness=-14, true_peak=-3), tmp_path)
    assert analysis_key(normalising(), SOURCES, "mix") == analysis_key(normalising(loudness=-9), SOURCES, "mix")
    assert analysis_key(normalising(gain=1), SOURCES, "mix") != analysis_key(normalising(), SOURCES, "mix")


def test_nothing_is_rendered_without_what_was_to_be_found(tmp_path: Path) -> None:
    with pytest.raises(Internal, match='not analysed for node "mix"') as caught:
        render_audio(normalising(), SOURCES, tmp_path / "x", lambda done: None)
    assert caught.value.metadata["node"] == "mix"
    # The pictures need nothing of it.
    render_frames(normalising(), SOURCES, 0, 2, tmp_path / "y", 1, lambda done: None)


class Levelled(Node):
    """Brings the brightest value of the whole clip to `level`."""

    category = "Test"
    video = Input(VIDEO, "The picture.")
    sound_of = Input(AUDIO, "Not read by the analysis.", required=False)
    out = Output(VIDEO, "The picture.", name="video")
    level = Float(1.0, doc="The brightest value.")
    scale = Float(1.0, doc="Known to the analysis.")
    analysis = Analysis("peak", inputs=[video], parameters=[scale])
    reads = ""

    def analyse(self, clip: Clip) -> dict[str, Any]:
        if self.reads == "level":
            assert self.level
        if self.reads == "sound":
            assert clip.connections(Levelled.sound_of)
        peaks = [float(frame.pixels[..., :3].max()) for frame in clip.frames(Levelled.video)]
        return {"peak": max(peaks) * self.scale, "frames": len(peaks)}

    def render(self, context: RenderContext) -> Frame:
        frame = context.take(self.video)
        if self.analysed is not None:
            frame.pixels[..., :3] *= self.level / self.analysed["peak"]
        return Frame(frame.pixels, frame.x, frame.y, frame.opaque)

    def sound(self, context: Any) -> Audio:
        raise NotImplementedError


@pytest.fixture
def levelled(monkeypatch: pytest.MonkeyPatch) -> type[Levelled]:
    types = Catalogue([*catalogue().values(), Levelled])
    monkeypatch.setattr(plans, "catalogue", lambda: types)
    return Levelled


def bright(**params: Any) -> Any:
    nodes = {
        "clip": CLIP,
        "grade": {"type": "ColorCorrector", "inputs": {"video": "clip"}, "params": {"exposure": -2}},
        "level": {"type": "Levelled", "inputs": {"video": "grade"}, "params": params},
        "again": {"type": "Levelled", "inputs": {"video": "level"}, "params": {"level": 0.25}},
        "out": {"type": "FileOutput", "inputs": {"video": "again"}, "params": {"path": "x.mp4"}},
    }
    return plans.plan(document(nodes, duration="6/25"), "", SOURCES)


def test_pictures_are_analysed_in_order(levelled: type[Levelled], tmp_path: Path) -> None:
    told: list[int] = []
    first = decode(found(bright(level=0.5), tmp_path, "level", told.append))
    assert first.value["frames"] == 6
    assert told == [1, 2, 3, 4, 5, 6]
    # The second one sees what the first one makes of the clip.
    path = tmp_path / "again.json"
    analyse(bright(level=0.5), SOURCES, "again", {"level": first}, path, 2, told.append)
    assert decode(path.read_text()).value["peak"] == pytest.approx(0.5, rel=1e-5)
    with pytest.raises(Internal, match='not analysed for node "level"'):
        analyse(bright(level=0.5), SOURCES, "again", {}, path, 1, told.append)


def test_cached_pictures_of_another_result_are_not_shown(levelled: type[Levelled], tmp_path: Path) -> None:
    cache = FrameCache(1 << 28)
    written: list[bytes] = []
    for peak in (1.0, 2.0, 1.0):
        analysed = {name: decode(f'{{"peak":{peak}}}') for name in ("level", "again")}
        path = tmp_path / str(len(written))
        render_frames(bright(), SOURCES, 0, 2, path, 1, lambda done: None, cache=cache, analysed=analysed)
        written.append(path.read_bytes())
    assert written[0] == written[2] != written[1]


@pytest.mark.parametrize("what", ["level", "sound"])
def test_what_is_not_declared_cannot_be_read(
    what: str, levelled: type[Levelled], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levelled, "reads", what)
    with pytest.raises(Internal, match="does not name") as caught:
        found(bright(), tmp_path, "level")
    assert caught.value.metadata["node"] == "level"
