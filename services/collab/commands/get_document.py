"""One document, at its newest revision or an older one."""

from __future__ import annotations

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.collab.domain.model import Document, DocumentKey
from services.collab.ports import Store


async def get_document(store: Store, caller: Principal, name: str, *, revision: int) -> Document:
    """Revision 0 stands for the newest. Raises NotFound when the document or the revision does not exist."""
    async with store.read() as unit:
        document = await unit.document(DocumentKey.parse(caller.tenant, name), revision)
    if document is None:
        raise NotFound(name, message=f"{name} has no revision {revision}" if revision else "")
    return document
