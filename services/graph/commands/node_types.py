"""Show the catalogue: what each node type takes, makes and means."""

from __future__ import annotations

import json
import math
from typing import Any

from artifex.graph.v1 import messages_pb2, plan_pb2
from artifex.nodes import REQUIRED, Input, Node, Output, Parameter, Points, PortType
from libs.chassis.errors import NotFound
from libs.chassis.paging import decode_page_token, encode_page_token, page_size
from libs.chassis.principal import Principal
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.plan import Edge

_METHOD = "ListNodeTypes"
_COLLECTION = "nodeTypes"


def list_node_types(
    catalogue: Catalogue, caller: Principal, request: messages_pb2.ListNodeTypesRequest
) -> messages_pb2.ListNodeTypesResponse:
    """One page of types, in the order of their names.

    Raises:
        InvalidArgument: the page token is not one of this call's.
    """
    size = page_size(request.page_size)
    after = decode_page_token(_METHOD, request.page_token, caller.tenant)
    following = sorted(name for name in catalogue if name > after)
    page = following[:size]
    response = messages_pb2.ListNodeTypesResponse(node_types=[node_type_message(catalogue[name]) for name in page])
    if len(following) > size:
        response.next_page_token = encode_page_token(_METHOD, page[-1], caller.tenant)
    return response


def get_node_type(catalogue: Catalogue, name: str) -> messages_pb2.NodeType:
    """The type called `nodeTypes/{type}`.

    Raises:
        NotFound: there is none of this name; the message offers the nearest.
    """
    wanted = name.removeprefix(f"{_COLLECTION}/")
    node = catalogue.get(wanted)
    if node is None:
        closest = catalogue.closest(wanted)
        hint = f"; did you mean {closest}?" if closest else ""
        raise NotFound(name, message=f"there is no node type {wanted}{hint}")
    return node_type_message(node)


def port_type(kind: PortType) -> messages_pb2.PortType.ValueType:
    return messages_pb2.PortType.Value(f"PORT_TYPE_{kind.name}")


def plan_input(name: str, edge: Edge) -> plan_pb2.PlanInput:
    """What a plan says of an input of this name."""
    return plan_pb2.PlanInput(name=name, step=edge.step, output=edge.output.name, type=port_type(edge.output.kind))


def node_type_message(node: type[Node]) -> messages_pb2.NodeType:
    schema = node.schema
    return messages_pb2.NodeType(
        pack=node.pack,
        name=f"{_COLLECTION}/{schema.type}",
        type=schema.type,
        category=schema.category,
        version=schema.version,
        summary=schema.summary,
        documentation=schema.documentation,
        inputs=[_input(port) for port in schema.inputs.values()],
        outputs=[_output(port) for port in schema.outputs.values()],
        parameters=[_parameter(parameter) for parameter in schema.parameters.values()],
    )


def _input(port: Input) -> messages_pb2.Port:
    return messages_pb2.Port(
        name=port.name,
        type=port_type(port.kind),
        required=port.required,
        description=port.doc,
        multiple=port.multiple,
    )


def _output(port: Output) -> messages_pb2.Port:
    return messages_pb2.Port(name=port.name, type=port_type(port.kind), description=port.doc)


def _parameter(parameter: Parameter[Any]) -> messages_pb2.Parameter:
    default = "" if parameter.default is REQUIRED else json.dumps(parameter.to_json(parameter.default))
    return messages_pb2.Parameter(
        name=parameter.name,
        type=messages_pb2.ParameterType.Value(f"PARAMETER_TYPE_{parameter.kind.name}"),
        description=parameter.doc,
        default_json=default,
        minimum=parameter.minimum,
        maximum=parameter.maximum,
        unit=parameter.unit,
        animatable=parameter.animatable,
        choices=parameter.choices,
        **_points(parameter),
    )


def _points(parameter: Parameter[Any]) -> dict[str, Any]:
    """What only a parameter of points has."""
    if not isinstance(parameter, Points):
        return {}
    columns = [
        messages_pb2.Column(
            name=column.name,
            minimum=column.minimum if math.isfinite(column.minimum) else None,
            maximum=column.maximum if math.isfinite(column.maximum) else None,
            default_value=column.default,
        )
        for column in parameter.columns
    ]
    return {"columns": columns, "least_points": parameter.least, "most_points": parameter.most}
