"""Store a new document."""

from __future__ import annotations

from libs.chassis.clock import utcnow
from libs.chassis.errors import NotFound
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal
from libs.chassis.repeats import Repeat, Response
from services.collab.domain.content import check_content
from services.collab.domain.model import Document, DocumentKey, Revision
from services.collab.ports import Store


async def create_document(
    store: Store,
    caller: Principal,
    *,
    parent: str,
    document_id: str,
    display_name: str,
    content_json: str,
    repeat: Repeat[Document, Response],
) -> Response:
    """The document as its revision 1, in the project named `parent`; the id is made up when empty.

    Raises NotFound for an unknown project, AlreadyExists when it has a document of that id, InvalidArgument when the
    content is no graph document.
    """
    check_content(content_json)
    project_id = parent.removeprefix("projects/")
    now = utcnow()
    document = Document(
        key=DocumentKey(caller.tenant, project_id, document_id or new_id()),
        display_name=display_name,
        created_at=now,
        revision=Revision(1, content_json, now, caller.subject),
    )
    async with store.transaction() as unit:

        async def add() -> Document:
            await unit.lock_project(caller.tenant, project_id)
            if await unit.project(caller.tenant, project_id) is None:
                raise NotFound(parent)
            await unit.add_document(document)
            return document

        return await unit.once(caller.tenant, repeat, add)
