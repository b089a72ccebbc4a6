"""Access tokens signed with a key of the test's own, and the key set that verifies them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.chassis.ids import new_id
from libs.chassis.tokens import ALGORITHM, TokenVerifier


class TokenMint:
    """Signs tokens as the auth service does: EdDSA, with the claims that `libs.chassis.tokens` reads."""

    def __init__(self, *, issuer: str = "artifex", audience: str = "artifex-api") -> None:
        self.issuer = issuer
        self.audience = audience
        self.kid = new_id()
        self._key = Ed25519PrivateKey.generate()

    async def jwks(self) -> Mapping[str, Any]:
        """The key set, as a `JwksSource` answers it."""
        public = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**public, "kid": self.kid, "alg": ALGORITHM, "use": "sig"}]}

    def verifier(self) -> TokenVerifier:
        """Accepts what this mint signs."""
        return TokenVerifier(self.jwks, issuer=self.issuer, audience=self.audience)

    def token(
        self,
        role: str = "ROLE_ARTIST",
        *,
        tenant: str = "studio",
        subject: str = "ann",
        operator: bool = False,
        features: Sequence[str] = ("FEATURE_CORE", "FEATURE_GENERATION", "FEATURE_COLLABORATION"),
        lifetime: float = 900,
        headers: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A token good for `lifetime` seconds; `claims` replaces claims, and a claim of None is left out."""
        now = int(time.time())
        body: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.audience,
            "iat": now,
            "nbf": now,
            "exp": now + int(lifetime),
            "jti": new_id(),
            "sub": subject,
            "tenant": tenant,
            "role": role,
            "op": operator,
            "features": features,
        }
        body = {name: value for name, value in {**body, **claims}.items() if value is not None}
        return jwt.encode(body, self._key, algorithm=ALGORITHM, headers={"kid": self.kid, **(headers or {})})

    def metadata(self, role: str = "ROLE_ARTIST", **claims: Any) -> list[tuple[str, str]]:
        """Call metadata that carries a token: `stub.GetAsset(request, metadata=mint.metadata("ROLE_ADMIN"))`."""
        return [("authorization", f"Bearer {self.token(role, **claims)}")]
