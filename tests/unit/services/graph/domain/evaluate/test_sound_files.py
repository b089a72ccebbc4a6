"""Sound alone: what its files hold, to the sample where the file can tell, beside FFmpeg and SciPy."""

import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import wavfile

from libs.frames.audio_reader import AudioReader
from libs.frames.codecs.sounds import SOUNDS
from libs.frames.errors import MediaUnsupported
from libs.frames.probe import probe
from services.graph.domain.compile.compiler import Compiled, compile, validate
from services.graph.domain.documents.problems import Reason
from services.graph.domain.evaluate.evaluator import render_audio
from services.graph.domain.evaluate.output import SoundWriter
from services.graph.domain.evaluate.sources import SourceFile
from services.graph.domain.jobs.planner import plan
from services.graph.nodes.output.file_output import FileOutput
from services.media.adapters.decoder_child import run
from tests.unit.services.graph.domain.evaluate.random_graphs import CATALOGUE
from tests.unit.services.graph.support import document, footage, footage_info, node

SECONDS = Fraction(51, 25)
COUNT = int(SECONDS * 48_000)
CASES = [(ending, codec) for ending, file in SOUNDS.items() for codec in file.audio]


def compiled(path: str, **params: Any) -> Compiled:
    nodes = {
        "x": {"type": "MediaInput", "params": {"asset": "assets/a"}},
        "out": {"type": "FileOutput", "inputs": {"audio": "x.audio"}, "params": {"path": path, **params}},
    }
    return compile(document(nodes, duration=str(SECONDS)), CATALOGUE, "", {"x": footage_info()})


def rendered(tmp_path: Path, ending: str, codec: str) -> Path:
    path = tmp_path / f"sound.{ending}"
    made = render_audio(compiled(f"a.{ending}", audio_codec=codec), {"x": SourceFile(footage(), footage_info())}, path,
                        lambda done: None)  # fmt: skip
    assert made == SOUNDS[ending].media_type
    return path


def by_ffmpeg(path: Path) -> NDArray[np.float32]:
    """[2, n], as another decoder hears it."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-f", "f32le", "-ac", "2", "-"]
    answer = subprocess.run(command, capture_output=True, check=True)
    return np.frombuffer(answer.stdout, np.float32).reshape(-1, 2).T


@pytest.mark.parametrize(("ending", "codec"), CASES)
def test_sound_is_the_footages_at_its_place(tmp_path: Path, ending: str, codec: str) -> None:
    path = rendered(tmp_path, ending, codec)
    with AudioReader(footage()) as reader:
        original = reader.read(0, COUNT)
    info = probe(path)
    assert not info.video_streams
    assert (info.audio_streams[0].sample_rate, info.audio_streams[0].channels) == (48_000, 2)
    heard = by_ffmpeg(path)
    late = 0 if SOUNDS[ending].exact else 1024
    assert COUNT <= heard.shape[1] - late < COUNT + 2048
    if codec in ("pcm", "flac", "float"):
        assert heard.shape[1] == COUNT
        assert np.abs(heard - original).max() <= (0 if codec == "float" else 2.0**-23)
        return
    part = original[0, 20_000:60_000]
    scores = [float(np.dot(part, heard[0, 20_000 + shift : 60_000 + shift])) for shift in range(1200)]
    assert int(np.argmax(scores)) == late


def test_scipy_reads_the_wav_files(tmp_path: Path) -> None:
    with AudioReader(footage()) as reader:
        original = reader.read(0, COUNT)
    rate, samples = wavfile.read(rendered(tmp_path, "wav", "float"))
    assert (rate, samples.dtype) == (48_000, np.float32)
    np.testing.assert_array_equal(samples.T, original)
    _, samples = wavfile.read(rendered(tmp_path, "wav", "pcm"))
    np.testing.assert_allclose(samples.T / 2.0**31, original, atol=2.0**-23)


def test_floats_are_not_clipped(tmp_path: Path) -> None:
    tone = np.tile(2.5 * np.sin(np.arange(48_000, dtype=np.float32) / 20), (2, 1)).astype(np.float32)
    tone[0, 100] = np.nan
    for codec, highest in (("float", 2.5), ("pcm", 1.0)):
        with SoundWriter(tmp_path / codec, compiled("a.wav", audio_codec=codec)) as sound:
            sound.write(tone)
        sound.prove()
        heard = by_ffmpeg(tmp_path / codec)
        assert heard.max() == pytest.approx(highest, abs=1e-4)
        assert heard[0, 100] == 0


@pytest.mark.parametrize(("ending", "codec"), CASES)
def test_assembly_makes_it_an_asset_and_says_how_loud_it_is(tmp_path: Path, ending: str, codec: str) -> None:
    path = rendered(tmp_path, ending, codec)
    request = {"kind": "assemble", "segments": [], "audio": str(path), "output": str(tmp_path / "out"),
               "name": f"a.{ending}", "container": ending, "frame_rate": "25", "frame_count": 51}  # fmt: skip
    answer = run(request, lambda told: None)
    assert answer["loudness"].endswith(" LUFS")
    assert (tmp_path / "out").read_bytes() == path.read_bytes()
    for wrong in ({"frame_count": 55}, {"frame_count": 40}, {"segments": [str(path)]}, {"audio": None}):
        with pytest.raises(MediaUnsupported):
            run({**request, **wrong}, lambda told: None)


def test_the_job_has_no_frames_to_render() -> None:
    tasks = plan(compiled("a.wav"), 24).tasks
    assert [(task.id, task.depends_on) for task in tasks] == [("audio", ()), ("assembly", ("audio",))]


@pytest.mark.parametrize(
    ("path", "inputs", "problem"),
    [
        ("a.wav", {"video": "x", "audio": "x.audio"}, ("nodes.out.inputs.video", Reason.UNKNOWN_INPUT)),
        ("a.wav", {}, ("nodes.out.inputs.audio", Reason.MISSING_INPUT)),
        ("a.mp4", {"audio": "x.audio"}, ("nodes.out.inputs.video", Reason.MISSING_INPUT)),
        ("a.#.exr", {}, ("nodes.out.inputs.video", Reason.MISSING_INPUT)),
    ],
)
def test_what_must_be_connected_follows_from_the_path(
    path: str, inputs: dict[str, str], problem: tuple[str, Reason]
) -> None:
    nodes = {
        "x": {"type": "MediaInput", "params": {"asset": "assets/a"}},
        "out": {"type": "FileOutput", "inputs": inputs, "params": {"path": path}},
    }
    found = validate(document(nodes), CATALOGUE, {"assets/a": footage_info()})
    assert [(each.path, each.reason) for each in found] == [problem]


@pytest.mark.parametrize(
    ("path", "codec", "words"),
    [
        ("a.wav", "aac", "for aac let the path end in .mp4, .mov, .m4a, .aac"),
        ("a.mp4", "float", "let the path end in .wav"),
    ],
)
def test_a_codec_that_does_not_fit_is_told(path: str, codec: str, words: str) -> None:
    (problem,) = node(FileOutput, path=path, audio_codec=codec).misfits(64, 36)
    assert problem[0] == "audio_codec"
    assert words in problem[1]
