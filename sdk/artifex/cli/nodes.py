"""`artifex nodes`: what a graph can be built of."""

from __future__ import annotations

import click

from artifex.cli.output import Output, studio_command
from artifex.client import Client
from artifex.graph.v1 import messages_pb2 as graph


@click.group()
def nodes() -> None:
    """The node types of the studio."""


@nodes.command("list")
@studio_command
async def list_nodes(output: Output, studio: Client) -> None:
    """List the node types by category."""
    found = [node_type async for node_type in studio.graphs.node_types()]
    table = output.table("type", "category", "version", "what it does")
    for node_type in sorted(found, key=lambda item: (item.category, item.type)):
        if output.as_json:
            output.line(node_type)
        table.add_row(node_type.type, node_type.category, node_type.version, node_type.summary)
    if not output.as_json:
        output.console.print(table)


@nodes.command("describe")
@click.argument("type_name", metavar="TYPE")
@studio_command
async def describe(output: Output, studio: Client, type_name: str) -> None:
    """Tell all about TYPE: inputs, outputs, parameters with their bounds, and what it computes."""
    node_type = await studio.graphs.node_type(type_name)
    if output.as_json:
        output.line(node_type)
        return
    origin = f", from the pack {node_type.pack}" if node_type.pack else ""
    output.text(f"{node_type.type} {node_type.version} ({node_type.category}{origin})\n\n{node_type.documentation}\n")
    ports = output.table("port", "type", "", "description")
    for port in node_type.inputs:
        notes = ["input", *["required"] * port.required, *["any number"] * port.multiple]
        ports.add_row(port.name, port_type(port), ", ".join(notes), port.description)
    for port in node_type.outputs:
        ports.add_row(port.name, port_type(port), "output", port.description)
    output.console.print(ports)
    output.text("")
    parameters = output.table("parameter", "type", "default", "bounds", "animatable", "description")
    for parameter in node_type.parameters:
        parameters.add_row(
            parameter.name,
            graph.ParameterType.Name(parameter.type).removeprefix("PARAMETER_TYPE_").lower(),
            parameter.default_json or "(required)",
            bounds(parameter),
            "yes" if parameter.animatable else "no",
            parameter.description,
        )
    output.console.print(parameters)


def port_type(port: graph.Port) -> str:
    return graph.PortType.Name(port.type).removeprefix("PORT_TYPE_")


def bounds(parameter: graph.Parameter) -> str:
    """What values a parameter takes: "0..1 px", "over, under", "2..64 of [x, y 0..1, slope = 0]"."""
    if parameter.choices:
        return ", ".join(parameter.choices)
    if parameter.columns:
        columns = ", ".join(map(_column, parameter.columns))
        return f"{parameter.least_points}..{parameter.most_points} of [{columns}] {parameter.unit}".rstrip()
    return " ".join(part for part in (_between(parameter), parameter.unit) if part)


def _column(column: graph.Column) -> str:
    usual = f"= {column.default_value:g}" if column.HasField("default_value") else ""
    return " ".join(part for part in (column.name, _between(column), usual) if part)


def _between(bounded: graph.Parameter | graph.Column) -> str:
    low = f"{bounded.minimum:g}" if bounded.HasField("minimum") else ""
    high = f"{bounded.maximum:g}" if bounded.HasField("maximum") else ""
    return f"{low}..{high}" if low or high else ""
