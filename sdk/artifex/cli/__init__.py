"""The command line, `artifex`."""

from __future__ import annotations

import click

from artifex.cli.assets import assets
from artifex.cli.generate import generate
from artifex.cli.generations import generations
from artifex.cli.graph import graph
from artifex.cli.jobs import jobs
from artifex.cli.models import models, styles
from artifex.cli.nodes import nodes
from artifex.cli.preview import preview_command as preview
from artifex.cli.projects import projects
from artifex.cli.render import render
from artifex.cli.traces import traces
from artifex.cli.up import up
from artifex.cli.workers import workers

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """ArtifexPro Studio: real footage, generated shots and titles, composed as a graph and rendered to a movie.

    \b
    Talks to ARTIFEX_ENDPOINT, by default the studio that `artifex up` runs on this machine, with ARTIFEX_TOKEN or the
    key that `artifex up` stored.

    \b
    Exit codes: 0 done, and the output exists and was verified · 1 not possible now, or a fault of the studio ·
    2 wrong usage · 3 a file, a graph or a request is not right · 4 not signed in or not allowed · 5 no such thing ·
    6 the job failed · 7 the job was cancelled · 8 nobody answers · 9 the output is not what was ordered ·
    10 frames were dropped · 130 interrupted
    """


_COMMANDS = (
    up,
    assets,
    nodes,
    graph,
    preview,
    render,
    generate,
    generations,
    models,
    styles,
    jobs,
    workers,
    projects,
    traces,
)
for command in _COMMANDS:
    main.add_command(command)
