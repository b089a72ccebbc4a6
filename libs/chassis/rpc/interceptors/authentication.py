"""Who is calling: the bearer token becomes the rpc's principal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from opentelemetry import trace

from libs.chassis.errors import Unauthenticated
from libs.chassis.principal import acting_as
from libs.chassis.rpc.interceptors.around import AroundInterceptor, Call
from libs.chassis.rpc.policy import MethodPolicy
from libs.chassis.tokens import TokenVerifier


class AuthenticationInterceptor(AroundInterceptor):
    """Asks every rpc for a token, but public ones, and health and reflection, which have no policy."""

    def __init__(self, verifier: TokenVerifier, policies: Mapping[str, MethodPolicy]) -> None:
        self._verifier = verifier
        self._policies = policies

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        policy = self._policies.get(call.method)
        if policy is None or policy.public:
            yield
            return
        principal = await self._verifier.verify(_bearer(call))
        trace.get_current_span().set_attribute("artifex.tenant", principal.tenant)
        with acting_as(principal):
            yield


def _bearer(call: Call) -> str:
    for key, value in call.context.invocation_metadata() or ():
        if key == "authorization":
            scheme, _, token = str(value).partition(" ")
            if scheme.lower() == "bearer" and token.strip():
                return token.strip()
            raise Unauthenticated("the authorization header is not of the form `Bearer <token>`")
    raise Unauthenticated("the call carries no access token", reason="ERROR_REASON_TOKEN_MISSING")
