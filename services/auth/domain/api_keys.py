"""The secrets of API keys: `afx_<id>_<secret><checksum>`.

The secret part is 256 random bits. That is why its hash is a plain SHA-256: a slow password hash such as argon2 makes
guessing dear where people choose few bits, and nobody tries 2^256 secrets, while a quarter of a second and 64 MB per
token exchange would be a lever for anyone who wants to stop the service.

The checksum tells a mistyped or cut-off key from a wrong one without asking the database, and lets secret scanners
recognise keys that leaked into a repository.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass

_FORM = re.compile(r"afx_([0-9a-z]{26})_([a-z2-7]{52})([a-z2-7]{7})")
_SECRET_BYTES = 32


@dataclass(frozen=True)
class NewKey:
    secret: str
    prefix: str
    digest: str


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def _checksum(text: str) -> str:
    return _base32(zlib.crc32(text.encode()).to_bytes(4, "big"))


def digest_of(secret: str) -> str:
    """What is stored in the secret's place."""
    return hashlib.sha256(secret.encode()).hexdigest()


def mint(key_id: str) -> NewKey:
    """A new secret for the key of that id (26 characters)."""
    prefix = f"afx_{key_id}"
    body = f"{prefix}_{_base32(secrets.token_bytes(_SECRET_BYTES))}"
    secret = body + _checksum(body)
    return NewKey(secret=secret, prefix=prefix, digest=digest_of(secret))


def id_in(secret: str) -> str | None:
    """The key id that a well-formed secret names; None for anything else."""
    match = _FORM.fullmatch(secret)
    if match is None or not hmac.compare_digest(_checksum(secret[: -len(match[3])]), match[3]):
        return None
    return match[1]


def same_digest(left: str, right: str) -> bool:
    """Takes the same time wherever the two differ."""
    return hmac.compare_digest(left.encode(), right.encode())
