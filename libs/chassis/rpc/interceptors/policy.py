"""Whether the caller may: the rpc's declared permission and feature against the caller's role and licence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from libs.chassis.errors import PermissionDenied
from libs.chassis.principal import Principal, current_principal
from libs.chassis.rpc.interceptors.around import AroundInterceptor, Call
from libs.chassis.rpc.policy import MethodPolicy


class PolicyInterceptor(AroundInterceptor):
    """Runs after authentication. The server has checked at start that every rpc but health and reflection is listed."""

    def __init__(self, policies: Mapping[str, MethodPolicy]) -> None:
        self._policies = policies

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        policy = self._policies.get(call.method)
        if policy is not None and not policy.public:
            enforce(policy, current_principal())
        yield


def enforce(policy: MethodPolicy, principal: Principal) -> None:
    """Raises PermissionDenied unless the principal may call the rpc."""
    if not policy.permits(principal.role, principal.operator):
        where = " of the operator's tenant" if policy.operator_only and principal.role in policy.roles else ""
        raise PermissionDenied(
            f"{policy.permission} is asked for, and {principal.role} does not hold it"
            if not where
            else f"{policy.permission} is held by {principal.role}{where} alone",
            metadata={"permission": policy.permission, "role": principal.role},
        )
    if policy.feature != "FEATURE_CORE" and policy.feature not in principal.features:
        raise PermissionDenied(
            f"the tenant's licence does not include {policy.feature}",
            reason="ERROR_REASON_FEATURE_NOT_LICENSED",
            metadata={"feature": policy.feature},
        )
