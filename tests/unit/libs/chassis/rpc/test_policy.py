"""The access matrix as the protos declare it."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool

from artifex.auth.v1 import service_pb2 as auth
from artifex.common.v1 import policy_pb2
from artifex.media.v1 import service_pb2 as media
from libs.chassis.errors import PermissionDenied
from libs.chassis.principal import Principal
from libs.chassis.rpc.interceptors.policy import enforce
from libs.chassis.rpc.policy import GRANTS, MethodPolicy, PolicyMissing, permissions_of, policies_of

ROLES = ["ROLE_ADMIN", "ROLE_LEAD_ARTIST", "ROLE_ARTIST", "ROLE_REVIEWER"]


def test_policies_are_read_from_the_descriptors() -> None:
    policies = policies_of([auth.DESCRIPTOR.services_by_name["AuthService"]])
    assert policies["/artifex.auth.v1.AuthService/CreateTenant"] == MethodPolicy(
        "/artifex.auth.v1.AuthService/CreateTenant",
        "PERMISSION_TENANT_ADMINISTER",
        "FEATURE_CORE",
        frozenset({"ROLE_ADMIN"}),
        operator_only=True,
    )
    assert policies["/artifex.auth.v1.AuthService/GetJwks"].public


def test_a_role_holds_what_the_roles_below_it_hold() -> None:
    held = [permissions_of(role, operator=False) for role in ROLES]
    assert held[0] > held[1] > held[2] > held[3]
    assert all(permission.endswith(("_READ", "_OWN")) for permission in held[3])


def test_operator_permissions_count_in_the_operators_tenant_alone() -> None:
    assert permissions_of("ROLE_ADMIN", True) - permissions_of("ROLE_ADMIN", False) == {"PERMISSION_TENANT_ADMINISTER"}
    assert permissions_of("ROLE_ARTIST", True) == permissions_of("ROLE_ARTIST", False)


def test_every_permission_but_public_is_granted_to_somebody() -> None:
    assert {name for name, (roles, _) in GRANTS.items() if not roles} == {
        "PERMISSION_UNSPECIFIED",
        "PERMISSION_PUBLIC",
    }


def descriptor_without_policy() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="bare.proto", package="bare.v1", syntax="proto3")
    file.message_type.add(name="Ping")
    file.service.add(name="BareService").method.add(
        name="Ping", input_type=".bare.v1.Ping", output_type=".bare.v1.Ping"
    )
    return file


def test_an_rpc_without_a_policy_is_refused() -> None:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor_without_policy())
    with pytest.raises(PolicyMissing, match=r"/bare\.v1\.BareService/Ping"):
        policies_of([pool.FindServiceByName("bare.v1.BareService")])


def policy(**changes: Any) -> MethodPolicy:
    values: dict[str, Any] = {
        "method": "/x/Y",
        "permission": "PERMISSION_RENDER_WRITE",
        "feature": "FEATURE_CORE",
        "roles": frozenset({"ROLE_ARTIST"}),
        "operator_only": False,
    }
    return MethodPolicy(**{**values, **changes})


def test_a_missing_permission_is_named() -> None:
    with pytest.raises(PermissionDenied) as caught:
        enforce(policy(), Principal("studio", "ann", "ROLE_REVIEWER"))
    assert caught.value.reason == "ERROR_REASON_PERMISSION_MISSING"
    assert caught.value.metadata == {"permission": "PERMISSION_RENDER_WRITE", "role": "ROLE_REVIEWER"}


def test_a_missing_feature_is_named() -> None:
    principal = Principal("studio", "ann", "ROLE_ARTIST", features=frozenset({"FEATURE_CORE"}))
    with pytest.raises(PermissionDenied) as caught:
        enforce(policy(feature="FEATURE_GENERATION"), principal)
    assert caught.value.reason == "ERROR_REASON_FEATURE_NOT_LICENSED"
    assert caught.value.metadata == {"feature": "FEATURE_GENERATION"}


def test_an_admin_outside_of_the_operators_tenant_is_told_so() -> None:
    asked = policy(permission="PERMISSION_TENANT_ADMINISTER", roles=frozenset({"ROLE_ADMIN"}), operator_only=True)
    with pytest.raises(PermissionDenied, match="of the operator's tenant alone"):
        enforce(asked, Principal("acme", "ann", "ROLE_ADMIN"))
    enforce(asked, Principal("studio", "ann", "ROLE_ADMIN", operator=True))


def test_the_core_is_part_of_every_licence() -> None:
    enforce(policy(), Principal("studio", "ann", "ROLE_ARTIST", features=frozenset()))


def test_streaming_rpcs_have_policies_like_all_others() -> None:
    policies = policies_of([media.DESCRIPTOR.services_by_name["MediaService"]])
    assert policies["/artifex.media.v1.MediaService/WriteUpload"].permission == "PERMISSION_ASSET_WRITE"
    assert set(policy_pb2.Permission.keys()) >= {entry.permission for entry in policies.values()}
