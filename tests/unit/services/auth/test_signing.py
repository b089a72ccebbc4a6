from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import jwt
import pytest

from libs.chassis.clock import utcnow
from services.auth.domain import signing
from services.auth.domain.model import ALL_FEATURES, SigningKey, Tenant, User

NOW = utcnow().replace(microsecond=0)
TENANT = Tenant("acme", "Acme", operator=False, features=ALL_FEATURES, created_at=NOW)
USER = User("acme", "ann", "ann@acme.example", "Ann", "ROLE_ARTIST", NOW)
ISSUER = signing.Issuer("artifex", "artifex-api", timedelta(minutes=15))


def test_the_published_key_verifies_the_token_and_no_other_key_does() -> None:
    now = utcnow().replace(microsecond=0)  # PyJWT asks the clock itself
    key = signing.generate(1, now, now)
    token = signing.sign(key, ISSUER, TENANT, USER, token_id="t1", now=now)
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": key.kid, "typ": "JWT"}
    claims = jwt.decode(
        token, jwt.PyJWK(signing.public_jwk(key)), algorithms=["EdDSA"], audience="artifex-api", issuer="artifex"
    )
    assert claims == {
        "iss": "artifex",
        "aud": "artifex-api",
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int(now.timestamp()) + 900,
        "jti": "t1",
        "sub": "ann",
        "tenant": "acme",
        "role": "ROLE_ARTIST",
        "op": False,
        "features": list(ALL_FEATURES),
    }
    other = signing.generate(1, now, now)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, jwt.PyJWK(signing.public_jwk(other)), algorithms=["EdDSA"], audience="artifex-api")


def test_the_example_key_of_rfc_8037() -> None:
    """Appendix A: the private key, its public half, and the thumbprint."""
    seed = jwt.utils.base64url_decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
    key = SigningKey("", 1, seed, NOW, NOW)
    assert signing.public_jwk(key)["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert signing.thumbprint(seed) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_new_key_is_published_before_it_signs() -> None:
    old = signing.generate(1, NOW, NOW)
    new = signing.generate(2, NOW, NOW + signing.PUBLISH_AHEAD)
    keys = [replace(old, retires_at=NOW + timedelta(hours=1)), new]
    assert signing.published(keys, NOW) == [new, keys[0]]
    assert signing.current(keys, NOW) == keys[0]
    assert signing.current(keys, NOW + signing.PUBLISH_AHEAD) == new
    assert signing.published(keys, NOW + timedelta(hours=1)) == [new]


def test_without_keys_nothing_is_signed() -> None:
    with pytest.raises(LookupError):
        signing.current([], NOW)
