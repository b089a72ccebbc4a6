"""Page sizes and page tokens of list calls (AIP-158).

A token holds the sort key of the last item that was sent, so that a page starts right after it however the list changed
in between. It is opaque to clients and bound to the call and tenant that made it.
"""

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from libs.chassis.errors import InvalidArgument

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
_CHECKSUM_BYTES = 8

Item = TypeVar("Item")


class PageRequest(Protocol):
    """The fields that every list request has."""

    @property
    def page_size(self) -> int: ...

    @property
    def page_token(self) -> str: ...


@dataclass(frozen=True)
class Page(Generic[Item]):
    """What one list call answers."""

    items: Sequence[Item]
    next_token: str
    """Empty on the last page."""


async def read_page(
    method: str,
    tenant: str,
    request: PageRequest,
    read: Callable[[str, int], Awaitable[Sequence[Item]]],
    key: Callable[[Item], str],
) -> Page[Item]:
    """The page that `request` asks for; `read(key, limit)` answers at most `limit` items that follow a key.

    `key` is what the items are sorted by, and "" comes before the first. `method` names the call together with whatever
    else its tokens must not be mixed up over, such as a parent or a filter. Raises InvalidArgument for a bad token.
    """
    limit = page_size(request.page_size)
    # One more than asked for tells whether there is a next page.
    found = await read(decode_page_token(method, request.page_token, tenant), limit + 1)
    items = found[:limit]
    return Page(items, encode_page_token(method, key(items[-1]), tenant) if len(found) > limit else "")


def page_size(requested: int) -> int:
    """The number of items to send: 50 when nothing was asked for, never more than 1000."""
    if requested < 0:
        raise InvalidArgument("page_size must not be negative.")
    return min(requested or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def encode_page_token(method: str, key: str, tenant: str) -> str:
    """The token of the page that follows `key`."""
    return base64.urlsafe_b64encode(_checksum(method, key, tenant) + key.encode()).decode().rstrip("=")


def decode_page_token(method: str, token: str, tenant: str) -> str:
    """The key that the page follows; "" for an empty token, the first page.

    Raises `InvalidArgument` with reason ERROR_REASON_PAGE_TOKEN_INVALID for a token that this call did not make.
    """
    if not token:
        return ""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        key = raw[_CHECKSUM_BYTES:].decode()
    except (binascii.Error, ValueError):
        raise _invalid() from None
    if raw[:_CHECKSUM_BYTES] != _checksum(method, key, tenant):
        raise _invalid()
    return key


def _checksum(method: str, key: str, tenant: str) -> bytes:
    # A guard against mixed-up tokens, no secret: every list query is bound to the caller's tenant anyway.
    return hashlib.sha256("\0".join((method, tenant, key)).encode()).digest()[:_CHECKSUM_BYTES]


def _invalid() -> InvalidArgument:
    return InvalidArgument("The page token was not made by this list call.", reason="ERROR_REASON_PAGE_TOKEN_INVALID")
