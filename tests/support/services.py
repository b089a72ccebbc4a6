"""Services as real processes on free ports, and tokens for them that the real auth service would have signed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.chassis.clock import utcnow
from libs.chassis.database import Database
from libs.chassis.ids import new_id
from libs.chassis.settings import PlatformSettings
from libs.chassis.testing import Server, free_port, spawn
from services.auth.adapters.sql_store import SqlStore
from services.auth.domain import signing

ROOT = Path(__file__).resolve().parents[2]


class ServiceProcess(Server):
    """`python -m <module>`, ready when its health check says SERVING."""

    def __init__(self, folder: Path, module: str, *, port: int, env: Mapping[str, str]) -> None:
        super().__init__(folder)
        self.module = module
        self.port = port
        self.env = {**os.environ, "PYTHONPATH": str(ROOT), **env}

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", self.module]

    def launch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = spawn(self.command(), log=self.log, env=self.env)

    def is_ready(self) -> bool:
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            try:
                answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=1)
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


class Services:
    """Named services that share a home; `ports` says where each listens. Not started yet."""

    def __init__(self, home: Path, names: Sequence[str], **env: str) -> None:
        self.home = home
        self.ports = {name: free_port() for name in names}
        self.env = {"ARTIFEX_HOME": str(home), **env}
        for name, port in self.ports.items():
            self.env[f"ARTIFEX_{name.upper()}_ENDPOINT"] = f"127.0.0.1:{port}"
            self.env[f"ARTIFEX_{name.upper()}_LISTEN"] = f"127.0.0.1:{port}"

    @contextmanager
    def running(self) -> Iterator[Services]:
        """All of them, started together."""
        processes = [self.process(name) for name in self.ports]
        with ExitStack() as stack:
            for process in processes:
                stack.callback(process.stop)
                process.launch()
            for process in processes:
                process.wait_ready()
            yield self

    def process(self, name: str) -> ServiceProcess:
        return ServiceProcess(self.home / "run" / name, f"services.{name}", port=self.ports[name], env=self.env)


class Forge:
    """Signs with the key of a running auth service whatever claims a test wants."""

    def __init__(self, kid: str, seed: bytes) -> None:
        self._kid = kid
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @classmethod
    async def of(cls, services: Services) -> Forge:
        """The key lies in the auth service's database."""
        url = PlatformSettings(
            home=services.home, database_url=services.env.get("ARTIFEX_DATABASE_URL", "")
        ).database_url_for("auth")
        async with Database(url, schema="auth") as database, SqlStore(database).read() as unit:
            key = signing.current(await unit.signing_keys(), utcnow())
        return cls(key.kid, key.seed)

    def token(self, role: str, *, lifetime: float = 900, **claims: Any) -> str:
        """A negative lifetime makes a token that has expired."""
        now = int(time.time())
        body = {
            "iss": "artifex",
            "aud": "artifex-api",
            "iat": now - 1000,
            "nbf": now - 1000,
            "exp": int(now + lifetime),
            "jti": new_id(),
            "sub": "ann",
            "tenant": "matrix",
            "role": role,
            "op": False,
            "features": ["FEATURE_CORE", "FEATURE_GENERATION", "FEATURE_COLLABORATION"],
            **claims,
        }
        return jwt.encode(body, self._key, algorithm="EdDSA", headers={"kid": self._kid})
