"""AuthService as a client meets it: the real process, real tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc import error_details_pb2, status_pb2

from artifex.auth.v1 import messages_pb2 as pb
from artifex.auth.v1 import service_pb2_grpc
from artifex.common.v1 import policy_pb2
from libs.chassis.ids import new_id
from tests.support.services import Services

Stub = service_pb2_grpc.AuthServiceStub


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    services = Services(tmp_path_factory.mktemp("home"), ("auth",))
    with services.process("auth"):
        yield services


@pytest.fixture(scope="module")
def channel(services: Services) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{services.ports['auth']}") as channel:
        yield channel


class Session:
    """Calls with the token of one API key."""

    def __init__(self, channel: grpc.Channel, key: str) -> None:
        self._stub: Any = Stub(channel)
        token = self._stub.CreateToken(pb.CreateTokenRequest(api_key=key)).access_token
        self._metadata = (("authorization", f"Bearer {token}"),)
        self.user = self.GetCaller(pb.GetCallerRequest()).user

    def __getattr__(self, rpc: str) -> Callable[[Any], Any]:
        return lambda request: getattr(self._stub, rpc)(request, metadata=self._metadata, timeout=20)

    def refused(self, rpc: str, request: Any) -> str:
        """The ErrorReason of a call that must fail."""
        with pytest.raises(grpc.RpcError) as caught:
            getattr(self, rpc)(request)
        return reason(caught.value)


def reason(error: Any) -> str:
    (raw,) = [value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"]
    info = error_details_pb2.ErrorInfo()
    assert status_pb2.Status.FromString(raw).details[0].Unpack(info)
    return str(info.reason)


@pytest.fixture(scope="module")
def operator(services: Services, channel: grpc.Channel) -> Session:
    return Session(channel, (services.home / "token").read_text().strip())


@pytest.fixture
def admin(operator: Session, channel: grpc.Channel) -> Session:
    """The admin of a new tenant."""
    request = pb.CreateTenantRequest(tenant_id=f"t-{new_id()}", admin_email="boss@example.com")
    return Session(channel, operator.CreateTenant(request).api_key_secret)


def member(admin: Session, channel: grpc.Channel, role: policy_pb2.Role.ValueType) -> Session:
    user = pb.User(email=f"{new_id()}@example.com", role=role)
    made = admin.CreateUser(pb.CreateUserRequest(user=user)).user
    return Session(channel, admin.CreateApiKey(pb.CreateApiKeyRequest(user=made.name)).secret)


def test_the_first_key_is_neither_logged_nor_readable_by_others(services: Services) -> None:
    token: Path = services.home / "token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.read_text().strip() not in services.process("auth").log.read_text()


def test_a_new_tenants_admin_is_nobody_elsewhere(admin: Session, operator: Session) -> None:
    caller = admin.GetCaller(pb.GetCallerRequest())
    assert policy_pb2.PERMISSION_TENANT_ADMINISTER not in caller.permissions
    assert policy_pb2.PERMISSION_USER_ADMINISTER in caller.permissions
    assert list(caller.features) == [1, 2, 3]
    assert admin.GetTenant(pb.GetTenantRequest(name=caller.tenant)).tenant.name == caller.tenant
    assert admin.refused("GetTenant", pb.GetTenantRequest(name="tenants/studio")) == "ERROR_REASON_RESOURCE_NOT_FOUND"
    assert operator.GetTenant(pb.GetTenantRequest(name=caller.tenant)).tenant.operator is False
    assert admin.refused("GetUser", pb.GetUserRequest(name=operator.user)) == "ERROR_REASON_RESOURCE_NOT_FOUND"
    assert admin.refused("DeleteUser", pb.DeleteUserRequest(name=operator.user)) == "ERROR_REASON_RESOURCE_NOT_FOUND"
    keys = operator.ListApiKeys(pb.ListApiKeysRequest()).api_keys
    request = pb.DeleteApiKeyRequest(name=keys[0].name)
    assert admin.refused("DeleteApiKey", request) == "ERROR_REASON_RESOURCE_NOT_FOUND"
    wanted = pb.ListApiKeysRequest(user=operator.user)
    assert admin.refused("ListApiKeys", wanted) == "ERROR_REASON_RESOURCE_NOT_FOUND"


def test_the_last_admin_can_neither_leave_nor_step_down(admin: Session, channel: grpc.Channel) -> None:
    leave = pb.DeleteUserRequest(name=admin.user)
    step_down = pb.UpdateUserRequest(user=pb.User(name=admin.user, role=policy_pb2.ROLE_ARTIST))
    assert admin.refused("DeleteUser", leave) == "ERROR_REASON_STATE_CONFLICT"
    assert admin.refused("UpdateUser", step_down) == "ERROR_REASON_STATE_CONFLICT"
    second = member(admin, channel, policy_pb2.ROLE_ADMIN)
    assert admin.UpdateUser(step_down).user.role == policy_pb2.ROLE_ARTIST
    assert second.refused("DeleteUser", pb.DeleteUserRequest(name=second.user)) == "ERROR_REASON_STATE_CONFLICT"


def test_an_update_changes_what_the_mask_names_and_minds_the_etag(admin: Session) -> None:
    email = "Kim@Example.com"
    user = admin.CreateUser(pb.CreateUserRequest(user=pb.User(email=email, role=policy_pb2.ROLE_ARTIST))).user
    wanted = pb.User(name=user.name, display_name="Kim", role=policy_pb2.ROLE_LEAD_ARTIST, etag=user.etag)
    request = pb.UpdateUserRequest(user=wanted, update_mask=FieldMask(paths=["display_name"]))
    changed = admin.UpdateUser(request).user
    assert (changed.display_name, changed.role, changed.email) == ("Kim", policy_pb2.ROLE_ARTIST, email)
    assert changed.etag != user.etag
    assert admin.refused("UpdateUser", request) == "ERROR_REASON_ETAG_MISMATCH"
    request.update_mask.paths[:] = ["email"]
    assert admin.refused("UpdateUser", request) == "ERROR_REASON_REQUEST_INVALID"
    old = pb.DeleteUserRequest(name=user.name, etag=user.etag)
    assert admin.refused("DeleteUser", old) == "ERROR_REASON_ETAG_MISMATCH"
    admin.DeleteUser(pb.DeleteUserRequest(name=user.name, etag=changed.etag))
    assert admin.refused("GetUser", pb.GetUserRequest(name=user.name)) == "ERROR_REASON_RESOURCE_NOT_FOUND"


def test_a_user_is_added_once(admin: Session) -> None:
    request = pb.CreateUserRequest(
        user=pb.User(email="lee@example.com", role=policy_pb2.ROLE_ARTIST), request_id=new_id()
    )
    first = admin.CreateUser(request)
    assert admin.CreateUser(request) == first
    request.user.display_name = "Another"
    assert admin.refused("CreateUser", request) == "ERROR_REASON_REQUEST_ID_REUSED"
    same = pb.CreateUserRequest(user=pb.User(email="LEE@example.com", role=policy_pb2.ROLE_ARTIST))
    assert admin.refused("CreateUser", same) == "ERROR_REASON_RESOURCE_EXISTS"


@pytest.mark.parametrize(
    "user",
    [
        pb.User(role=policy_pb2.ROLE_ADMIN),
        pb.User(email="lee@example.com"),
        pb.User(email="lee", role=policy_pb2.ROLE_ADMIN),
    ],
)
def test_a_user_needs_email_and_role(admin: Session, user: pb.User) -> None:
    assert admin.refused("CreateUser", pb.CreateUserRequest(user=user)) == "ERROR_REASON_REQUEST_INVALID"


def test_lists_come_in_pages(admin: Session) -> None:
    users = [pb.User(email=f"u{number}@example.com", role=policy_pb2.ROLE_ARTIST) for number in range(4)]
    names = [admin.CreateUser(pb.CreateUserRequest(user=user)).user.name for user in users]
    found: list[str] = []
    token = ""
    while True:
        page = admin.ListUsers(pb.ListUsersRequest(page_size=2, page_token=token))
        found += [user.name for user in page.users]
        token = page.next_page_token
        if not token:
            break
    assert found == [admin.user, *names]
    foreign = admin.ListUsers(pb.ListUsersRequest(page_size=2)).next_page_token
    request = pb.ListApiKeysRequest(page_token=foreign)
    assert admin.refused("ListApiKeys", request) == "ERROR_REASON_PAGE_TOKEN_INVALID"


def test_a_key_is_shown_once_and_dies_when_revoked(admin: Session, channel: grpc.Channel) -> None:
    artist = member(admin, channel, policy_pb2.ROLE_ARTIST)
    made = artist.CreateApiKey(pb.CreateApiKeyRequest(display_name="farm", ttl=Duration(seconds=3600)))
    assert made.secret.startswith(made.api_key.prefix)
    assert made.api_key.expire_time.seconds - made.api_key.create_time.seconds == 3600
    listed = {key.name: key for key in artist.ListApiKeys(pb.ListApiKeysRequest()).api_keys}
    assert made.secret not in str(listed)
    assert not listed[made.api_key.name].HasField("last_use_time")
    assert Session(channel, made.secret).user == artist.user
    (used,) = [key for key in artist.ListApiKeys(pb.ListApiKeysRequest()).api_keys if key.name == made.api_key.name]
    assert used.HasField("last_use_time")
    artist.DeleteApiKey(pb.DeleteApiKeyRequest(name=made.api_key.name))
    with pytest.raises(grpc.RpcError) as caught:
        Session(channel, made.secret)
    assert reason(caught.value) == "ERROR_REASON_API_KEY_INVALID"


def test_an_expired_key_opens_nothing(admin: Session, channel: grpc.Channel) -> None:
    made = admin.CreateApiKey(pb.CreateApiKeyRequest(ttl=Duration(nanos=1000)))
    with pytest.raises(grpc.RpcError) as caught:
        Session(channel, made.secret)
    assert reason(caught.value) == "ERROR_REASON_API_KEY_INVALID"


def test_an_artist_manages_their_own_keys_alone(admin: Session, channel: grpc.Channel) -> None:
    artist = member(admin, channel, policy_pb2.ROLE_ARTIST)
    lead = member(admin, channel, policy_pb2.ROLE_LEAD_ARTIST)
    for rpc, request in [
        ("CreateApiKey", pb.CreateApiKeyRequest(user=lead.user)),
        ("ListApiKeys", pb.ListApiKeysRequest(user=lead.user)),
    ]:
        assert artist.refused(rpc, request) == "ERROR_REASON_PERMISSION_MISSING"
    (key,) = lead.ListApiKeys(pb.ListApiKeysRequest()).api_keys
    revoke = pb.DeleteApiKeyRequest(name=key.name)
    assert artist.refused("DeleteApiKey", revoke) == "ERROR_REASON_RESOURCE_NOT_FOUND"
    admin.DeleteApiKey(revoke)
    assert list(admin.ListApiKeys(pb.ListApiKeysRequest(user=lead.user)).api_keys) == []


def test_a_removed_users_keys_open_nothing(admin: Session, channel: grpc.Channel) -> None:
    artist = member(admin, channel, policy_pb2.ROLE_ARTIST)
    second = artist.CreateApiKey(pb.CreateApiKeyRequest()).secret
    admin.DeleteUser(pb.DeleteUserRequest(name=artist.user))
    with pytest.raises(grpc.RpcError) as caught:
        Session(channel, second)
    assert reason(caught.value) == "ERROR_REASON_API_KEY_INVALID"
    # The token lives on for its minutes, and must not become a new key.
    assert artist.refused("CreateApiKey", pb.CreateApiKeyRequest()) == "ERROR_REASON_RESOURCE_NOT_FOUND"


def test_a_role_takes_effect_with_the_next_token(admin: Session, channel: grpc.Channel) -> None:
    artist = member(admin, channel, policy_pb2.ROLE_ARTIST)
    key = artist.CreateApiKey(pb.CreateApiKeyRequest()).secret
    admin.UpdateUser(pb.UpdateUserRequest(user=pb.User(name=artist.user, role=policy_pb2.ROLE_REVIEWER)))
    assert artist.GetCaller(pb.GetCallerRequest()).role == policy_pb2.ROLE_ARTIST
    assert Session(channel, key).GetCaller(pb.GetCallerRequest()).role == policy_pb2.ROLE_REVIEWER
