from typing import Any

import pytest

from artifex.nodes import ParameterError
from libs.frames.codecs import VIDEO_CODECS
from libs.frames.codecs.movies import MOVIES
from libs.frames.codecs.stills import STILLS, StillFormat
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import check
from services.graph.domain.documents.problems import Reason
from services.graph.nodes.output.file_output import FileOutput
from tests.unit.services.graph.support import document, node


def misfits(**values: Any) -> dict[str, str]:
    return dict(node(FileOutput, **values).misfits(640, 360))


@pytest.mark.parametrize("path", ["a.mp4", "안녕 (1).mp4", "x.y.mp4", "a.mov", "a.mkv", "a.webm", "A.MOV", "a.####.exr",
                                  "#.png", "안녕 %04d.tif", "a.%d.TIFF"])  # fmt: skip
def test_file_names_are_taken(path: str) -> None:
    assert FileOutput.path.parse(path) == path


@pytest.mark.parametrize("path", ["", "a.avi", "a", "mp4", "../a.mp4", "/tmp/a.mp4", "a/b.mp4", ".mp4", "a\n.mp4",
                                  "a\\b.mp4", "a.mp4x", "a.exr", "a.0001.png", "b/#.exr"])  # fmt: skip
def test_anything_that_is_no_plain_movie_name_is_refused(path: str) -> None:
    with pytest.raises(ParameterError):
        FileOutput.path.parse(path)


@pytest.mark.parametrize("codec", list(VIDEO_CODECS))
@pytest.mark.parametrize("container", list(MOVIES))
def test_a_codec_fits_its_containers_and_no_others(codec: str, container: str) -> None:
    problems = misfits(path=f"a.{container}", codec=codec)
    if container in VIDEO_CODECS[codec].containers:
        assert not problems
    else:
        fitting = [name for name, each in VIDEO_CODECS.items() if container in each.containers]
        assert list(problems) == ["codec"]
        assert all(name in problems["codec"] for name in fitting)
        assert f".{VIDEO_CODECS[codec].containers[0]}" in problems["codec"]


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"path": "a.mp4", "audio_codec": "flac"}, "audio_codec", "takes aac; for flac let the path end in .mkv"),
        ({"profile": "10bit"}, "profile", "h264 offers 8bit"),
        ({"path": "a.mkv", "codec": "ffv1", "profile": "8bit"}, "profile", "ffv1 offers 10bit, 16bit"),
        ({"path": "a.mov", "codec": "prores", "quality": 5}, "quality", "Leave it at 0"),
        ({"quality": 60}, "quality", "1 to 51"),
        ({"color": "hdr10"}, "color", "hdr10 needs 10 bits, and h264 has 8; take h265 or prores"),
        ({"codec": "h265", "profile": "8bit", "color": "hlg"}, "profile", "let the profile be 10bit"),
        ({"path": "a.mkv", "codec": "ffv1", "color": "hdr10"}, "color", "no place for what hdr10 tells"),
        ({"path": f"{'한' * 90}#.exr"}, "path", "at most 255 bytes"),
        ({"path": "a\u202e.#.exr"}, "path", "no characters that cannot be seen"),
    ],
)
def test_what_does_not_go_together_is_told_with_its_remedy(values: dict[str, Any], field: str, said: str) -> None:
    problems = misfits(**values)
    assert list(problems) == [field]
    assert said in problems[field]


def test_a_picture_that_a_codec_does_not_take_is_told() -> None:
    output = node(FileOutput, path="a.mov", codec="dnxhr")
    assert [field for field, _ in output.misfits(192, 108)] == ["codec"]
    assert not list(output.misfits(256, 120))


def test_hdr_chooses_a_profile_with_bits_enough() -> None:
    for codec, path in (("h265", "a.mp4"), ("av1", "a.webm"), ("prores", "a.mov"), ("dnxhr", "a.mov")):
        assert not misfits(path=path, codec=codec, color="hdr10")


def test_all_that_it_offers_exists_and_stands_in_its_documentation() -> None:
    offered = set(FileOutput.profile.choices) - {"auto"}
    of_stills = {name for still in STILLS.values() for name in still.depths}
    assert offered < {name for codec in VIDEO_CODECS.values() for name in codec.profiles} | of_stills
    for word in (
        *offered,
        *FileOutput.compression.choices[1:],
        *FileOutput.codec.choices,
        *FileOutput.audio_codec.choices[1:],
        *MOVIES,
        *FileOutput.color.choices,
    ):
        assert word in FileOutput.schema.documentation


def test_it_ends_a_graph() -> None:
    assert not FileOutput.schema.outputs
    assert not FileOutput.schema.inputs["audio"].required


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"path": "a.##########.exr"}, "path", "up to 9 #"),
        ({"path": "a7#.exr"}, "path", "no digit or # before"),
        ({"path": "a.#.exr", "profile": "16bit"}, "profile", "half, float"),
        ({"path": "a.#.png", "profile": "half"}, "profile", "8bit, 16bit"),
        ({"path": "a.#.png", "compression": "piz"}, "compression", "take zip"),
        ({"path": "a.#.exr", "color": "hdr10"}, "color", "stills are written in rec709"),
        ({"path": "a.mp4", "compression": "zip"}, "compression", "movies have none"),
        ({"path": "a.mp4", "profile": "half"}, "profile", "h264 offers 8bit"),
    ],
)
def test_what_stills_do_not_take_is_told(values: dict[str, Any], field: str, said: str) -> None:
    problems = misfits(**values)
    assert list(problems) == [field]
    assert said in problems[field]


@pytest.mark.parametrize("still", STILLS.values(), ids=lambda still: still.name)
def test_stills_take_all_that_they_offer(still: StillFormat) -> None:
    documentation = FileOutput.schema.documentation
    for ending in still.endings:
        assert f".{ending}" in documentation
        for depth in ("auto", *still.depths):
            for compression in ("auto", *still.compressions):
                assert not misfits(path=f"a.#.{ending}", profile=depth, compression=compression)


def test_stills_have_no_sound() -> None:
    nodes = {
        "x": {"type": "MediaInput", "params": {"asset": "assets/a"}},
        "out": {"type": "FileOutput", "inputs": {"video": "x", "audio": "x.audio"}, "params": {"path": "a.#.exr"}},
    }
    problems = check(document(nodes), catalogue()).problems
    assert [(problem.path, problem.reason) for problem in problems] == [
        ("nodes.out.inputs.audio", Reason.UNKNOWN_INPUT)
    ]
    assert "stills have no sound" in problems[0].message
