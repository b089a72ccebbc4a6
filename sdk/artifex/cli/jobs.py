"""`artifex jobs`: what is being rendered, and what was."""

from __future__ import annotations

import click

from artifex.cli.output import Output, plain_dict, studio_command
from artifex.cli.render import follow
from artifex.cli.words import state_text, time_text
from artifex.client import Client
from artifex.graph.v1 import messages_pb2 as graph
from artifex.renders import raise_unless_succeeded
from artifex.verify import verified_output

STATES = {name.removeprefix("STATE_").lower(): value for name, value in graph.RenderJob.State.items() if value}


@click.group()
def jobs() -> None:
    """Render jobs."""


def full_name(job: str) -> str:
    return job if job.startswith("renderJobs/") else f"renderJobs/{job}"


@jobs.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(list(STATES)), help="Only these; repeatable.")
@studio_command
async def list_jobs(output: Output, studio: Client, states: tuple[str, ...]) -> None:
    """List the jobs, newest first."""
    table = output.table("job", "name", "state", "frames", "made", "movie")
    async for job in studio.renders.list([STATES[state] for state in states]):
        if output.as_json:
            output.line(job)
        table.add_row(
            job.name,
            job.display_name,
            state_text(job),
            f"{job.progress.frames_done}/{job.frame_count}",
            time_text(job.create_time),
            job.output_asset,
        )
    if not output.as_json:
        output.console.print(table)


@jobs.command("watch")
@click.argument("job")
@studio_command
async def watch(output: Output, studio: Client, job: str) -> None:
    """Follow JOB to its end, from its beginning. Ctrl-C stops watching, not the job."""
    found = await studio.renders.get(full_name(job))
    await follow(output, studio, found, verbose=True)
    found = await studio.renders.get(found.name)
    raise_unless_succeeded(found)
    asset = await verified_output(studio, found)
    if output.as_json:
        output.line({"event": "done", **plain_dict(found)})
    output.text(f"{found.name} succeeded: {asset.name}")


@jobs.command("explain")
@click.argument("job")
@studio_command
async def explain(output: Output, studio: Client, job: str) -> None:
    """Say why JOB waits, or what is done for it."""
    name = full_name(job)
    found = await studio.renders.explain(name)
    if output.as_json:
        output.line(found)
        return
    state = graph.RenderJob.State.Name(found.state).removeprefix("STATE_").lower()
    output.text(f"{name} is {state}")
    for reason in found.reasons:
        output.text(f"  {reason.message}")
        if reason.remedy:
            output.text(f"    {reason.remedy}")


@jobs.command("cancel")
@click.argument("job")
@studio_command
async def cancel(output: Output, studio: Client, job: str) -> None:
    """Stop JOB. One that has ended stays as it is."""
    found = await studio.renders.cancel(full_name(job))
    if output.as_json:
        output.line(found)
    output.text(f"{found.name} {state_text(found)}")


@jobs.command("retry")
@click.argument("job")
@studio_command
async def retry(output: Output, studio: Client, job: str) -> None:
    """Run a failed or cancelled JOB again; what a failed one rendered is kept. Follow it with `artifex jobs watch`."""
    found = await studio.renders.retry(full_name(job))
    if output.as_json:
        output.line(found)
    output.text(f"{found.name} {state_text(found)}")
