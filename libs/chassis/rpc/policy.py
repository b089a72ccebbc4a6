"""Who may call what, read from the protos: `(policy)` on each rpc and `(grant)` on each permission."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import ServiceDescriptor

from artifex.common.v1 import policy_pb2

OPEN_SERVICES = ("grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection")
"""Answered to anyone: they show no customer's data, and probes carry no token."""


class PolicyMissing(Exception):
    """An rpc, or the permission it names, does not say who may call it: the server does not start."""


@dataclass(frozen=True)
class MethodPolicy:
    """What one rpc asks of its caller and of the caller's tenant."""

    method: str
    """As on the wire: `/artifex.auth.v1.AuthService/GetCaller`."""
    permission: str
    feature: str
    roles: frozenset[str]
    operator_only: bool

    @property
    def public(self) -> bool:
        """True when no token is asked for."""
        return self.permission == "PERMISSION_PUBLIC"

    def permits(self, role: str, operator: bool) -> bool:
        """True when the role holds the rpc's permission."""
        return self.public or (role in self.roles and (operator or not self.operator_only))


def _grants() -> Mapping[str, tuple[frozenset[str], bool]]:
    grants: dict[str, tuple[frozenset[str], bool]] = {}
    for value in policy_pb2.Permission.DESCRIPTOR.values:
        grant = value.GetOptions().Extensions[policy_pb2.grant]
        grants[value.name] = (frozenset(policy_pb2.Role.Name(role) for role in grant.roles), grant.operator_only)
    return grants


GRANTS: Mapping[str, tuple[frozenset[str], bool]] = _grants()
"""Each permission's roles, and whether they count in the operator's tenant only."""


def policies_of(services: Iterable[ServiceDescriptor]) -> dict[str, MethodPolicy]:
    """The policy of every rpc of the services, by the method's name on the wire; raises PolicyMissing."""
    policies: dict[str, MethodPolicy] = {}
    for service in services:
        for method in service.methods:
            name = f"/{service.full_name}/{method.name}"
            policy = method.GetOptions().Extensions[policy_pb2.policy]
            permission = policy_pb2.Permission.Name(policy.permission)
            roles, operator_only = GRANTS[permission]
            if not policy.permission or not policy.feature:
                raise PolicyMissing(f"{name} does not declare its permission and its feature")
            if permission != "PERMISSION_PUBLIC" and not roles:
                raise PolicyMissing(f"{permission}, which {name} asks for, is granted to no role")
            feature = policy_pb2.Feature.Name(policy.feature)
            policies[name] = MethodPolicy(name, permission, feature, roles, operator_only)
    return policies


def permissions_of(role: str, operator: bool) -> frozenset[str]:
    """The names of all permissions that a role holds; `operator`: inside the tenant that runs the installation."""
    return frozenset(
        name for name, (roles, operator_only) in GRANTS.items() if role in roles and (operator or not operator_only)
    )
