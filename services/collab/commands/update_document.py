"""Store a document's next revision."""

from __future__ import annotations

from libs.chassis.clock import utcnow
from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.collab.domain.content import check_content
from services.collab.domain.model import Document, DocumentKey, Revision
from services.collab.ports import Store


async def update_document(
    store: Store, caller: Principal, name: str, *, content_json: str, etag: str, message: str
) -> Document:
    """The document with its new revision.

    Of two writers who read the same revision one succeeds. Raises Aborted for the other, whose etag is no longer the
    newest revision's; NotFound; InvalidArgument when the content is no graph document.
    """
    check_content(content_json)
    key = DocumentKey.parse(caller.tenant, name)
    async with store.transaction() as unit:
        info = await unit.lock_document(key)
        if info is None:
            raise NotFound(name)
        info.require_etag(etag)
        document = Document(
            key=key,
            display_name=info.display_name,
            created_at=info.created_at,
            revision=Revision(info.newest.number + 1, content_json, utcnow(), caller.subject, message),
        )
        await unit.add_revision(document)
    return document
