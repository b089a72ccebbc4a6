"""Verifying access tokens: EdDSA JWTs, checked against the key set that the auth service publishes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import jwt

from artifex.auth.v1 import messages_pb2, service_pb2_grpc
from artifex.common.v1 import policy_pb2
from libs.chassis.errors import ArtifexError, Unauthenticated, Unavailable
from libs.chassis.principal import Principal
from libs.chassis.rpc.channel import service_channel
from libs.chassis.settings import PlatformSettings

_log = logging.getLogger(__name__)

ALGORITHM = "EdDSA"
_LEEWAY_S = 5  # clocks of two machines
_REFRESH_S = 300.0  # a key withdrawn by auth is refused after at most this long
_FETCH_EVERY_S = 5.0  # tokens with invented key ids must not turn into load on auth
_ROLES = frozenset(policy_pb2.Role.keys()) - {"ROLE_UNSPECIFIED"}
_CLAIMS = ("iss", "aud", "exp", "iat", "sub", "tenant", "role")

JwksSource = Callable[[], Awaitable[Mapping[str, Any]]]
"""Answers an RFC 7517 key set: `{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": ..., "kid": ...}]}`."""


class TokenVerifier:
    """Turns a token into the Principal it proves. One per process: it caches the keys."""

    def __init__(self, jwks_source: JwksSource, *, issuer: str, audience: str) -> None:
        self._source = jwks_source
        self._issuer = issuer
        self._audience = audience
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = -_REFRESH_S
        self._tried = -_REFRESH_S
        self._lock = asyncio.Lock()

    async def verify(self, token: str) -> Principal:
        """Raises Unauthenticated (TOKEN_INVALID, TOKEN_EXPIRED), or Unavailable while no key could be fetched yet."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError as error:
            raise Unauthenticated("the access token is malformed") from error
        if header.get("alg") != ALGORITHM:
            raise Unauthenticated("the access token is not signed with EdDSA")
        key = await self._key(str(header.get("kid", "")))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY_S,
                options={"require": list(_CLAIMS)},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("the access token has expired", reason="ERROR_REASON_TOKEN_EXPIRED") from error
        except jwt.InvalidTokenError as error:
            raise Unauthenticated("the access token is not valid here") from error
        return _principal(claims, token)

    async def _key(self, kid: str) -> jwt.PyJWK:
        if kid not in self._keys or time.monotonic() - self._fetched > _REFRESH_S:
            await self._refresh(kid)
        try:
            return self._keys[kid]
        except KeyError:
            raise Unauthenticated("the access token is signed with an unknown key") from None

    async def _refresh(self, kid: str) -> None:
        async with self._lock:
            now = time.monotonic()
            fresh = now - self._fetched <= _REFRESH_S
            # Before there is any key a fetch is always due, or a service that starts before auth would refuse everyone.
            if (kid in self._keys and fresh) or (self._keys and now - self._tried < _FETCH_EVERY_S):
                return
            self._tried = now
            try:
                key_set = await self._source()
                keys = {str(key["kid"]): jwt.PyJWK(dict(key), ALGORITHM) for key in key_set["keys"]}
            except (ArtifexError, OSError, LookupError, jwt.PyJWTError) as error:
                if not self._keys:
                    raise Unavailable("the token keys cannot be fetched", metadata={"dependency": "auth"}) from error
                _log.warning("the token keys could not be refreshed; the known ones stay in use", exc_info=error)
                return
            self._keys, self._fetched = keys, time.monotonic()


def _principal(claims: Mapping[str, Any], token: str) -> Principal:
    tenant, subject, role = claims["tenant"], claims["sub"], claims["role"]
    features = claims.get("features", [])
    if not (isinstance(tenant, str) and tenant and isinstance(subject, str) and subject):
        raise Unauthenticated("the access token names no tenant or no user")
    if role not in _ROLES:
        raise Unauthenticated("the access token names no role")
    if not isinstance(features, list):
        raise Unauthenticated("the access token's features are malformed")
    return Principal(
        tenant=tenant,
        subject=subject,
        role=role,
        operator=claims.get("op") is True,
        features=frozenset(map(str, features)),
        token=token,
    )


def grpc_jwks_source(auth_endpoint: str) -> JwksSource:
    """Fetches the key set from the auth service at `host:port`."""

    async def fetch() -> Mapping[str, Any]:
        async with service_channel(auth_endpoint, service="auth") as channel:
            answer = await service_pb2_grpc.AuthServiceStub(channel).GetJwks(messages_pb2.GetJwksRequest())
        fields = ("kty", "crv", "x", "kid", "alg", "use")
        return {"keys": [{name: getattr(key, name) for name in fields if getattr(key, name)} for key in answer.keys]}

    return fetch


def remote_verifier(platform: PlatformSettings) -> TokenVerifier:
    """The verifier of every service but auth itself: its keys come from auth."""
    return TokenVerifier(
        grpc_jwks_source(platform.auth_endpoint), issuer=platform.token_issuer, audience=platform.token_audience
    )
