"""Read a document with all that it refers to: what validation and submission have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from artifex.media.v1 import messages_pb2 as media_pb2
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import Checked, check, validate_checked
from services.graph.domain.compile.versions import stamped
from services.graph.domain.documents.document import Document, parse_document
from services.graph.domain.documents.problems import Problem
from services.graph.ports import MediaCatalogue


@dataclass(frozen=True)
class Prepared:
    """A document whose shape is right, the assets it names as far as the caller has them, and all its problems."""

    checked: Checked
    references: Mapping[str, str]
    """Names of assets, by the node that reads them."""
    assets: Mapping[str, media_pb2.Asset]
    """By the node that reads it."""
    problems: Sequence[Problem]

    @property
    def document(self) -> Document:
        """With the version of every node said, to be stored."""
        return self.checked.document

    @property
    def contents(self) -> dict[str, str]:
        """Digests of the assets' bytes, by the node that reads them."""
        return {node: asset.blob.digest for node, asset in self.assets.items()}

    @property
    def media(self) -> dict[str, media_pb2.MediaInfo]:
        return {node: asset.media for node, asset in self.assets.items()}


async def prepare(text: str, catalogue: Catalogue, media: MediaCatalogue) -> Prepared:
    """Parse and check a document.

    Raises:
        GraphInvalid: the text is no document; what can be said beyond its shape is in `problems`.
        Unavailable: the assets could not be asked for.
    """
    # Documents may have many thousands of nodes: other calls go on meanwhile.
    checked = await asyncio.to_thread(_check, text, catalogue)
    references = checked.assets
    found = await media.find(list(dict.fromkeys(references.values()))) if references else {}
    known = {name: asset.media for name, asset in found.items()}
    problems = await asyncio.to_thread(validate_checked, checked, known)
    assets = {node: found[name] for node, name in references.items() if name in found}
    return Prepared(checked, references, assets, problems)


def _check(text: str, catalogue: Catalogue) -> Checked:
    return check(stamped(parse_document(text), catalogue), catalogue)
