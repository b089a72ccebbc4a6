"""`artifex graph`: is a document right?"""

from __future__ import annotations

from pathlib import Path

import click

from artifex.cli.output import Output, plain_dict, studio_command
from artifex.cli.progress import transfer
from artifex.cli.words import rate_text
from artifex.client import Client
from artifex.errors import GraphInvalid, Violation
from artifex.graph.v1 import messages_pb2 as graph_pb
from artifex.graphfile import GraphFile


@click.group()
def graph() -> None:
    """Graph documents."""


@graph.command("validate")
@click.argument("file", type=click.Path(path_type=Path))
@studio_command
async def validate(output: Output, studio: Client, file: Path) -> None:
    """Check the graph document FILE. Exit code 0 says that it can be rendered; else every problem is named.

    Local files that it names are uploaded, once: what they hold decides whether the graph makes sense.
    """
    document = GraphFile(file)
    with transfer(output, "uploading") as progress:
        text = await document.upload(studio, progress)
    answer = await studio.graphs.validate(text)
    if answer.problems:
        raise GraphInvalid(
            f"{file} cannot be rendered",
            code="INVALID_ARGUMENT",
            reason="ERROR_REASON_GRAPH_INVALID",
            violations=[Violation(problem.path, problem.message, problem.reason) for problem in answer.problems],
        )
    if output.as_json:
        output.line({"event": "valid", **plain_dict(answer)})
    output.text(
        f"{file} can be rendered: {answer.frame_count} frames of {answer.width}x{answer.height} "
        f"at {rate_text(answer.frame_rate)} fps"
    )
    for converter in answer.converters:
        # "from" is a word of Python's own.
        had, wanted = (
            graph_pb.PortType.Name(kind).removeprefix("PORT_TYPE_")
            for kind in (getattr(converter, "from"), converter.to)
        )
        output.text(f"  {converter.node}.{converter.input}: {had} is converted to {wanted}")
    if answer.unused_nodes:
        output.text(f"  not used by any output: {', '.join(answer.unused_nodes)}")
