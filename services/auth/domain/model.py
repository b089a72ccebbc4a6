"""The facts that this service owns. Ids stand here without their `users/`, `tenants/` prefix."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from libs.chassis.errors import Aborted

ADMIN = "ROLE_ADMIN"
ALL_FEATURES = ("FEATURE_CORE", "FEATURE_GENERATION", "FEATURE_COLLABORATION")


@dataclass(frozen=True)
class Tenant:
    id: str
    display_name: str
    operator: bool
    """True for the tenant of whoever runs the installation; there is one."""
    features: tuple[str, ...]
    """Names of `artifex.common.v1.Feature` values, in the enum's order."""
    created_at: datetime


@dataclass(frozen=True)
class User:
    tenant: str
    id: str
    email: str
    display_name: str
    role: str
    """The name of an `artifex.common.v1.Role` value."""
    created_at: datetime
    revision: int = 1

    @property
    def name(self) -> str:
        return f"users/{self.id}"

    @property
    def etag(self) -> str:
        return hashlib.sha256(f"{self.tenant}/{self.id}/{self.revision}".encode()).hexdigest()[:16]

    def require_etag(self, etag: str) -> None:
        """Raises Aborted when the caller has seen another revision; an empty etag asks for none."""
        if etag and etag != self.etag:
            raise Aborted(
                f"{self.name} has changed since it was read: read it again and repeat.",
                metadata={"resource": self.name},
            )


@dataclass(frozen=True)
class ApiKey:
    tenant: str
    id: str
    user: str
    display_name: str
    prefix: str
    digest: str
    """SHA-256 of the secret, in hexadecimal."""
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def name(self) -> str:
        return f"apiKeys/{self.id}"

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key that signs access tokens."""

    kid: str
    generation: int
    """From 1 on, without gaps."""
    seed: bytes
    """The private key: 32 bytes."""
    created_at: datetime
    active_at: datetime
    """Signs from then on; published before, so that everyone knows it when the first token comes."""
    retires_at: datetime | None = None
    """No longer published from then on."""
