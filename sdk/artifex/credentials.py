"""Where a caller's token comes from, and how it is kept fresh.

What is stored is an API key: it can be revoked, and lives long. What calls carry is an access token made from it,
which lives minutes and is renewed here before it ends.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from artifex.auth.v1 import messages_pb2 as auth
from artifex.auth.v1 import service_pb2_grpc as auth_grpc
from artifex.errors import NotSignedIn

API_KEY_PREFIX = "afx_"


def home_folder() -> Path:
    """ARTIFEX_HOME, by default `~/.artifex`."""
    return Path(os.environ.get("ARTIFEX_HOME") or Path.home() / ".artifex").expanduser()


def stored_secret(home: Path) -> str:
    """ARTIFEX_TOKEN, else what `artifex up` left in `ARTIFEX_HOME/token`; empty when there is neither."""
    secret = os.environ.get("ARTIFEX_TOKEN", "").strip()
    if not secret:
        path = home / "token"
        secret = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    return secret


class Credentials:
    """A secret, which is an API key or an access token, and the bearer token made from it."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._token = "" if secret.startswith(API_KEY_PREFIX) else secret
        self._renew_at = 0.0 if not self._token else float("inf")
        self._lock = asyncio.Lock()

    @property
    def renewable(self) -> bool:
        """True when a rejected token can be replaced by a new one."""
        return self._secret.startswith(API_KEY_PREFIX)

    def forget(self) -> None:
        """Drop a token that was refused, so that the next call gets a new one."""
        if self.renewable:
            self._token = ""

    async def bearer(self, stub: auth_grpc.AuthServiceAsyncStub) -> str:
        """A token that is good for some time yet. Raises `grpc.aio.AioRpcError` when the exchange fails."""
        if not self._secret:
            raise NotSignedIn(
                "no token: start the studio with `artifex up` on this machine, or set ARTIFEX_TOKEN to an API key"
            )
        async with self._lock:
            if not self._token or time.time() >= self._renew_at:
                asked = time.time()
                answer = await stub.CreateToken(auth.CreateTokenRequest(api_key=self._secret), timeout=20)
                self._token = answer.access_token
                # Four fifths of its life: early enough for a slow call to arrive while it is still good.
                self._renew_at = asked + 0.8 * max(0.0, answer.expire_time.seconds - asked)
            return self._token
