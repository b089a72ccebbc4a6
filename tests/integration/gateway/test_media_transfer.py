"""Footage by REST: Envoy turns a plain body into a client stream and a server stream into a plain body."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.chassis.testing import NatsServer
from tests.integration.gateway.conftest import Gateway
from tests.support.footage import bunny
from tests.support.services import Services

MIB = 1 << 20


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, nats_server: NatsServer) -> Iterator[tuple[Gateway, str]]:
    """The gateway over auth and media, and the admin's token."""
    folder = tmp_path_factory.mktemp("transfer")
    services = Services(folder / "home", ("auth", "media"), ARTIFEX_NATS_URL=nats_server.url, ARTIFEX_MEDIA_ROLES="api")
    # Far below the size of the uploads: streams are not held back and not counted.
    with services.running(), Gateway(folder / "gateway", services, GATEWAY_MAX_REQUEST_BYTES="65536") as gateway:
        key = (services.home / "token").read_text().strip()
        yield gateway, gateway.call("POST", "/v1/tokens", {"api_key": key}).json["accessToken"]


def begin(studio: tuple[Gateway, str], content: bytes, name: str) -> str:
    gateway, token = studio
    wanted = {"displayName": name, "size": len(content), "digest": hashlib.sha256(content).hexdigest()}
    answer = gateway.call("POST", "/v1/uploads", wanted, token=token)
    assert answer.status == 200, answer.body
    return str(answer.json["upload"]["name"])


def test_a_clip_goes_in_and_comes_out_unchanged(studio: tuple[Gateway, str]) -> None:
    gateway, token = studio
    content = Path(bunny()).read_bytes()
    upload = begin(studio, content, "bunny.mp4")
    half = len(content) // 2
    video = {"content-type": "video/mp4"}
    first = gateway.call("POST", f"/v1/{upload}:write", content[:half], token=token, headers=video)
    assert (first.status, first.json) == (200, {"committedSize": str(half)}), first.body
    wrong = gateway.call("POST", f"/v1/{upload}:write?offset=1", content[half:], token=token, headers=video)
    assert (wrong.status, wrong.reason) == (400, "ERROR_REASON_UPLOAD_OFFSET_MISMATCH")
    second = gateway.call("POST", f"/v1/{upload}:write?offset={half}", content[half:], token=token, headers=video)
    assert second.json == {"committedSize": str(len(content))}
    finished = gateway.call("POST", f"/v1/{upload}:finish", {}, token=token)
    assert finished.status == 200, finished.body
    asset = finished.json["asset"]
    assert asset["media"]["videoStreams"][0]["width"] == 1280

    whole = gateway.call("GET", f"/v1/{asset['name']}:download", token=token)
    assert whole.status == 200
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.body == content
    part = gateway.call("GET", f"/v1/{asset['name']}:download?offset=1000&length=5", token=token)
    assert part.body == content[1000:1005]
    picture = gateway.call("GET", f"/v1/{asset['name']}:thumbnail?time=1.5&width=160", token=token)
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.body.startswith(b"\xff\xd8")


def test_an_upload_is_neither_held_back_nor_limited_by_the_gateway(studio: tuple[Gateway, str]) -> None:
    gateway, token = studio
    content = os.urandom(MIB) * 48
    upload = begin(studio, content, "noise.mp4")
    answer = gateway.call(
        "POST", f"/v1/{upload}:write", content, token=token, headers={"content-type": "application/octet-stream"}
    )
    assert answer.json == {"committedSize": str(len(content))}
    refused = gateway.call("POST", f"/v1/{upload}:finish", {}, token=token)
    assert (refused.status, refused.reason) == (400, "ERROR_REASON_MEDIA_UNREADABLE")
