"""AuthService over gRPC: decode, call the command, encode. The rest is the chassis' interceptors."""

from __future__ import annotations

from typing import Any

from artifex.auth.v1 import messages_pb2 as pb
from artifex.auth.v1 import service_pb2_grpc
from artifex.common.v1 import policy_pb2
from libs.chassis.clock import to_timestamp
from libs.chassis.paging import read_page
from libs.chassis.principal import current_principal
from libs.chassis.repeats import Repeat
from libs.chassis.rpc.policy import permissions_of
from services.auth.api import encode
from services.auth.commands.create_api_key import create_api_key
from services.auth.commands.create_tenant import create_tenant
from services.auth.commands.create_token import create_token
from services.auth.commands.create_user import create_user
from services.auth.commands.delete_api_key import delete_api_key
from services.auth.commands.delete_user import delete_user
from services.auth.commands.get_key_set import get_key_set
from services.auth.commands.get_tenant import get_tenant
from services.auth.commands.get_user import get_user
from services.auth.commands.list_api_keys import list_api_keys
from services.auth.commands.list_tenants import list_tenants
from services.auth.commands.list_users import list_users
from services.auth.commands.update_user import CHANGEABLE, update_user
from services.auth.domain.model import User
from services.auth.domain.signing import Issuer
from services.auth.ports import Store

Context = Any  # grpc.aio.ServicerContext; no rpc here needs it


class AuthServicer(service_pb2_grpc.AuthServiceServicer):
    def __init__(self, store: Store, issuer: Issuer) -> None:
        self._store = store
        self._issuer = issuer

    async def CreateToken(self, request: pb.CreateTokenRequest, context: Context) -> pb.CreateTokenResponse:
        token = await create_token(self._store, self._issuer, request.api_key)
        return pb.CreateTokenResponse(access_token=token.jwt, expire_time=to_timestamp(token.expires_at))

    async def GetJwks(self, request: pb.GetJwksRequest, context: Context) -> pb.GetJwksResponse:
        keys = await get_key_set(self._store)
        return pb.GetJwksResponse(keys=[encode.jwk(key) for key in keys])

    async def GetCaller(self, request: pb.GetCallerRequest, context: Context) -> pb.GetCallerResponse:
        caller = current_principal()
        permissions = permissions_of(caller.role, caller.operator)
        return pb.GetCallerResponse(
            tenant=f"tenants/{caller.tenant}",
            user=f"users/{caller.subject}",
            role=policy_pb2.Role.Value(caller.role),
            permissions=sorted(policy_pb2.Permission.Value(name) for name in permissions),
            features=sorted(policy_pb2.Feature.Value(name) for name in caller.features),
        )

    async def CreateTenant(self, request: pb.CreateTenantRequest, context: Context) -> pb.CreateTenantResponse:
        created = await create_tenant(
            self._store,
            tenant_id=request.tenant_id,
            display_name=request.display_name,
            admin_email=request.admin_email,
        )
        return pb.CreateTenantResponse(
            tenant=encode.tenant(created.tenant), admin=encode.user(created.admin), api_key_secret=created.secret
        )

    async def ListTenants(self, request: pb.ListTenantsRequest, context: Context) -> pb.ListTenantsResponse:
        page = await read_page(
            "ListTenants",
            current_principal().tenant,
            request,
            lambda after, limit: list_tenants(self._store, after=after, limit=limit),
            lambda tenant: tenant.id,
        )
        tenants = [encode.tenant(item) for item in page.items]
        return pb.ListTenantsResponse(tenants=tenants, next_page_token=page.next_token)

    async def GetTenant(self, request: pb.GetTenantRequest, context: Context) -> pb.GetTenantResponse:
        tenant = await get_tenant(self._store, current_principal(), request.name)
        return pb.GetTenantResponse(tenant=encode.tenant(tenant))

    async def CreateUser(self, request: pb.CreateUserRequest, context: Context) -> pb.CreateUserResponse:
        repeat = Repeat[User, pb.CreateUserResponse](
            method="CreateUser",
            request_id=request.request_id,
            request=request,
            encode=lambda user: pb.CreateUserResponse(user=encode.user(user)),
        )
        return await create_user(
            self._store,
            current_principal(),
            email=request.user.email,
            display_name=request.user.display_name,
            role=policy_pb2.Role.Name(request.user.role),
            repeat=repeat,
        )

    async def GetUser(self, request: pb.GetUserRequest, context: Context) -> pb.GetUserResponse:
        user = await get_user(self._store, current_principal(), request.name)
        return pb.GetUserResponse(user=encode.user(user))

    async def ListUsers(self, request: pb.ListUsersRequest, context: Context) -> pb.ListUsersResponse:
        caller = current_principal()
        page = await read_page(
            "ListUsers",
            caller.tenant,
            request,
            lambda after, limit: list_users(self._store, caller, after=after, limit=limit),
            lambda user: user.id,
        )
        users = [encode.user(item) for item in page.items]
        return pb.ListUsersResponse(users=users, next_page_token=page.next_token)

    async def UpdateUser(self, request: pb.UpdateUserRequest, context: Context) -> pb.UpdateUserResponse:
        # AIP-134: without a mask, the fields that the message sets; `*` stands for all.
        paths: list[str] = list(request.update_mask.paths)
        if not paths:
            set_fields = {field.name for field, _ in request.user.ListFields()}
            paths = [path for path in CHANGEABLE if path in set_fields]
        elif paths == ["*"]:
            paths = list(CHANGEABLE)
        user = await update_user(
            self._store,
            current_principal(),
            request.user.name,
            display_name=request.user.display_name,
            role=policy_pb2.Role.Name(request.user.role),
            paths=paths,
            etag=request.user.etag,
        )
        return pb.UpdateUserResponse(user=encode.user(user))

    async def DeleteUser(self, request: pb.DeleteUserRequest, context: Context) -> pb.DeleteUserResponse:
        await delete_user(self._store, current_principal(), request.name, etag=request.etag)
        return pb.DeleteUserResponse()

    async def CreateApiKey(self, request: pb.CreateApiKeyRequest, context: Context) -> pb.CreateApiKeyResponse:
        created = await create_api_key(
            self._store,
            current_principal(),
            user=request.user,
            display_name=request.display_name,
            ttl=request.ttl.ToTimedelta() if request.HasField("ttl") else None,
        )
        return pb.CreateApiKeyResponse(api_key=encode.api_key(created.key), secret=created.secret)

    async def ListApiKeys(self, request: pb.ListApiKeysRequest, context: Context) -> pb.ListApiKeysResponse:
        caller = current_principal()
        page = await read_page(
            f"ListApiKeys {request.user}",
            caller.tenant,
            request,
            lambda after, limit: list_api_keys(self._store, caller, user=request.user, after=after, limit=limit),
            lambda key: key.id,
        )
        keys = [encode.api_key(item) for item in page.items]
        return pb.ListApiKeysResponse(api_keys=keys, next_page_token=page.next_token)

    async def DeleteApiKey(self, request: pb.DeleteApiKeyRequest, context: Context) -> pb.DeleteApiKeyResponse:
        await delete_api_key(self._store, current_principal(), request.name)
        return pb.DeleteApiKeyResponse()
