"""Who is calling: set by the authentication interceptor for the length of one rpc."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from libs.chassis.errors import Unauthenticated


@dataclass(frozen=True)
class Principal:
    """The caller, as the verified token tells."""

    tenant: str
    """The tenant's id, without the `tenants/` prefix."""
    subject: str
    """The user's id, without the `users/` prefix."""
    role: str
    """The name of an `artifex.common.v1.Role` value, such as `ROLE_ARTIST`."""
    operator: bool = False
    """True inside the tenant of whoever runs the installation."""
    features: frozenset[str] = frozenset()
    """Names of `artifex.common.v1.Feature` values that the tenant's licence holds."""
    token: str = field(default="", repr=False)
    """The bearer token itself, to forward to other services. Never logged."""


_current: ContextVar[Principal | None] = ContextVar("artifex_principal", default=None)


def current_principal() -> Principal:
    """The caller of the rpc being served; raises Unauthenticated outside of one and in public rpcs."""
    principal = _current.get()
    if principal is None:
        raise Unauthenticated("the call carries no credentials", reason="ERROR_REASON_TOKEN_MISSING")
    return principal


def find_principal() -> Principal | None:
    """The caller, or None where there is none."""
    return _current.get()


@contextmanager
def acting_as(principal: Principal) -> Iterator[None]:
    """Within the block, `principal` is the caller."""
    token = _current.set(principal)
    try:
        yield
    finally:
        _current.reset(token)
