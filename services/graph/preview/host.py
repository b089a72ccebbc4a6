"""All preview sessions of one process: how many there may be, and their common end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from libs.chassis.errors import ResourceExhausted, Unavailable
from libs.chassis.objects import LocalCache
from libs.chassis.principal import Principal
from services.graph.ports import Documents, MediaCatalogue
from services.graph.preview.session import PreviewSession, SessionLimits

_RETRY_SECONDS = 5.0


class Previews:
    """Opens sessions, up to `most` at a time and `most_of_tenant` of one tenant."""

    def __init__(
        self,
        media: MediaCatalogue,
        documents: Documents,
        files: LocalCache,
        limits: SessionLimits,
        *,
        most: int,
        most_of_tenant: int,
    ) -> None:
        self._media = media
        self._documents = documents
        self._files = files
        self._limits = limits
        self._most = most
        self._most_of_tenant = most_of_tenant
        self._open: Counter[str] = Counter()
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End all sessions, so that a server that drains need not wait for them; there are no new ones."""
        self._closing.set()

    @contextmanager
    def session(self, caller: Principal) -> Iterator[PreviewSession]:
        """A session that counts while the block lasts.

        Raises:
            ResourceExhausted: there are as many as this process, or one tenant in it, may have.
            Unavailable: the process is about to end.
        """
        if self._closing.is_set():
            raise Unavailable("the server is about to end; open the preview again", retry_after=0.1)
        for limit, most, now in (
            ("preview_sessions", self._most, self._open.total()),
            ("preview_sessions_of_tenant", self._most_of_tenant, self._open[caller.tenant]),
        ):
            if now >= most:
                raise ResourceExhausted(
                    f"{now} previews are open already; close one first",
                    metadata={"limit": limit, "value": str(most)},
                    retry_after=_RETRY_SECONDS,
                )
        self._open[caller.tenant] += 1
        try:
            yield PreviewSession(caller, self._media, self._documents, self._files, self._limits, self._closing)
        finally:
            self._open[caller.tenant] -= 1
            self._open += Counter()  # drops who has none left
