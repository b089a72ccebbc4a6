"""The verifier against tokens made by PyJWT and cryptography, good and bad."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import jwt
import pytest

from libs.chassis.errors import Unauthenticated, Unavailable
from libs.chassis.principal import Principal
from libs.chassis.testing.tokens import TokenMint
from libs.chassis.tokens import TokenVerifier


async def test_a_good_token_proves_its_caller() -> None:
    mint = TokenMint()
    token = mint.token("ROLE_LEAD_ARTIST", tenant="acme", subject="bo", operator=True, features=["FEATURE_CORE"])
    assert await mint.verifier().verify(token) == Principal(
        "acme", "bo", "ROLE_LEAD_ARTIST", True, frozenset({"FEATURE_CORE"}), token
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "elsewhere"},
        {"aud": "another-api"},
        {"exp": None},
        {"sub": None},
        {"tenant": None},
        {"tenant": ""},
        {"tenant": 7},
        {"role": None},
        {"role": "ROLE_UNSPECIFIED"},
        {"role": "ROLE_GOD"},
        {"features": "FEATURE_CORE"},
        {"nbf": 4_000_000_000},
    ],
    ids=str,
)
async def test_a_token_with_wrong_claims_is_invalid(claims: dict[str, Any]) -> None:
    mint = TokenMint()
    with pytest.raises(Unauthenticated) as caught:
        await mint.verifier().verify(mint.token(**claims))
    assert caught.value.reason == "ERROR_REASON_TOKEN_INVALID"


async def test_an_old_token_is_expired() -> None:
    mint = TokenMint()
    with pytest.raises(Unauthenticated) as caught:
        await mint.verifier().verify(mint.token(lifetime=-60))
    assert caught.value.reason == "ERROR_REASON_TOKEN_EXPIRED"


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
async def test_what_is_no_token_is_invalid(token: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await TokenMint().verifier().verify(token)
    assert caught.value.reason == "ERROR_REASON_TOKEN_INVALID"


async def test_only_eddsa_counts() -> None:
    # The public key used as an HMAC secret: the classic confusion of algorithms.
    mint = TokenMint()
    public = (await mint.jwks())["keys"][0]["x"]
    claims = jwt.decode(mint.token(), options={"verify_signature": False})
    forged = jwt.encode(claims, base64.urlsafe_b64decode(public + "="), algorithm="HS256", headers={"kid": mint.kid})
    with pytest.raises(Unauthenticated):
        await mint.verifier().verify(forged)


async def test_a_changed_payload_breaks_the_signature() -> None:
    mint = TokenMint()
    head, body, signature = mint.token("ROLE_REVIEWER").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["role"] = "ROLE_ADMIN"
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    with pytest.raises(Unauthenticated):
        await mint.verifier().verify(f"{head}.{body}.{signature}")


async def test_another_mints_key_under_the_same_id_is_refused() -> None:
    mint, forger = TokenMint(), TokenMint()
    forger.kid = mint.kid
    with pytest.raises(Unauthenticated):
        await mint.verifier().verify(forger.token())


class Source:
    """A key source that counts, and can be switched off and over to another mint."""

    def __init__(self, mint: TokenMint) -> None:
        self.mint = mint
        self.calls = 0
        self.up = True

    async def __call__(self) -> Mapping[str, Any]:
        self.calls += 1
        if not self.up:
            raise Unavailable("auth does not answer")
        return await self.mint.jwks()


def verifier_of(source: Source) -> TokenVerifier:
    return TokenVerifier(source, issuer="artifex", audience="artifex-api")


async def test_keys_are_fetched_once() -> None:
    source = Source(TokenMint())
    verifier = verifier_of(source)
    for _ in range(3):
        await verifier.verify(source.mint.token())
    assert source.calls == 1


async def test_a_rotated_key_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(TokenMint())
    verifier = verifier_of(source)
    await verifier.verify(source.mint.token())
    source.mint = TokenMint()
    monkeypatch.setattr("libs.chassis.tokens._FETCH_EVERY_S", 0.0)
    await verifier.verify(source.mint.token())
    assert source.calls == 2


async def test_invented_key_ids_do_not_become_load_on_auth() -> None:
    source = Source(TokenMint())
    verifier = verifier_of(source)
    await verifier.verify(source.mint.token())
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            await verifier.verify(TokenMint().token())
    assert source.calls == 1


async def test_without_keys_the_answer_is_unavailable_and_not_unauthenticated() -> None:
    source = Source(TokenMint())
    source.up = False
    verifier = verifier_of(source)
    with pytest.raises(Unavailable) as caught:
        await verifier.verify(source.mint.token())
    assert caught.value.metadata == {"dependency": "auth"}
    source.up = True
    await verifier.verify(source.mint.token())


async def test_known_keys_outlive_an_absent_auth(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(TokenMint())
    verifier = verifier_of(source)
    await verifier.verify(source.mint.token())
    source.up = False
    monkeypatch.setattr("libs.chassis.tokens._REFRESH_S", 0.0)
    monkeypatch.setattr("libs.chassis.tokens._FETCH_EVERY_S", 0.0)
    await verifier.verify(source.mint.token())
    assert source.calls == 2
