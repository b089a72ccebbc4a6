"""What the gateway reads out of the services' descriptors."""

from __future__ import annotations

import re

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway.api import Binding, descriptor_set, rpcs, service_names


@pytest.mark.parametrize(
    ("template", "path", "matches"),
    [
        ("/v1/tokens", "/v1/tokens", True),
        ("/v1/tokens", "/v1/tokens/x", False),
        ("/v1/{name=assets/*}", "/v1/assets/01j5", True),
        ("/v1/{name=assets/*}", "/v1/assets/01j5:download", False),
        ("/v1/{name=assets/*}", "/v1/assets/a/b", False),
        ("/v1/{name=assets/*}:download", "/v1/assets/01j5:download", True),
        ("/v1/{name=assets/*}:download", "/v1/assets/01j5:thumbnail", False),
        ("/v1/{user.name=users/*}", "/v1/users/7", True),
        ("/v1/{parent=projects/*}/documents", "/v1/projects/spot/documents", True),
        ("/v1/{name=projects/*/documents/*}", "/v1/projects/spot/documents/cut", True),
        ("/v1/jwks.json", "/v1/jwksXjson", False),
    ],
)
def test_a_binding_matches_the_paths_of_its_template(template: str, path: str, matches: bool) -> None:
    assert (re.fullmatch(Binding("GET", template).regex, path) is not None) is matches


def test_every_rpc_of_every_service_can_be_called_by_rest_unless_both_sides_stream() -> None:
    assert [rpc.path for rpc in rpcs() if not rpc.bindings and not rpc.conversation] == []
    assert [rpc.method for rpc in rpcs() if rpc.conversation] == ["Preview"]
    assert len(service_names()) >= 6


def test_no_two_rpcs_share_a_rest_binding() -> None:
    bindings = [(binding.verb, binding.regex) for rpc in rpcs() for binding in rpc.bindings]
    assert len(bindings) == len(set(bindings))


def test_only_token_exchange_and_key_discovery_are_public() -> None:
    assert {rpc.method for rpc in rpcs() if rpc.public} == {"CreateToken", "GetJwks"}


def test_the_descriptors_hold_everything_they_import_and_the_error_details() -> None:
    files = FileDescriptorSet.FromString(descriptor_set()).file
    seen: set[str] = set()
    for file in files:
        assert set(file.dependency) <= seen, f"{file.name} stands before its imports"
        seen.add(file.name)
    assert {"google/rpc/error_details.proto", "google/api/httpbody.proto", "artifex/media/v1/service.proto"} <= seen
