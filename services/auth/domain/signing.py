"""Signing keys, the access tokens they sign, and the public half that verifies them (RFC 7515, 7517, 7519, 8037)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.auth.domain.model import SigningKey, Tenant, User

ALGORITHM = "EdDSA"

PUBLISH_AHEAD = timedelta(minutes=10)
"""A new key is published so long before it signs: verifiers keep key sets for up to five minutes."""


@dataclass(frozen=True)
class Issuer:
    """What is the same in all tokens of an installation."""

    name: str
    audience: str
    lifetime: timedelta


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _public(seed: bytes) -> str:
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return _base64url(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def thumbprint(seed: bytes) -> str:
    """RFC 7638 thumbprint of the public half; it serves as the key's id."""
    canonical = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": _public(seed)}, separators=(",", ":"))
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def generate(generation: int, now: datetime, active_at: datetime) -> SigningKey:
    """A new key that signs from `active_at` on."""
    seed = Ed25519PrivateKey.generate().private_bytes_raw()
    return SigningKey(kid=thumbprint(seed), generation=generation, seed=seed, created_at=now, active_at=active_at)


def published(keys: Sequence[SigningKey], now: datetime) -> list[SigningKey]:
    """The keys that verifiers should know, newest first."""
    known = [key for key in keys if key.retires_at is None or key.retires_at > now]
    return sorted(known, key=lambda key: key.generation, reverse=True)


def current(keys: Sequence[SigningKey], now: datetime) -> SigningKey:
    """The key that signs: the newest whose time has come. Raises LookupError when there is none."""
    for key in published(keys, now):
        if key.active_at <= now:
            return key
    raise LookupError("there is no signing key")


def public_jwk(key: SigningKey) -> dict[str, str]:
    """RFC 7517 form of the public half."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": _public(key.seed),
        "kid": key.kid,
        "alg": ALGORITHM,
        "use": "sig",
    }


def sign(key: SigningKey, issuer: Issuer, tenant: Tenant, user: User, *, token_id: str, now: datetime) -> str:
    """An access token that says who the user is, and lives for the issuer's lifetime."""
    claims = {
        "iss": issuer.name,
        "aud": issuer.audience,
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int((now + issuer.lifetime).timestamp()),
        "jti": token_id,
        "sub": user.id,
        "tenant": tenant.id,
        "role": user.role,
        "op": tenant.operator,
        "features": list(tenant.features),
    }
    private = Ed25519PrivateKey.from_private_bytes(key.seed)
    return jwt.encode(claims, private, algorithm=ALGORITHM, headers={"kid": key.kid})
