"""The API as the gateway sees it: every rpc with its REST bindings, read from the descriptors that the services serve.

Routes, public paths and time limits follow from here, so that a new rpc needs no line in the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.rpc import error_details_pb2, status_pb2

from artifex.auth.v1 import service_pb2 as auth
from artifex.collab.v1 import service_pb2 as collab
from artifex.common.v1 import policy_pb2
from artifex.generator.v1 import service_pb2 as generator
from artifex.graph.v1 import service_pb2 as graph
from artifex.media.v1 import service_pb2 as media

UPSTREAMS: dict[str, FileDescriptor] = {
    "auth": auth.DESCRIPTOR,
    "media": media.DESCRIPTOR,
    "graph": graph.DESCRIPTOR,
    "generator": generator.DESCRIPTOR,
    "collab": collab.DESCRIPTOR,
}

_VARIABLE = re.compile(r"\{[\w.]+(?:=([^}]+))?\}")


@dataclass(frozen=True)
class Binding:
    """One REST form of an rpc."""

    verb: str
    """`GET`, `POST`, …"""
    template: str
    """As the proto has it: `/v1/{name=assets/*}:download`."""

    @property
    def regex(self) -> str:
        """Matches a request path as a whole, without its query."""
        path = _VARIABLE.sub(lambda match: match.group(1) or "*", self.template)
        pieces = re.split(r"(\*\*|\*)", path)
        return "".join({"*": "[^/:]+", "**": ".+"}.get(piece, re.escape(piece)) for piece in pieces)

    @property
    def is_literal(self) -> bool:
        return "{" not in self.template and "*" not in self.template


@dataclass(frozen=True)
class Rpc:
    upstream: str
    service: str
    """`artifex.media.v1.MediaService`"""
    method: str
    client_streaming: bool
    server_streaming: bool
    public: bool
    """True when no token is asked for."""
    bindings: tuple[Binding, ...]

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.method}"

    @property
    def streaming(self) -> bool:
        return self.client_streaming or self.server_streaming

    @property
    def conversation(self) -> bool:
        """True when both sides stream: such an rpc has no form in REST or gRPC-Web, which know no such thing."""
        return self.client_streaming and self.server_streaming


def _bindings(rule: http_pb2.HttpRule) -> Iterator[Binding]:
    verb = rule.WhichOneof("pattern")
    if verb == "custom":
        yield Binding(rule.custom.kind, rule.custom.path)
    elif verb is not None:
        yield Binding(verb.upper(), getattr(rule, verb))
    for more in rule.additional_bindings:
        yield from _bindings(more)


def _rpc(upstream: str, method: MethodDescriptor) -> Rpc:
    options = method.GetOptions()
    policy = options.Extensions[policy_pb2.policy]
    return Rpc(
        upstream=upstream,
        service=method.containing_service.full_name,
        method=method.name,
        client_streaming=method.client_streaming,
        server_streaming=method.server_streaming,
        public=policy.permission == policy_pb2.PERMISSION_PUBLIC,
        bindings=tuple(_bindings(options.Extensions[annotations_pb2.http])),
    )


def rpcs() -> list[Rpc]:
    """Every rpc of every service, in the order of the protos."""
    return [
        _rpc(upstream, method)
        for upstream, file in UPSTREAMS.items()
        for service in file.services_by_name.values()
        for method in service.methods
    ]


def service_names() -> list[str]:
    return list(dict.fromkeys(rpc.service for rpc in rpcs()))


def descriptor_set() -> bytes:
    """A serialised FileDescriptorSet of all services, everything they import, and the types of error details.

    The details' types are imported by no service, and without them Envoy could not turn an error into JSON.
    """
    found: dict[str, FileDescriptor] = {}

    def visit(file: FileDescriptor) -> None:
        if file.name not in found:
            for dependency in file.dependencies:
                visit(dependency)
            found[file.name] = file

    for file in (*UPSTREAMS.values(), error_details_pb2.DESCRIPTOR, status_pb2.DESCRIPTOR):
        visit(file)
    result = FileDescriptorSet()
    for file in found.values():
        file.CopyToProto(result.file.add())
    return result.SerializeToString(deterministic=True)
