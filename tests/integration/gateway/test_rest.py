"""REST with JSON: what Envoy makes of the HTTP annotations."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest

from tests.integration.gateway.conftest import Gateway
from tests.support.services import Forge

GRAPH = '{"schema": "artifex.graph/1", "nodes": {"제목": {}}}'


def test_health_asks_for_nothing(gateway: Gateway) -> None:
    assert gateway.call("GET", "/healthz").status == 200


def test_the_public_keys_are_those_of_rfc_7517(gateway: Gateway) -> None:
    answer = gateway.call("GET", "/v1/jwks.json")
    assert answer.status == 200
    (key,) = answer.json["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
    assert len(base64.urlsafe_b64decode(key["x"] + "=")) == 32


def test_a_key_becomes_a_token_that_the_gateway_takes(gateway: Gateway, admin_token: str) -> None:
    caller = gateway.call("GET", "/v1/caller", token=admin_token)
    assert caller.status == 200
    assert caller.json["tenant"] == "tenants/studio"
    assert caller.json["role"] == "ROLE_ADMIN"


def test_a_resource_is_made_read_changed_and_removed(gateway: Gateway, admin_token: str) -> None:
    def call(method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = gateway.call(method, path, body, token=admin_token)
        assert answer.status == 200, answer.body
        return dict(answer.json)

    name = call("POST", "/v1/projects", {"projectId": "spot", "displayName": "Spot"})["project"]["name"]
    assert name == "projects/spot"
    made = call("POST", f"/v1/{name}/documents", {"documentId": "cut", "contentJson": GRAPH})["document"]
    assert made["contentJson"] == GRAPH
    changed = call("PATCH", f"/v1/{made['name']}", {"contentJson": GRAPH + " ", "etag": made["etag"]})["document"]
    assert changed["revision"] == "2"
    assert call("GET", f"/v1/{made['name']}?revision=1")["document"]["contentJson"] == GRAPH
    revisions = call("GET", f"/v1/{made['name']}:revisions?pageSize=1")
    assert [item["revision"] for item in revisions["revisions"]] == ["2"]
    assert revisions["nextPageToken"]
    call("DELETE", f"/v1/{name}")
    assert gateway.call("GET", f"/v1/{name}", token=admin_token).status == 404


def test_a_user_is_changed_field_by_field(gateway: Gateway, admin_token: str) -> None:
    made = gateway.call(
        "POST", "/v1/users", {"email": "rest@studio.example", "role": "ROLE_ARTIST"}, token=admin_token
    ).json["user"]
    path = f"/v1/{made['name']}?updateMask=displayName"
    changed = gateway.call("PATCH", path, {"displayName": "Rest", "role": "ROLE_ADMIN"}, token=admin_token)
    assert changed.status == 200, changed.body
    assert (changed.json["user"]["displayName"], changed.json["user"]["role"]) == ("Rest", "ROLE_ARTIST")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("GET", "/v1/users/absent", None, 404, "ERROR_REASON_RESOURCE_NOT_FOUND"),
        ("GET", "/v1/caller?nonsense=1", None, 400, "ERROR_REASON_REQUEST_INVALID"),
        ("POST", "/v1/users", {"email": "no email", "role": 3}, 400, "ERROR_REASON_REQUEST_INVALID"),
        ("POST", "/v1/projects", {"projectId": "UPPER"}, 400, "ERROR_REASON_REQUEST_INVALID"),
        ("POST", "/v1/projects", b"{not json", 400, "ERROR_REASON_REQUEST_INVALID"),
        ("POST", "/v1/tokens", {"api_key": "afx_wrong"}, 401, "ERROR_REASON_API_KEY_INVALID"),
        ("GET", "/v1/nothing", None, 404, "ERROR_REASON_UNIMPLEMENTED"),
        ("PUT", "/v1/tokens", {}, 404, "ERROR_REASON_UNIMPLEMENTED"),
        ("POST", "/v1/projects", {"displayName": "x" * 200_000}, 413, "ERROR_REASON_LIMIT_EXCEEDED"),
        ("GET", "/v1/assets", None, 503, "ERROR_REASON_DEPENDENCY_UNAVAILABLE"),
        ("GET", "/v1/users/a%2Fb", None, 400, "ERROR_REASON_REQUEST_INVALID"),
        ("GET", f"/v1/users/{'a' * 20_000}", None, 400, "ERROR_REASON_REQUEST_INVALID"),
    ],
)
def test_failures_are_typed(
    gateway: Gateway, admin_token: str, method: str, path: str, body: object, status: int, reason: str
) -> None:
    answer = gateway.call(method, path, body, token=admin_token)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert answer.reason == reason
    assert answer.json["message"]


def test_tokens_are_checked_before_anything_else(gateway: Gateway, forge: Forge) -> None:
    artist = forge.token("ROLE_REVIEWER")
    refused = {
        "": "ERROR_REASON_TOKEN_MISSING",
        "nonsense": "ERROR_REASON_TOKEN_INVALID",
        forge.token("ROLE_ADMIN", lifetime=-60): "ERROR_REASON_TOKEN_EXPIRED",
        forge.token("ROLE_ADMIN", aud="someone-else"): "ERROR_REASON_TOKEN_INVALID",
        forge.token("ROLE_ADMIN", iss="someone-else"): "ERROR_REASON_TOKEN_INVALID",
        artist[:-8] + "AAAAAAAA": "ERROR_REASON_TOKEN_INVALID",
    }
    for token, reason in refused.items():
        answer = gateway.call("GET", "/v1/projects", token=token)
        assert (answer.status, answer.reason) == (401, reason)
    assert gateway.call("GET", "/v1/projects", token=artist).status == 200
    forbidden = gateway.call("POST", "/v1/projects", {}, token=artist)
    assert (forbidden.status, forbidden.reason) == (403, "ERROR_REASON_PERMISSION_MISSING")


def test_nobody_names_their_own_tenant(gateway: Gateway, forge: Forge) -> None:
    token = forge.token("ROLE_ADMIN", tenant="acme")
    answer = gateway.call("GET", "/v1/caller", token=token, headers={"x-artifex-tenant": "studio"})
    assert answer.json["tenant"] == "tenants/acme"


def test_a_browser_may_call_from_this_machine_only(gateway: Gateway) -> None:
    asking = {"access-control-request-method": "POST", "origin": "http://localhost:3000"}
    allowed = gateway.call("OPTIONS", "/v1/projects", headers=asking)
    assert allowed.status == 200
    assert allowed.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "authorization" in allowed.headers["access-control-allow-headers"]
    for path in ("/v1/projects", "/artifex.collab.v1.ProjectService/ListProjects"):
        foreign = gateway.call("OPTIONS", path, headers={**asking, "origin": "https://evil.example"})
        assert foreign.status == 404, "a preflight carries no token, so it reaches no service"
        assert "access-control-allow-origin" not in foreign.headers


def test_grpc_web(gateway: Gateway, admin_token: str) -> None:
    """A frame is a flag byte, a length and the message; the trailers come as a frame with flag 0x80."""
    answer = gateway.call(
        "POST",
        "/artifex.auth.v1.AuthService/GetCaller",
        struct.pack(">BI", 0, 0),
        token=admin_token,
        headers={"content-type": "application/grpc-web+proto", "x-grpc-web": "1"},
    )
    assert answer.status == 200
    flag, length = struct.unpack(">BI", answer.body[:5])
    assert flag == 0
    assert b"tenants/studio" in answer.body[5 : 5 + length]
    assert answer.body[5 + length] == 0x80
    assert b"grpc-status:0" in answer.body[5 + length :]


def test_the_transcoder_knows_the_types_of_error_details(gateway: Gateway, admin_token: str) -> None:
    answer = gateway.call("POST", "/v1/projects", {"projectId": "-"}, token=admin_token)
    kinds = {detail["@type"].rpartition(".")[2] for detail in answer.json["details"]}
    assert kinds >= {"ErrorInfo", "BadRequest"}
    assert "project_id" in json.dumps(answer.json)
