"""The client over TLS, with a certificate of the studio's own."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from artifex import errors
from artifex.client import Client
from artifex.up import Stack


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "studio")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret


async def test_a_studio_with_a_certificate_speaks_tls_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain, key = write_certificate(tmp_path)
    env = {"ARTIFEX_GATEWAY_TLS_CERTIFICATE": str(chain), "ARTIFEX_GATEWAY_TLS_KEY": str(key)}
    idle = ("triton", "generator", "media", "graph", "collab", "nats")
    monkeypatch.setattr("artifex.transport.ATTEMPTS", 2)
    async with Stack(tmp_path / "home", workers=0, env=env, without=idle) as stack:
        assert stack.endpoint.startswith("https://")
        async with Client(stack.endpoint, home=stack.home, ca_file=chain) as studio:
            assert (await studio.identity.caller()).tenant == "tenants/studio"
        async with Client(stack.endpoint, home=stack.home) as stranger:
            with pytest.raises(errors.Unavailable):
                await stranger.identity.caller()
        async with Client(stack.endpoint.replace("https", "http"), home=stack.home) as plain:
            with pytest.raises(errors.Unavailable):
                await plain.identity.caller()
