"""The real gateway, with the real auth and collab services behind it."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from libs.chassis.testing import Server, free_port, spawn
from tests.support.services import Forge, Services


@dataclass
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The ErrorReason in a `google.rpc.Status`."""
        (info,) = [detail for detail in self.json["details"] if detail["@type"].endswith("ErrorInfo")]
        return str(info["reason"])


class Gateway(Server):
    """`python -m gateway`, ready when it answers /healthz and has fetched the keys."""

    def __init__(self, folder: Path, services: Services, **settings: str) -> None:
        super().__init__(folder)
        self.port, self.admin_port = free_port(), free_port()
        self.env = {
            **services.process("auth").env,
            "ARTIFEX_GATEWAY_PORT": str(self.port),
            "ARTIFEX_GATEWAY_ADMIN_PORT": str(self.admin_port),
            "ARTIFEX_GATEWAY_CONCURRENCY": "1",
            "ARTIFEX_GATEWAY_CONFIG_FILE": str(folder / "envoy.json"),
            **{f"ARTIFEX_{name}": value for name, value in settings.items()},
        }

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "gateway"]

    def launch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = spawn(self.command(), log=self.log, env=self.env)

    def is_ready(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.admin_port}/stats?filter=jwks_fetch_success"
            with urllib.request.urlopen(url, timeout=1) as answer:
                return not answer.read().decode().strip().endswith(": 0")
        except OSError:
            return False

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str = "",
        headers: dict[str, str] | None = None,
        scheme: str = "http",
        **options: Any,
    ) -> Answer:
        """One REST call; `body` is sent as JSON unless it is bytes."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(f"{scheme}://localhost:{self.port}{path}", data, method=method)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            request.add_header(name, value)
        if token:
            request.add_header("authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=20, **options) as answer:
                return Answer(answer.status, dict(answer.headers.items()), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers.items()), error.read())

    def access_log(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("logger") == "gateway.access"]


StartGateway = Callable[..., Gateway]


@pytest.fixture(scope="package")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with Services(tmp_path_factory.mktemp("home"), ("auth", "collab")).running() as services:
        yield services


@pytest.fixture(scope="package")
def gateway(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """With small limits, that tests can reach."""
    settings = {"GATEWAY_MAX_REQUEST_BYTES": "100000", "GATEWAY_PUBLIC_BURST": "1000"}
    with Gateway(tmp_path_factory.mktemp("gateway"), services, **settings) as gateway:
        yield gateway


@pytest.fixture
def start_gateway(services: Services, tmp_path: Path) -> Iterator[StartGateway]:
    """Starts another one, with settings such as `GATEWAY_TENANT_BURST="2"`."""
    with ExitStack() as stack:

        def start(**settings: str) -> Gateway:
            return stack.enter_context(Gateway(tmp_path / "gateway", services, **settings))

        yield start


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def forge(services: Services) -> Forge:
    return await Forge.of(services)


@pytest.fixture(scope="package")
def admin_token(services: Services, gateway: Gateway) -> str:
    """What the key that the first start wrote is exchanged for."""
    key = (services.home / "token").read_text().strip()
    return str(gateway.call("POST", "/v1/tokens", {"api_key": key}).json["accessToken"])
