"""`artifex workers`: the processes that render."""

from __future__ import annotations

import click

from artifex.cli.output import Output, studio_command
from artifex.cli.words import size_text, time_text
from artifex.client import Client
from artifex.graph.v1 import messages_pb2 as graph


@click.group()
def workers() -> None:
    """The processes that render."""


@workers.command("list")
@studio_command
async def list_workers(output: Output, studio: Client) -> None:
    """List the workers, and those lost a short while ago."""
    table = output.table("worker", "state", "work", "done", "failed", "memory", "machine", "version", "heard", "note")
    found = False
    async for worker in studio.workers.list():
        found = True
        if output.as_json:
            output.line(worker)
        table.add_row(
            worker.name.removeprefix("workers/"),
            graph.Worker.State.Name(worker.state).removeprefix("STATE_").lower(),
            f"{worker.busy}/{worker.slots}",
            str(worker.tasks_done),
            str(worker.tasks_failed),
            size_text(worker.memory_bytes),
            f"{worker.cores} cores {' '.join(worker.cpu_features)}",
            worker.version,
            time_text(worker.heard_time),
            f"until {time_text(worker.rest_until_time)}: {worker.rest_reason}" if worker.rest_reason else "",
        )
    if output.as_json:
        return
    if not found:
        output.text("no worker is there: start one with `python -m services.graph worker`")
        return
    output.console.print(table)
