"""`artifex projects`: shared projects and their stored graph documents."""

from __future__ import annotations

from pathlib import Path

import click

from artifex.cli.output import Output, studio_command
from artifex.cli.progress import transfer
from artifex.cli.words import time_text
from artifex.client import Client
from artifex.errors import NotFound
from artifex.graphfile import GraphFile


@click.group()
def projects() -> None:
    """Projects and their documents."""


def full_name(project: str) -> str:
    return project if project.startswith("projects/") else f"projects/{project}"


@projects.command("create")
@click.argument("project_id", metavar="ID")
@click.option("--name", "display_name", default="", help="What people call it.")
@studio_command
async def create(output: Output, studio: Client, project_id: str, display_name: str) -> None:
    """Make a project."""
    project = await studio.projects.create(project_id, display_name=display_name)
    if output.as_json:
        output.line(project)
    output.text(project.name)


@projects.command("list")
@studio_command
async def list_projects(output: Output, studio: Client) -> None:
    """List the projects."""
    table = output.table("project", "name", "made")
    async for project in studio.projects.list():
        if output.as_json:
            output.line(project)
        table.add_row(project.name, project.display_name, time_text(project.create_time))
    if not output.as_json:
        output.console.print(table)


@projects.command("get")
@click.argument("project")
@studio_command
async def get(output: Output, studio: Client, project: str) -> None:
    """Show PROJECT and its documents."""
    found = await studio.projects.get(full_name(project))
    if output.as_json:
        output.line(found)
    output.text(f"{found.name}  {found.display_name}")
    table = output.table("document", "name", "revision", "changed")
    async for document in studio.projects.list_documents(found.name):
        if output.as_json:
            output.line(document)
        table.add_row(document.name, document.display_name, str(document.revision), time_text(document.update_time))
    if not output.as_json:
        output.console.print(table)


@projects.command("delete")
@click.argument("project")
@studio_command
async def delete(output: Output, studio: Client, project: str) -> None:
    """Remove PROJECT and its documents."""
    await studio.projects.delete(full_name(project))
    output.text(f"{full_name(project)} is removed")


@projects.command("save")
@click.argument("project")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--id", "document_id", default="", help="The document's id. Default: the file's name.")
@click.option("--message", default="", help="What changed, for the history.")
@studio_command
async def save(output: Output, studio: Client, project: str, file: Path, document_id: str, message: str) -> None:
    """Store the graph document FILE in PROJECT, as a new revision where it is there already.

    Local files that it names are uploaded, and the stored document names the assets.
    """
    document = GraphFile(file)
    with transfer(output, "uploading") as progress:
        text = await document.upload(studio, progress)
    parent, document_id = full_name(project), document_id or file.stem.lower()
    try:
        known = await studio.projects.get_document(f"{parent}/documents/{document_id}")
    except NotFound:
        stored = await studio.projects.create_document(parent, text, document_id=document_id, display_name=file.stem)
    else:
        stored = await studio.projects.update_document(known.name, text, etag=known.etag, message=message)
    if output.as_json:
        output.line(stored)
    output.text(f"{stored.name}, revision {stored.revision}")


@projects.command("show")
@click.argument("document")
@click.option("--revision", default=0, type=click.IntRange(0), help="Default: the newest.")
@studio_command
async def show(output: Output, studio: Client, document: str, revision: int) -> None:
    """Print a stored DOCUMENT, projects/P/documents/D."""
    found = await studio.projects.get_document(document, revision=revision)
    if output.as_json:
        output.line(found)
    output.text(found.content_json)
