"""`artifex graph`: is a document right, and how would it be rendered?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from artifex.cli.output import Output, plain_dict, studio_command
from artifex.cli.progress import transfer
from artifex.cli.words import rate_text, seconds_text
from artifex.client import Client
from artifex.drawing import draw_dot, draw_svg, set_aside_text, title
from artifex.errors import FileProblem, GraphInvalid, Violation
from artifex.generator.v1 import messages_pb2 as generator
from artifex.graph.v1 import messages_pb2 as graph_pb
from artifex.graph.v1 import plan_pb2 as plan_pb
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
    _refuse(file, answer.problems)
    if output.as_json:
        output.line({"event": "valid", **plain_dict(answer)})
    output.text(
        f"{file} can be rendered: {answer.frame_count} frames of {answer.width}x{answer.height} "
        f"at {rate_text(answer.frame_rate)} fps"
    )
    for converter in answer.converters:
        output.text(f"  {_converter_text(converter)}")
    if answer.unused_nodes:
        output.text(f"  not used by any output: {', '.join(answer.unused_nodes)}")


_DRAWINGS = {".svg": draw_svg, ".dot": draw_dot}


@graph.command("explain")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--output", "output_node", default="", metavar="NODE", help="Which output, where there are several.")
@click.option("--draw", type=click.Path(path_type=Path), help="Draw the plan to this file: .svg or .dot.")
@studio_command
async def explain(output: Output, studio: Client, file: Path, output_node: str, draw: Path | None) -> None:
    """Show how the graph document FILE would be rendered: what is done as one, kept, left out, and what it costs.

    Local files that it names are uploaded, once: what they hold decides how they are read.
    """
    if draw is not None and draw.suffix.lower() not in _DRAWINGS:
        raise click.UsageError(f"--draw {draw}: a drawing ends in {' or '.join(_DRAWINGS)}")
    document = GraphFile(file)
    with transfer(output, "uploading") as progress:
        text = await document.upload(studio, progress)
    answer = await studio.graphs.explain(text, output_node)
    _refuse(file, answer.problems)
    plan = answer.plan
    if draw is not None:
        _write(draw, _DRAWINGS[draw.suffix.lower()](plan))
    if output.as_json:
        output.line({"event": "plan", **plain_dict(plan)})
        return
    output.text(title(plan))
    if plan.once_ms:
        output.text(f"and {plan.once_ms:.1f} ms once, for what never changes")
    output.console.print(_table(output, plan))
    if len(plan.steps) < plan.step_count:
        output.text(f"… and {plan.step_count - len(plan.steps)} more steps")
    for capture in plan.captures:
        output.text(f"  {capture_text(capture)}")
    for shot in plan.generations:
        output.text(f"  {shot_text(shot)}")
    if plan.generation_count > len(plan.generations):
        output.text(f"… and {plan.generation_count - len(plan.generations)} more shots")
    if needed := [shot for shot in plan.generations if shot.state == plan_pb.PlanGeneration.STATE_NEEDED]:
        seconds = sum(shot.seconds for shot in needed)
        output.text(f"  to generate first: {len(needed)} of {plan.generation_count}, about {seconds_text(seconds)}")
    for analysis in plan.analyses:
        output.text(f"  {analysis_text(analysis)}")
    for converter in plan.converters:
        output.text(f"  {_converter_text(converter)}")
    for entry in plan.set_aside:
        output.text(f"  {entry.node}: {set_aside_text(entry)}")
    if draw is not None:
        output.text(f"drawn to {draw}")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileProblem(f"{path}: {error.strerror or error}") from None


def _table(output: Output, plan: plan_pb.RenderPlan) -> Table:
    table = output.table("step", "nodes", "reads", "how", "kept", "ms", "share")
    for step in plan.steps:
        repeated = not step.constant and not step.sound
        share = f"{100 * step.cost_ms / plan.frame_ms:.0f} %" if repeated and plan.frame_ms else ""
        nodes = [f"{node} ({kind})" for node, kind in zip(step.nodes, step.types, strict=False)]
        cells = (
            str(step.index),
            " + ".join(
                nodes if len(nodes) <= _MOST_NODES else [*nodes[:_MOST_NODES], f"{len(nodes) - _MOST_NODES} more"]
            ),
            ", ".join(f"{source.name}: {source.step}" for source in step.inputs),
            ", ".join(_how(step)),
            _KEPT[step.cache],
            "" if step.sound else f"{step.cost_ms:.1f}",
            share,
        )
        table.add_row(*cells)
    return table


def analysis_text(analysis: plan_pb.PlanAnalysis) -> str:
    """What a plan says of one of its analyses, for people."""
    read = ", ".join(source.name for source in analysis.inputs) or "nothing"
    after = f", after {', '.join(analysis.after)}" if analysis.after else ""
    stored = analysis.state == plan_pb.PlanAnalysis.STATE_STORED
    how = "known from before" if stored else f"analysed first{after}"
    return f"{analysis.node} ({analysis.type}) needs the {analysis.name} of the whole clip ({read}): {how}"


def shot_text(shot: plan_pb.PlanGeneration) -> str:
    """What a plan says of a shot that is generated before rendering, for people."""
    about = f"{shot.node} ({shot.type})"
    if shot.HasField("spec"):
        spec = shot.spec
        about += f": {spec.width}x{spec.height}, {spec.frame_count} frames, {spec.steps} steps by {spec.model}"
    if shot.state == plan_pb.PlanGeneration.STATE_STORED:
        return f"{about}: known from before"
    if shot.state == plan_pb.PlanGeneration.STATE_REFUSED:
        return f"{about}: cannot be generated: {shot.failure.message}"
    if shot.state == plan_pb.PlanGeneration.STATE_UNKNOWN and shot.failure.message:
        return f"{about}: nobody knows: {shot.failure.message}"
    known = "measured" if shot.calibrated else "from published rates"
    takes = f"about {seconds_text(shot.seconds)} on {shot.device}, {known}"
    if shot.state == plan_pb.PlanGeneration.STATE_UNKNOWN:
        return f"{about}: {takes}, unless it is known once its prompt is told"
    return f"{about}: generated first, {takes}"


def capture_text(capture: plan_pb.PlanCapture) -> str:
    """What a plan says of a picture that a shot goes on from, for people."""
    last = capture.role == generator.PlannedPicture.ROLE_LAST
    about = f"{capture.node} {'ends' if last else 'begins'} with frame {capture.frame} of its {capture.input.name}"
    if capture.state == plan_pb.PlanCapture.STATE_STORED:
        return f"{about}: known from before"
    after = f", after {', '.join(capture.after)}" if capture.after else ""
    return f"{about}: rendered first{after}"


_MOST_NODES = 6
_KEPT = {
    plan_pb.PlanStep.CACHE_UNSPECIFIED: "",
    plan_pb.PlanStep.CACHE_PASSING: "",
    plan_pb.PlanStep.CACHE_ONCE: "for all frames",
    plan_pb.PlanStep.CACHE_WINDOW: "for the next frames",
}
_KINDS = {
    plan_pb.PlanStep.KIND_GRADE_RUN: "one colour pass of {}",
    plan_pb.PlanStep.KIND_MOTION_RUN: "one resampling of {}",
    plan_pb.PlanStep.KIND_CONVERTER: "inserted",
    plan_pb.PlanStep.KIND_MUTED: "muted",
}


def _how(step: plan_pb.PlanStep) -> list[str]:
    words = [_KINDS[step.kind].format(len(step.nodes))] if step.kind in _KINDS else []
    if step.constant:
        words.append("constant")
    if number := getattr(step, "pass"):
        words.append(f"strips {number}")
    if step.sound:
        words.append("sound")
    return words


def _converter_text(converter: graph_pb.InsertedConverter) -> str:
    # "from" is a word of Python's own.
    had, wanted = (
        graph_pb.PortType.Name(kind).removeprefix("PORT_TYPE_") for kind in (getattr(converter, "from"), converter.to)
    )
    return f"{converter.node}.{converter.input}: {had} is converted to {wanted}"


def _refuse(file: Path, problems: Sequence[graph_pb.GraphProblem]) -> None:
    """Raise the problems of a document that cannot be rendered, if there are any."""
    if problems:
        raise GraphInvalid(
            f"{file} cannot be rendered",
            code="INVALID_ARGUMENT",
            reason="ERROR_REASON_GRAPH_INVALID",
            violations=[Violation(problem.path, problem.message, problem.reason) for problem in problems],
        )
