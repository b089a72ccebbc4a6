"""`artifex assets`: footage in, movies out."""

from __future__ import annotations

from pathlib import Path

import click

from artifex.assets import holds_stills
from artifex.cli.output import Output, studio_command
from artifex.cli.progress import transfer
from artifex.cli.words import asset_summary, size_text, time_text
from artifex.client import Client


@click.group()
def assets() -> None:
    """Upload, list and download media."""


@assets.command("upload")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@studio_command
async def upload(output: Output, studio: Client, files: tuple[Path, ...]) -> None:
    """Make assets of FILES. What the studio already holds does not travel.

    A folder of numbered stills, or a pattern of their names such as shot.####.exr or shot.%04d.exr, is one asset.
    """
    for file in files:
        with transfer(output, f"uploading {file.name}") as progress:
            asset = await studio.assets.upload(file, on_progress=progress)
        if output.as_json:
            output.line(asset)
        output.text(f"{asset.name}  {asset_summary(asset)}")


@assets.command("list")
@studio_command
async def list_assets(output: Output, studio: Client) -> None:
    """List the media, newest first."""
    table = output.table("asset", "name", "media", "size", "made")
    async for asset in studio.assets.list():
        if output.as_json:
            output.line(asset)
        table.add_row(
            asset.name,
            asset.display_name,
            asset_summary(asset),
            size_text(asset.blob.size),
            time_text(asset.create_time),
        )
    if not output.as_json:
        output.console.print(table)


@assets.command("get")
@click.argument("asset")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Save it as this file; stills in this folder, as a pattern such as shot.####.exr, or as a .zip file. Without "
    "it, only describe it.",
)
@studio_command
async def get(output: Output, studio: Client, asset: str, out: Path | None) -> None:
    """Describe ASSET, or save it as a file."""
    name = asset if asset.startswith("assets/") else f"assets/{asset}"
    found = await studio.assets.get(name)
    if out is not None:
        with transfer(output, f"downloading {name}") as progress:
            if holds_stills(found):
                await studio.assets.download_stills(name, out, on_progress=progress)
            else:
                await studio.assets.download(name, out, on_progress=progress)
    if output.as_json:
        output.line(found)
    output.text(f"{found.name}  {found.display_name}  {asset_summary(found)}" + (f"\nsaved as {out}" if out else ""))
