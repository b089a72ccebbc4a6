import pytest

from artifex.nodes import ParameterError
from services.graph.nodes.output.file_output import FileOutput


@pytest.mark.parametrize("path", ["a.mp4", "안녕 (1).mp4", "x.y.mp4"])
def test_file_names_are_taken(path: str) -> None:
    assert FileOutput.path.parse(path) == path


@pytest.mark.parametrize("path", ["", "a.mov", "../a.mp4", "/tmp/a.mp4", "a/b.mp4", ".mp4", "a\n.mp4", "a\\b.mp4"])
def test_anything_that_is_no_plain_mp4_name_is_refused(path: str) -> None:
    with pytest.raises(ParameterError):
        FileOutput.path.parse(path)


def test_it_ends_a_graph() -> None:
    assert not FileOutput.schema.outputs
    assert FileOutput.schema.inputs["video"].required
    assert not FileOutput.schema.inputs["audio"].required
