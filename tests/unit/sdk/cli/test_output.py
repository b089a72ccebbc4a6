from __future__ import annotations

import pytest

from artifex.cli.nodes import bounds
from artifex.cli.output import Output
from artifex.errors import FileProblem
from artifex.graph.v1 import messages_pb2 as graph

NAMES = ["[/a].mp4", "[red]take[/red].mp4", "take :smile:.mp4", "[x, y]"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_shown_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    table = output.table("asset", "name")
    table.add_row("assets/a", name)
    output.console.print(table)
    output.text(f"made {name}")
    output.note(f"noted {name}")
    assert output.fail(FileProblem(f"no {name}")) == 3
    shown = capsys.readouterr()
    assert f"assets/a  {name}" in shown.out
    assert f"made {name}" in shown.out
    assert f"noted {name}" in shown.err
    assert f"FILE_PROBLEM: no {name}" in shown.err


def test_of_points_it_is_told_what_each_number_is() -> None:
    points = graph.Parameter(
        type=graph.PARAMETER_TYPE_POINTS,
        unit="px",
        columns=[
            graph.Column(name="x"),
            graph.Column(name="y", minimum=0, maximum=1),
            graph.Column(name="slope", minimum=0, default_value=0),
        ],
        least_points=2,
        most_points=16,
    )
    assert bounds(points) == "2..16 of [x, y 0..1, slope 0.. = 0] px"
