"""What this service needs from its store.

All reads and writes of one use case happen inside one `read()` or `transaction()` block, and see one state. Everything
but tenants and signing keys is asked for by tenant; what belongs to another tenant does not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from libs.chassis.repeats import Repeat, Response, Result
from services.auth.domain.model import ApiKey, SigningKey, Tenant, User


class Reader(Protocol):
    async def tenant(self, tenant: str) -> Tenant | None: ...

    async def operator_tenant(self) -> Tenant | None: ...

    async def tenants(self, after: str, limit: int) -> Sequence[Tenant]:
        """At most `limit` tenants whose id is greater than `after`, in the order of their ids."""
        ...

    async def user(self, tenant: str, user: str) -> User | None: ...

    async def users(self, tenant: str, after: str, limit: int) -> Sequence[User]:
        """At most `limit` users whose id is greater than `after`, in the order of their ids."""
        ...

    async def admins(self, tenant: str) -> int:
        """How many admins the tenant has."""
        ...

    async def first_admin(self, tenant: str) -> User | None:
        """The admin with the smallest id."""
        ...

    async def api_key(self, key: str) -> ApiKey | None:
        """The key of that id, whichever tenant's: for the exchange of a secret, where no tenant is known yet."""
        ...

    async def api_keys(self, tenant: str, user: str, after: str, limit: int) -> Sequence[ApiKey]:
        """At most `limit` keys of the user whose id is greater than `after`, in the order of their ids."""
        ...

    async def signing_keys(self) -> Sequence[SigningKey]:
        """All keys, oldest first."""
        ...


class Writer(Reader, Protocol):
    async def lock_tenant(self, tenant: str) -> None:
        """Until the transaction ends no other one passes this point for the same tenant."""
        ...

    async def add_tenant(self, tenant: Tenant) -> None:
        """Raises AlreadyExists when the id is taken."""
        ...

    async def add_user(self, user: User) -> None:
        """Raises AlreadyExists when a user of the tenant has the email, in whatever case."""
        ...

    async def save_user(self, user: User) -> None:
        """Stores the user's display name, role and revision."""
        ...

    async def delete_user(self, tenant: str, user: str) -> None:
        """Removes the user and all their API keys."""
        ...

    async def add_api_key(self, key: ApiKey) -> None: ...

    async def delete_api_key(self, tenant: str, key: str) -> None: ...

    async def touch_api_key(self, key: str, now: datetime) -> None:
        """Sets the time of last use."""
        ...

    async def add_signing_key(self, key: SigningKey) -> bool:
        """False, and nothing stored, when another process has already added a key of this generation."""
        ...

    async def retire_signing_keys(self, before_generation: int, retires_at: datetime) -> None:
        """Sets when the older keys that have no such time yet are no longer published."""
        ...

    async def delete_signing_keys(self, retired_before: datetime) -> None: ...

    async def once(
        self, tenant: str, repeat: Repeat[Result, Response], build: Callable[[], Awaitable[Result]]
    ) -> Response:
        """The answer to `build()`, or the one given to the same request id within a day.

        Raises AlreadyExists with ERROR_REASON_REQUEST_ID_REUSED when the id came with another request.
        """
        ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Reader]:
        """Raises Unavailable, as `transaction` does, when the database does not answer."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Writer]:
        """Commits when the block ends, and rolls back when it raises."""
        ...
