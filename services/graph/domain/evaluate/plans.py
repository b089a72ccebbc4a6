"""Compiled plans that stay between the renders of a process.

The chunks of a movie are all of one document: reading and compiling it for each of them costs a tenth of a millisecond
a node, which is half a second where there are ten thousand.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from artifex.media.v1 import messages_pb2 as media
from services.graph.domain.collector import collector_held
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import Compiled, compile
from services.graph.domain.documents.document import parse_document
from services.graph.domain.documents.model import Document
from services.graph.domain.evaluate.sources import Sources

MAX_PLANS: Final = 8
MAX_STEPS: Final = 20_000
"""Of all plans that are kept, each of about two kilobytes."""


def plan(document: Document, output_node: str, sources: Sources) -> Compiled:
    """The plan for rendering an output with these sources, by node. Raises GraphInvalid."""
    return compile(document, catalogue(), output_node, _infos(sources))


class Plans:
    """The plans of the last renders, up to `max_plans` and `max_steps`, but always the last. Safe to share.

    A plan is never changed: what a render finds out it keeps to itself (places.py), so renders may share one.
    """

    def __init__(self, max_plans: int = MAX_PLANS, max_steps: int = MAX_STEPS) -> None:
        self._max_plans = max_plans
        self._max_steps = max_steps
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Compiled] = OrderedDict()
        """The one that was used last is last."""

    def of(self, text: str, output_node: str, sources: Sources) -> Compiled:
        """The plan for rendering an output of the document that `text` is. Raises GraphInvalid.

        Depends on what the sources are (`info`), not on where they lie.
        """
        key = _key(text, output_node, _infos(sources))
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        with collector_held():
            # The document is gone when the block ends, so the collector looks at the plan alone.
            made = plan(parse_document(text), output_node, sources)
        with self._lock:
            self._kept[key] = made
            steps = sum(len(kept.steps) for kept in self._kept.values())
            while len(self._kept) > 1 and (len(self._kept) > self._max_plans or steps > self._max_steps):
                _, left = self._kept.popitem(last=False)
                steps -= len(left.steps)
        return made


def _infos(sources: Sources) -> dict[str, media.MediaInfo]:
    return {node: file.info for node, file in sources.items()}


def _key(text: str, output_node: str, infos: Mapping[str, media.MediaInfo]) -> bytes:
    """A digest of all that the plan follows from but the catalogue, which is the process's own."""
    parts = [text.encode(), output_node.encode()]
    for node, info in sorted(infos.items()):
        parts += (node.encode(), info.SerializeToString(deterministic=True))
    hashed = sha256()
    for part in parts:
        hashed.update(b"%d " % len(part))
        hashed.update(part)
    return hashed.digest()
