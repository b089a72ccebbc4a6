"""Who the caller is, and for admins: users, API keys and tenants."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

from artifex.auth.v1 import messages_pb2 as auth
from artifex.auth.v1 import service_pb2_grpc as auth_grpc
from artifex.common.v1 import policy_pb2 as policy
from artifex.transport import Transport


class Identity:
    """Tenants, users and their keys."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stub = auth_grpc.AuthServiceStub(transport.channel)

    async def caller(self) -> auth.GetCallerResponse:
        """Tenant, user, role and permissions of the token in use."""
        return await self._transport.unary(self._stub.GetCaller, auth.GetCallerRequest(), name="AuthService/GetCaller")

    async def create_user(
        self, email: str, role: policy.Role.ValueType, *, display_name: str = "", request_id: str = ""
    ) -> auth.User:
        answer = await self._transport.unary(
            self._stub.CreateUser,
            auth.CreateUserRequest(
                user=auth.User(email=email, display_name=display_name, role=role),
                request_id=request_id or str(uuid.uuid4()),
            ),
            name="AuthService/CreateUser",
        )
        return answer.user

    async def users(self) -> AsyncIterator[auth.User]:
        pages = self._transport.pages(self._stub.ListUsers, auth.ListUsersRequest(), name="AuthService/ListUsers")
        async for page in pages:
            for user in page.users:
                yield user

    async def create_api_key(self, *, user: str = "", display_name: str = "") -> auth.CreateApiKeyResponse:
        """A key for `user`, by default the caller. Its `secret` is shown here and never again."""
        return await self._transport.unary(
            self._stub.CreateApiKey,
            auth.CreateApiKeyRequest(user=user, display_name=display_name),
            name="AuthService/CreateApiKey",
            repeatable=False,
        )

    async def create_tenant(
        self, tenant_id: str, admin_email: str, *, display_name: str = ""
    ) -> auth.CreateTenantResponse:
        """A tenant with its first admin, whose key is shown here and never again. For the operator's admins."""
        return await self._transport.unary(
            self._stub.CreateTenant,
            auth.CreateTenantRequest(tenant_id=tenant_id, display_name=display_name, admin_email=admin_email),
            name="AuthService/CreateTenant",
            repeatable=False,
        )
