from __future__ import annotations

import errno
import io
import json
import sys

import click
import pytest
from click.testing import CliRunner

from artifex.cli.nodes import bounds
from artifex.cli.output import Output, studio_command
from artifex.client import Client
from artifex.errors import FileProblem, Unavailable
from artifex.graph.v1 import messages_pb2 as graph
from artifex.media.v1 import messages_pb2 as media

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


@pytest.mark.parametrize("order", ["\x1b[31m", "\x1b]0;title\x07", "\x9b2J", "\r"])
def test_a_terminal_obeys_no_name(order: str, capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    table = output.table("asset", "prompt")
    table.add_row("assets/a", f"a fox{order} at dusk")
    output.console.print(table)
    output.text(f"made {order}")
    output.note(f"noted {order}")
    assert output.fail(FileProblem(f"no {order}")) == 3
    shown = capsys.readouterr()
    assert not any(obeyed in shown.out + shown.err for obeyed in "\x1b\x07\x9b\r")
    assert f"a fox\\x{ord(order[0]):02x}" in shown.out


@pytest.mark.parametrize("encoding", ["ascii", "euc-kr", "utf-8"])
def test_a_terminal_that_knows_few_letters_is_told_all_the_same(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", screen)
    Output(as_json=True).line({"name": "여우 🦊 é"})
    Output(as_json=False).text("여우 🦊 \udcff")
    screen.flush()
    line, text = screen.buffer.getvalue().decode(encoding).splitlines()
    assert json.loads(line) == {"name": "여우 🦊 é"}
    assert text == "여우 🦊 \udcff".encode(encoding, "backslashreplace").decode(encoding)


def test_an_argument_that_is_no_text_is_wrong_usage() -> None:
    @click.command()
    @click.argument("name")
    @studio_command
    async def command(output: Output, studio: Client, name: str) -> None:
        media.GetAssetRequest(name=name)

    ran = CliRunner().invoke(command, ["a \udcff", "--endpoint", "localhost:1"])
    assert (ran.exit_code, "is no text in UTF-8" in ran.output) == (2, True)


@pytest.mark.parametrize(("reason", "asks"), [("", True), ("ERROR_REASON_DEPENDENCY_UNAVAILABLE", False)])
def test_only_where_nobody_answers_the_studio_may_not_run(
    reason: str, asks: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Output(as_json=False).fail(Unavailable("no answer", code="UNAVAILABLE", reason=reason)) == 8
    assert ("Is the studio running?" in capsys.readouterr().err) == asks


def test_an_output_that_takes_no_more_is_told_without_a_traceback() -> None:
    @click.command()
    @studio_command
    async def command(output: Output, studio: Client) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    ran = CliRunner().invoke(command, ["--endpoint", "localhost:1", "--json"])
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert "No space left on device" in ran.stderr


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
