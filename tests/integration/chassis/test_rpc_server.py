"""A real server with real tokens, called as a stranger would call it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from artifex.auth.v1 import messages_pb2 as auth
from artifex.auth.v1 import service_pb2_grpc as auth_grpc
from artifex.media.v1 import messages_pb2 as media
from libs.chassis.errors import CODES, NotFound
from libs.chassis.rpc.interceptors.errors import STATUSES, status_code
from libs.chassis.rpc.policy import PolicyMissing
from libs.chassis.rpc.server import GrpcServer
from libs.chassis.testing.tokens import TokenMint
from tests.integration.chassis.served import SECRET, SERVICES, Auth, Served, failing, recorded_spans, serve


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve() as served:
        yield served


# --- who is calling ---


async def test_public_rpcs_ask_for_no_token(served: Served) -> None:
    [key] = (await served.auth.GetJwks(auth.GetJwksRequest())).keys
    assert key.kid == served.mint.kid


async def test_a_call_without_a_token_is_refused(served: Served) -> None:
    with failing("UNAUTHENTICATED", "ERROR_REASON_TOKEN_MISSING"):
        await served.auth.GetCaller(auth.GetCallerRequest())


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer ", "Bearer nonsense"])
async def test_what_is_no_bearer_token_is_refused(served: Served, header: str) -> None:
    with failing("UNAUTHENTICATED", "ERROR_REASON_TOKEN_INVALID"):
        await served.auth.GetCaller(auth.GetCallerRequest(), metadata=[("authorization", header)])


async def test_an_expired_token_says_so(served: Served) -> None:
    with failing("UNAUTHENTICATED", "ERROR_REASON_TOKEN_EXPIRED"):
        await served.auth.GetCaller(auth.GetCallerRequest(), **served.as_role("ROLE_ADMIN", lifetime=-60))


async def test_the_servicer_knows_its_caller(served: Served) -> None:
    answer = await served.auth.GetCaller(auth.GetCallerRequest(), **served.as_role("ROLE_REVIEWER", tenant="acme"))
    assert (answer.tenant, answer.user) == ("tenants/acme", "users/ann")


async def test_callers_at_the_same_time_are_not_mixed_up(served: Served) -> None:
    async def ask(number: int) -> str:
        options = served.as_role("ROLE_ARTIST", subject=f"u{number}")
        return str((await served.auth.GetCaller(auth.GetCallerRequest(), **options)).user)

    assert await asyncio.gather(*map(ask, range(40))) == [f"users/u{number}" for number in range(40)]


# --- what they may ---


async def test_a_role_without_the_permission_is_denied(served: Served) -> None:
    with failing("PERMISSION_DENIED", "ERROR_REASON_PERMISSION_MISSING") as failed:
        await served.auth.GetUser(auth.GetUserRequest(name="users/ann"), **served.as_role("ROLE_ARTIST"))
    assert failed.info.metadata == {"permission": "PERMISSION_USER_READ", "role": "ROLE_ARTIST"}


async def test_streams_are_guarded_too(served: Served) -> None:
    with failing("PERMISSION_DENIED", "ERROR_REASON_PERMISSION_MISSING"):
        await served.media.WriteUpload(iter([media.WriteUploadRequest()]), **served.as_role("ROLE_REVIEWER"))
    with failing("UNAUTHENTICATED", "ERROR_REASON_TOKEN_MISSING"):
        await served.media.DownloadAsset(media.DownloadAssetRequest(name="assets/a")).read()


async def test_operator_rpcs_are_for_the_operators_tenant(served: Served) -> None:
    request = auth.CreateTenantRequest(tenant_id="acme", admin_email="ann@acme.example")
    with failing("PERMISSION_DENIED", "ERROR_REASON_PERMISSION_MISSING"):
        await served.auth.CreateTenant(request, **served.as_role("ROLE_ADMIN", operator=False))
    await served.auth.CreateTenant(request, **served.as_role("ROLE_ADMIN", operator=True))


# --- what they ask for ---


async def test_a_request_that_breaks_its_constraints_is_refused_field_by_field(served: Served) -> None:
    request = auth.CreateTenantRequest(tenant_id="NO", admin_email="nobody")
    with failing("INVALID_ARGUMENT", "ERROR_REASON_REQUEST_INVALID") as failed:
        await served.auth.CreateTenant(request, **served.as_role("ROLE_ADMIN", operator=True))
    found = {violation.field: violation.reason for violation in failed.bad.field_violations}
    assert found == {"tenant_id": "string.pattern", "admin_email": "string.email"}


async def test_each_message_of_a_stream_is_checked(served: Served) -> None:
    requests = [media.WriteUploadRequest(name="uploads/u"), media.WriteUploadRequest(offset=-1)]
    with failing("INVALID_ARGUMENT", "ERROR_REASON_REQUEST_INVALID") as failed:
        await served.media.WriteUpload(iter(requests), **served.as_role("ROLE_ARTIST"))
    assert [violation.field for violation in failed.bad.field_violations] == ["offset"]


async def test_a_stranger_learns_nothing_from_validation(served: Served) -> None:
    with failing("UNAUTHENTICATED", "ERROR_REASON_TOKEN_MISSING"):
        await served.auth.GetUser(auth.GetUserRequest(name="!"))


async def test_an_unknown_rpc_is_typed(served: Served) -> None:
    with failing("UNIMPLEMENTED", "ERROR_REASON_UNIMPLEMENTED"):
        await served.raw.unary_unary("/artifex.auth.v1.AuthService/Missing")(b"")
    with failing("UNIMPLEMENTED", "ERROR_REASON_UNIMPLEMENTED"):
        await served.raw.unary_stream("/no.such.Service/Method")(b"\xff").read()


async def test_bytes_that_are_no_message_are_typed(served: Served) -> None:
    options = served.as_role("ROLE_ADMIN")
    with failing("INVALID_ARGUMENT", "ERROR_REASON_REQUEST_INVALID"):
        await served.raw.unary_unary("/artifex.auth.v1.AuthService/GetUser")(b"\xff\xff", **options)
    with failing("INVALID_ARGUMENT", "ERROR_REASON_REQUEST_INVALID"):
        await served.raw.stream_unary("/artifex.media.v1.MediaService/WriteUpload")(iter([b"\xff\xff"]), **options)


# --- how it fails ---


def test_every_error_class_has_the_status_of_its_name() -> None:
    assert {kind.code: STATUSES[kind].name for kind in CODES.values()} == {name: name for name in CODES}

    class Special(NotFound):
        pass

    assert status_code(Special("x")) is grpc.StatusCode.NOT_FOUND


async def test_a_typed_error_reaches_the_caller_whole(served: Served) -> None:
    options = served.as_role("ROLE_ADMIN")
    with failing("NOT_FOUND", "ERROR_REASON_RESOURCE_NOT_FOUND") as failed:
        await served.auth.GetUser(auth.GetUserRequest(name="users/absent"), **options)
    assert (failed.message, failed.info.metadata) == ("users/absent was not found", {"resource": "users/absent"})
    assert failed.retry is None
    with failing("ABORTED", "ERROR_REASON_ETAG_MISMATCH") as failed:
        await served.auth.GetUser(auth.GetUserRequest(name="users/raced"), **options)
    assert failed.retry is not None
    assert failed.retry.retry_delay.ToMilliseconds() == 250


async def test_an_unexpected_error_shows_an_id_and_nothing_else(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    options = served.as_role("ROLE_ADMIN")
    for call in (
        lambda: served.auth.GetUser(auth.GetUserRequest(name="users/broken"), **options),
        lambda: read_all(served.media.DownloadAsset(media.DownloadAssetRequest(name="assets/broken"), **options)),
    ):
        caplog.clear()
        with caplog.at_level(logging.ERROR), failing("INTERNAL", "ERROR_REASON_INTERNAL") as failed:
            await call()
        error_id = failed.info.metadata["error_id"]
        assert failed.message == f"internal error; id {error_id}"
        assert SECRET not in failed.everything
        assert "KeyError" not in failed.everything
        [record] = [record for record in caplog.records if error_id in record.getMessage()]
        assert SECRET in str(record.exc_info)


async def test_an_error_with_very_many_violations_still_fits_its_trailers(served: Served) -> None:
    with failing("INVALID_ARGUMENT", "ERROR_REASON_GRAPH_INVALID") as failed:
        await served.auth.GetUser(auth.GetUserRequest(name="users/manyfaults"), **served.as_role("ROLE_ADMIN"))
    shown = len(failed.bad.field_violations)
    assert shown > 30
    assert int(failed.info.metadata["violations_omitted"]) == 500 - shown
    assert failed.message.endswith("…")


async def test_the_callers_deadline_is_kept(served: Served) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.auth.GetUser(auth.GetUserRequest(name="users/slow"), timeout=0.1, **served.as_role("ROLE_ADMIN"))
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_call_without_a_deadline_gets_the_servers() -> None:
    async with serve(default_deadline=0.05) as served:
        with failing("DEADLINE_EXCEEDED", "ERROR_REASON_DEADLINE_EXCEEDED"):
            await served.auth.GetUser(auth.GetUserRequest(name="users/slow"), **served.as_role("ROLE_ADMIN"))


# --- health and reflection ---


def health_stub(served: Served) -> Any:
    return health_pb2_grpc.HealthStub(served.raw)


async def health_of(served: Served, service: str) -> str:
    answer = await health_stub(served).Check(health_pb2.HealthCheckRequest(service=service))
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


async def test_health_is_open_to_all_and_knows_each_service(served: Served) -> None:
    for service in ("", "artifex.auth.v1.AuthService", "artifex.media.v1.MediaService"):
        assert await health_of(served, service) == "SERVING"


async def test_health_follows_the_dependencies() -> None:
    well = True

    async def database() -> bool:
        if not well:
            raise OSError("gone")
        return True

    async with serve(health_checks={"database": database}, health_interval=0.02) as served:
        watch = health_stub(served).Watch(health_pb2.HealthCheckRequest(service=""))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        well = False
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        well = True
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()


async def test_reflection_lists_the_services(served: Served) -> None:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(served.raw)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    [answer] = [answer async for answer in stub.ServerReflectionInfo(iter([request]))]
    names = {service.name for service in answer.list_services_response.service}
    assert names >= {service.full_name for service in SERVICES} | {"grpc.health.v1.Health"}


# --- start and stop ---


def server_of(**changes: Any) -> GrpcServer:
    mint = TokenMint()
    arguments: dict[str, Any] = {
        "verifier": mint.verifier(),
        "servicers": [(auth_grpc.add_AuthServiceServicer_to_server, Auth(mint))],  # type: ignore[abstract]
        "services": SERVICES[:1],
    }
    return GrpcServer(changes.pop("listen", "127.0.0.1:0"), **{**arguments, **changes})


async def test_a_service_that_is_served_undeclared_is_refused() -> None:
    with pytest.raises(PolicyMissing, match="is not among the declared ones"):
        server_of(services=[])


async def test_a_server_without_a_verifier_serves_public_rpcs_alone() -> None:
    with pytest.raises(ValueError, match="has no verifier"):
        server_of(verifier=None)


async def test_a_port_that_is_taken_is_an_error(served: Served) -> None:
    with pytest.raises(RuntimeError, match="bind"):
        async with server_of(listen=served.address):
            pass


async def test_a_running_call_ends_before_the_server_does() -> None:
    async with serve() as served:
        request = media.DownloadAssetRequest(name="assets/held")
        reading = asyncio.create_task(read_all(served.media.DownloadAsset(request, **served.as_role("ROLE_ARTIST"))))
        await served.media_servicer.streaming.wait()
        closing = asyncio.create_task(served.server.__aexit__(None, None, None))
        with failing("UNAVAILABLE", "ERROR_REASON_DEPENDENCY_UNAVAILABLE") as failed:
            await call_until_it_fails(served)
        assert failed.retry is not None
        assert await health_of(served, "") == "NOT_SERVING"
        assert not closing.done()
        served.media_servicer.release.set()
        assert await reading == [b"0", b"1", b"2", b"last"]
        await closing


async def call_until_it_fails(served: Served) -> None:
    while True:
        await served.auth.GetJwks(auth.GetJwksRequest())


async def test_a_call_that_never_ends_is_cut_off_after_the_drain() -> None:
    async with serve(drain=0.1) as served:
        request = media.DownloadAssetRequest(name="assets/silent")
        reading = asyncio.create_task(read_all(served.media.DownloadAsset(request, **served.as_role("ROLE_ARTIST"))))
        await served.media_servicer.streaming.wait()
        await served.server.__aexit__(None, None, None)
        with pytest.raises(grpc.aio.AioRpcError):
            await reading
        await served.media_servicer.ended.wait()


# --- traces ---


async def test_each_rpc_leaves_a_span_under_its_callers() -> None:
    async with recorded_spans() as spans, serve() as served:
        trace_id, parent_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
        metadata = [*served.mint.metadata("ROLE_ADMIN"), ("traceparent", f"00-{trace_id}-{parent_id}-01")]
        await served.auth.GetUser(auth.GetUserRequest(name="users/ann"), metadata=metadata)
        with failing("INTERNAL", "ERROR_REASON_INTERNAL"):
            await served.auth.GetUser(auth.GetUserRequest(name="users/broken"), metadata=metadata)
        await health_of(served, "")
    good, bad = spans.get_finished_spans()
    for span, code in ((good, "OK"), (bad, "INTERNAL")):
        assert span.name == "artifex.auth.v1.AuthService/GetUser"
        assert f"{span.context.trace_id:032x}" == trace_id
        assert span.parent is not None
        assert f"{span.parent.span_id:016x}" == parent_id
        assert span.attributes is not None
        assert span.attributes["artifex.tenant"] == "studio"
        assert span.attributes["rpc.grpc.status_code"] == code
    assert (good.status.is_ok, bad.status.is_ok) == (True, False)


async def test_invented_methods_do_not_become_names_of_spans() -> None:
    async with recorded_spans() as spans, serve() as served:
        with failing("UNIMPLEMENTED", "ERROR_REASON_UNIMPLEMENTED"):
            await served.raw.unary_unary("/attack/1")(b"")
    assert [span.name for span in spans.get_finished_spans()] == ["unknown/unknown"]


async def read_all(call: Any) -> list[bytes]:
    return [response.content.data async for response in call]
