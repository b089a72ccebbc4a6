"""Rate limits, TLS, tracing, the access log, and what happens while a service or a key is missing."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from artifex.auth.v1 import messages_pb2 as pb
from artifex.auth.v1 import service_pb2_grpc
from libs.chassis.testing import eventually
from libs.chassis.testing.process import accepts
from libs.chassis.testing.tokens import TokenMint
from tests.integration.gateway.conftest import Gateway, StartGateway
from tests.support.services import Forge, Services
from tests.unit.gateway.test_config import self_signed


def _details(error: grpc.RpcError) -> status_pb2.Status:
    call: Any = error
    (raw,) = [value for key, value in call.trailing_metadata() if key == "grpc-status-details-bin"]
    return status_pb2.Status.FromString(raw)


def _refusal(stub: service_pb2_grpc.AuthServiceStub, token: str) -> Any:
    try:
        stub.GetCaller(pb.GetCallerRequest(), metadata=(("authorization", f"Bearer {token}"),))
    except grpc.RpcError as error:
        return error
    return None


def test_each_tenant_has_a_limit_of_its_own(start_gateway: StartGateway, forge: Forge) -> None:
    gateway = start_gateway(GATEWAY_TENANT_REQUESTS_PER_SECOND="1", GATEWAY_TENANT_BURST="3")
    busy, calm = forge.token("ROLE_ADMIN", tenant="busy"), forge.token("ROLE_ADMIN", tenant="calm")
    answers = [gateway.call("GET", "/v1/caller", token=busy) for _ in range(6)]
    assert [answer.status for answer in answers[:3]] == [200, 200, 200]
    refused = answers[-1]
    assert (refused.status, refused.reason) == (429, "ERROR_REASON_RATE_LIMITED")
    assert refused.headers["retry-after"] == "1"
    assert gateway.call("GET", "/v1/caller", token=calm).status == 200

    with grpc.insecure_channel(gateway.address) as channel:
        stub = service_pb2_grpc.AuthServiceStub(channel)
        # One token a second comes back; by the sixth call of a burst none is left.
        error = next(filter(None, (_refusal(stub, busy) for _ in range(6))))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    first, second = _details(error).details
    assert first.Unpack(info)
    assert second.Unpack(retry)
    assert info.reason == "ERROR_REASON_RATE_LIMITED"
    assert retry.retry_delay.seconds == 1


def test_keys_are_not_guessed_at_full_speed(start_gateway: StartGateway, forge: Forge) -> None:
    gateway = start_gateway(GATEWAY_PUBLIC_REQUESTS_PER_SECOND="1", GATEWAY_PUBLIC_BURST="3")
    guesses = [gateway.call("POST", "/v1/tokens", {"api_key": "afx_guess"}).status for _ in range(6)]
    assert guesses[:3] == [401, 401, 401]
    assert guesses[-1] == 429
    assert gateway.call("GET", "/v1/caller", token=forge.token("ROLE_ADMIN")).status == 200


def test_tls(start_gateway: StartGateway, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    gateway = start_gateway(GATEWAY_TLS_CERTIFICATE=str(certificate), GATEWAY_TLS_KEY=str(key))
    trust = ssl.create_default_context(cafile=str(certificate))
    assert gateway.call("GET", "/v1/jwks.json", scheme="https", context=trust).status == 200
    credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
    with grpc.secure_channel(f"localhost:{gateway.port}", credentials) as channel:
        assert service_pb2_grpc.AuthServiceStub(channel).GetJwks(pb.GetJwksRequest(), timeout=10).keys
    old = ssl.create_default_context(cafile=str(certificate))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert gateway.call("GET", "/v1/jwks.json", scheme="https", context=old).status == 200


async def test_the_access_log_names_tenant_user_status_and_trace(gateway: Gateway, forge: Forge) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    gateway.call(
        "GET",
        "/v1/users/secret-name?pageToken=x",
        token=forge.token("ROLE_ADMIN", tenant="logged", sub="ann"),
        headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01", "x-envoy-original-path": "/forged"},
    )

    def written() -> list[dict[str, Any]]:
        return [line for line in gateway.access_log() if line["tenant"] == "logged"]

    await eventually(lambda: bool(written()), what="the access log")
    (line,) = written()
    assert line["trace_id"] == trace
    assert (line["user"], line["method"], line["path"]) == ("ann", "GET", "/v1/users/secret-name")
    assert line["status"] == 400
    assert line["duration_ms"] >= 0


def test_a_token_is_never_logged(gateway: Gateway, admin_token: str) -> None:
    gateway.call("GET", "/v1/caller", token=admin_token)
    assert admin_token not in gateway.log.read_text()


def test_signals_reach_envoy(start_gateway: StartGateway) -> None:
    gateway = start_gateway()
    assert gateway.process is not None
    assert b"envoy" in Path(f"/proc/{gateway.process.pid}/cmdline").read_bytes()
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(timeout=10) == 0


async def test_known_keys_serve_while_auth_is_away(tmp_path: Path) -> None:
    services = Services(tmp_path / "home", ("auth", "collab"))
    auth = services.process("auth")
    with auth, services.process("collab"):
        forge = await Forge.of(services)
        with Gateway(tmp_path / "gateway", services) as gateway:
            token = forge.token("ROLE_ARTIST")
            assert gateway.call("GET", "/v1/projects", token=token).status == 200
            auth.kill9()
            assert gateway.call("GET", "/v1/projects", token=token).status == 200
            away = gateway.call("GET", "/v1/caller", token=token)
            assert (away.status, away.reason) == (503, "ERROR_REASON_DEPENDENCY_UNAVAILABLE")
            auth.start()
            assert gateway.call("GET", "/v1/caller", token=token).status == 200


def test_the_configuration_can_be_printed(tmp_path: Path) -> None:
    env = {**os.environ, "ARTIFEX_HOME": str(tmp_path), "ARTIFEX_GATEWAY_PORT": "9999"}
    command = [sys.executable, "-m", "gateway", "render"]
    printed = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    listener = json.loads(printed)["static_resources"]["listeners"][0]
    assert listener["address"]["socket_address"]["port_value"] == 9999


async def test_before_auth_has_ever_answered_callers_are_told_to_come_back(tmp_path: Path) -> None:
    """Not that their token is bad, which would make them throw it away."""
    services = Services(tmp_path / "home", ("auth",))
    gateway = Gateway(tmp_path / "gateway", services)
    # Ready is more than up: without keys it is only up.
    gateway.launch()
    try:
        await eventually(lambda: accepts(gateway.port), what="the gateway")
        token = TokenMint().token("ROLE_ARTIST")
        answer = gateway.call("GET", "/v1/caller", token=token)
        assert (answer.status, answer.reason) == (503, "ERROR_REASON_DEPENDENCY_UNAVAILABLE")
        assert answer.headers["retry-after"] == "1"
        with grpc.insecure_channel(gateway.address) as channel:
            error = _refusal(service_pb2_grpc.AuthServiceStub(channel), token)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
    finally:
        gateway.stop()
