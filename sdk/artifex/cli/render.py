"""`artifex render`: a graph in, a verified movie out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from artifex.assets import check_destination, holds_stills
from artifex.cli.output import Output, plain_dict, studio_command
from artifex.cli.progress import RenderProgress, transfer
from artifex.cli.words import asset_summary, seconds_between, size_text
from artifex.client import Client
from artifex.errors import FileProblem
from artifex.graph.v1 import messages_pb2 as graph
from artifex.graphfile import GraphFile
from artifex.renders import raise_unless_succeeded
from artifex.stills import pattern_of
from artifex.verify import verified_output

STORED = "projects/"
PRIORITIES = {
    name.removeprefix("PRIORITY_").lower(): value
    for name, value in graph.Priority.items()
    if value != graph.PRIORITY_UNSPECIFIED
}


@click.command()
@click.argument("document", metavar="GRAPH.json")
@click.option("--set", "assignments", multiple=True, metavar="NODE.PARAM=VALUE", help="Change a parameter; repeatable.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Save the movie as this file; stills in this folder, as a pattern such as shot.####.exr, or as a .zip file. "
    "Default: the FileOutput's own path, in this folder.",
)
@click.option("--watch", is_flag=True, help="Tell of every task as it goes.")
@click.option(
    "--priority",
    type=click.Choice(list(PRIORITIES)),
    default="normal",
    help="Among your studio's own jobs; others have their share whatever it is.",
)
@studio_command
async def render(
    output: Output,
    studio: Client,
    document: str,
    assignments: tuple[str, ...],
    out: Path | None,
    watch: bool,
    priority: str,
) -> None:
    """Render GRAPH.json, wait for the movie or the stills, save and verify them.

    Files that the graph names are taken from its own folder and uploaded, once by content. A stored document is
    rendered by its name, projects/P/documents/D. Ctrl-C cancels the job.
    """
    if document.startswith(STORED):
        if assignments:
            raise FileProblem("--set changes local files only: a stored document is rendered as it is")
        name = document.rpartition("/")[2]
        out = out or Path(f"{name}.mp4")
        check_destination(out, stills=out.is_dir() or pattern_of(out.name) is not None)
        job = await studio.renders.create(document=document, display_name=name, priority=PRIORITIES[priority])
    else:
        file = GraphFile(Path(document))
        for assignment in assignments:
            file.set_parameter(assignment)
        if out is not None and (ending := other_ending(out, file.output_name())):
            output.note(f"{out} will hold what its document says: {ending}; change the output's path for another kind")
        out = out or Path(Path(file.output_name()).name or f"{file.path.stem}.mp4")
        check_destination(out, stills=pattern_of(Path(file.output_name()).name) is not None)
        with transfer(output, "uploading") as progress:
            text = await file.upload(studio, progress)
        job = await studio.renders.create(text, display_name=file.path.stem, priority=PRIORITIES[priority])
    await finish(output, studio, job, out, verbose=watch)


def other_ending(out: Path, path: str) -> str:
    """The ending of what a document writes to `path`, where that is a file and not what `out` is called; else empty."""
    written = Path(path).suffix.lower()
    return written if pattern_of(Path(path).name) is None and out.suffix.lower() != written else ""


async def finish(output: Output, studio: Client, job: graph.RenderJob, out: Path, *, verbose: bool) -> None:
    """Follow a job to its end, save its movie, or its stills, as `out`, verify it and say so."""
    if output.as_json:
        output.line({"event": "submitted", **plain_dict(job)})
    output.note(f"{job.name}: {job.frame_count} frames, trace {job.trace_id}")
    try:
        await follow(output, studio, job, verbose=verbose)
        job = await studio.renders.get(job.name)
        raise_unless_succeeded(job)
        asset = await verified_output(studio, job)
        with transfer(output, "downloading") as progress:
            if holds_stills(asset):
                await studio.assets.download_stills(asset.name, out, on_progress=progress)
            else:
                await studio.assets.download(asset.name, out, on_progress=progress)
    except asyncio.CancelledError:
        # Ctrl-C: nobody waits for the movie any more, so nobody should compute it.
        await studio.renders.cancel(job.name)
        output.note(f"interrupted: {job.name} is cancelled")
        raise
    seconds = seconds_between(job.create_time, job.end_time)
    if output.as_json:
        output.line(
            {
                "event": "done",
                "job": job.name,
                "asset": asset.name,
                "output": str(out),
                "size": asset.blob.size,
                "digest": asset.blob.digest,
                "frames": job.frame_count,
                "seconds": seconds,
                "trace_id": job.trace_id,
                "verified": True,
            }
        )
    output.text(f"{out}: {asset_summary(asset)}, {size_text(asset.blob.size)}; verified; {seconds:.1f} s")


async def follow(output: Output, studio: Client, job: graph.RenderJob, *, verbose: bool) -> None:
    """Show a job's events until it has ended."""
    with RenderProgress(output, job, verbose=verbose) as progress:
        async for event in studio.renders.watch(job.name):
            progress.event(event)
