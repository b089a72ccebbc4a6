"""`artifex preview`: one frame of a graph at once, what it holds, or how well the graph plays."""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import click

from artifex.assets import check_destination
from artifex.cli.output import Output, plain_dict, studio_command
from artifex.cli.progress import transfer
from artifex.cli.words import size_text
from artifex.client import Client
from artifex.errors import FileProblem
from artifex.graph.v1 import preview_pb2 as preview
from artifex.graphfile import GraphFile
from artifex.previews import SCOPES, Picture, PreviewSession, look_at, measure

STORED = "projects/"
_FORMATS = {
    ".png": preview.PREVIEW_FORMAT_PNG,
    ".jpg": preview.PREVIEW_FORMAT_JPEG,
    ".jpeg": preview.PREVIEW_FORMAT_JPEG,
    ".webp": preview.PREVIEW_FORMAT_WEBP,
}


class _Scale(click.ParamType[Fraction]):
    name = "scale"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        try:
            scale = Fraction(str(value))
        except (ValueError, ZeroDivisionError):
            self.fail(f"{value!r} is no number; write 1/4 or 0.25", param, ctx)
        if not Fraction(1, 64) <= scale <= 1:
            self.fail("a scale is at least 1/64 and at most 1", param, ctx)
        return scale


class _Integers(click.ParamType[tuple[int, ...]]):
    def __init__(self, names: str) -> None:
        self.name = names
        self._count = len(names.split(","))

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        try:
            numbers = tuple(int(part) for part in str(value).split(","))
        except ValueError:
            numbers = ()
        if len(numbers) != self._count or min(numbers) < 0:
            self.fail(f"{value!r} is not of the form {self.name}", param, ctx)
        return numbers


@click.command("preview")
@click.argument("document", metavar="GRAPH.json")
@click.option("--frame", default=0, show_default=True, type=click.IntRange(min=0), help="The frame, from 0 on.")
@click.option("--node", default="", metavar="NODE[.OUTPUT]", help="Look at a node in the middle of the graph.")
@click.option("--scale", default="1", show_default=True, type=_Scale(), metavar="1/4", help="Size of the picture.")
@click.option("--region", type=_Integers("x,y,w,h"), metavar="X,Y,W,H", help="A part, in pixels of the document.")
@click.option("--set", "assignments", multiple=True, metavar="NODE.PARAM=VALUE", help="Change a parameter; repeatable.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Save the picture: .png, .jpg or .webp. Default: the graph's name .png, unless something else is asked for.",
)
@click.option("--scopes", type=click.Path(path_type=Path, dir_okay=False), help="Save waveform, parade, … as a .png.")
@click.option(
    "--probe", "probes", type=_Integers("x,y"), multiple=True, metavar="X,Y", help="Tell a pixel's values; repeatable."
)
@click.option("--play", is_flag=True, help="Play from the frame to the end, and count the frames that are dropped.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="With --play: only so long.")
@studio_command
async def preview_command(
    output: Output,
    studio: Client,
    document: str,
    frame: int,
    node: str,
    scale: Fraction,
    region: tuple[int, int, int, int] | None,
    assignments: tuple[str, ...],
    out: Path | None,
    scopes: Path | None,
    probes: tuple[tuple[int, int], ...],
    play: bool,
    seconds: float | None,
) -> None:
    """Show one frame of GRAPH.json without rendering the movie.

    Files that the graph names are uploaded, once by content; a stored document is looked at by its name,
    projects/P/documents/D. Probes are scene-linear in the document's working space. With --play nothing is saved: the
    studio sends each frame at its time, and exit code 0 says that none was dropped.
    """
    if out is None and not (scopes or probes or play):
        out = Path(f"{document.rpartition('/')[2].removesuffix('.json')}.png")
    if out is not None and out.suffix.lower() not in _FORMATS:
        raise click.UsageError(f"--out {out}: a picture is saved as {', '.join(_FORMATS)}")
    for target in (out, scopes):
        if target is not None:
            check_destination(target)
    text = ""
    if document.startswith(STORED):
        if assignments:
            raise FileProblem("--set changes local files only: a stored document is shown as it is")
    else:
        file = GraphFile(Path(document))
        for assignment in assignments:
            file.set_parameter(assignment)
        with transfer(output, "uploading") as progress:
            text = await file.upload(studio, progress)
    session = studio.previews.open(
        text,
        document="" if text else document,
        frame=frame,
        look=look_at(
            node,
            scale=scale,
            region=region,
            format=_FORMATS[out.suffix.lower()] if out is not None else preview.PREVIEW_FORMAT_JPEG,
            drafts=False,
        ),
        meters=measure(list(SCOPES) if scopes else (), probes, picture=scopes is not None),
    )
    async with session:
        picture = await session.picture()
        if play:
            await _play(output, session, seconds)
        else:
            _save(output, picture, out, scopes)


def _save(output: Output, picture: Picture, out: Path | None, scopes: Path | None) -> None:
    head = picture.head
    if out is not None:
        out.write_bytes(picture.data)
        output.text(f"{out}: frame {head.frame}, {head.width}x{head.height}, {size_text(len(picture.data))}")
    if scopes is not None and picture.scopes is not None:
        scopes.write_bytes(picture.scopes.picture)
        output.text(f"{scopes}: {', '.join(SCOPES)} of frame {head.frame}")
    for probe in picture.probes:
        place = f"{probe.point.x},{probe.point.y}"
        if not probe.inside:
            output.text(f"{place}: outside of the picture")
            continue
        linear = " ".join(f"{value:.6g}" for value in probe.working)
        shown = " ".join(f"{value:.4f}" for value in probe.display)
        output.text(f"{place}: linear {linear}  display {shown}")
    if output.as_json:
        output.line(
            {
                "event": "picture",
                "output": str(out) if out else "",
                "scopes": str(scopes) if scopes else "",
                "frame": head.frame,
                "width": head.width,
                "height": head.height,
                "probes": [plain_dict(probe) for probe in picture.probes],
                "timing": plain_dict(head.timing),
            }
        )


async def _play(output: Output, session: PreviewSession, seconds: float | None) -> None:
    movie = session.movie
    assert movie is not None
    rate = Fraction(movie.frame_rate.numerator, movie.frame_rate.denominator)
    start = session.status.frame
    end = movie.frame_count if seconds is None else min(movie.frame_count, start + max(1, round(seconds * rate)))
    await session.play(end_frame=end)
    arrivals: list[float] = []
    began = False
    async for event in session.events():
        if isinstance(event, Picture) and event.head.playing:
            arrivals.append(time.monotonic())
        elif isinstance(event, preview.PreviewStatus):
            began = began or event.state == preview.PreviewStatus.STATE_PLAYING
            if began and event.state != preview.PreviewStatus.STATE_PLAYING:
                break
    dropped = session.status.counters.dropped
    gaps = [after - before for before, after in pairwise(arrivals)]
    longest = max(gaps, default=0.0)
    took = arrivals[-1] - arrivals[0] if gaps else 0.0
    if output.as_json:
        output.line(
            {
                "event": "played",
                "frames": len(arrivals),
                "dropped": dropped,
                "seconds": round(took, 3),
                "longest_gap": round(longest, 4),
            }
        )
    output.text(
        f"{len(arrivals)} frames in {took:.2f} s of {float(rate):.5g} a second: {dropped} dropped, "
        f"the longest gap {longest * 1000:.0f} ms"
    )
    if dropped:
        raise SystemExit(10)
