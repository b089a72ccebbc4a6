"""What the media service hears, does, and says.

    work.assemble.*    a render job's segments wait to be joined: evt.<tenant>.media.assembly.{started,completed,failed}
    work.ingest.*      stored bytes are to become an asset: evt.<tenant>.media.asset.{ready,failed}

Events of success ride in the transaction that makes the asset. Every handler may run any number of times: what is done
is found by its origin and told again. What cannot succeed is told as a failure and taken off the queue; what may
succeed later goes back to it.
"""

from __future__ import annotations

import logging
from pathlib import Path

from artifex.media.v1.work_pb2 import AssembleWork, IngestWork
from libs.chassis.bus import Bus, Control, Delivery
from libs.chassis.errors import ArtifexError
from libs.chassis.interruption import Interrupted
from libs.chassis.objects import LocalCache, ObjectStore
from libs.chassis.rpc.failures import to_failure
from services.media.commands.assemble_movie import assemble_movie
from services.media.commands.ingest_blob import ingest_blob
from services.media.domain.announcements import Announcement, assembly_failed, assembly_started, asset_failed
from services.media.ports import Decoder, Store

WORK_SUBJECTS = ["work.assemble.*", "work.ingest.*"]
DURABLE = "media-workers"

_CRASHES_ALLOWED = 2
_log = logging.getLogger(__name__)


class _TryAgain(Exception):
    """The decoder died; perhaps by no fault of the file."""


class WorkHandler:
    """Handles the messages on `WORK_SUBJECTS`."""

    def __init__(
        self,
        bus: Bus,
        control: Control,
        store: Store,
        objects: ObjectStore,
        cache: LocalCache,
        decoder: Decoder,
        scratch: Path,
    ) -> None:
        self._bus = bus
        self._control = control
        self._store = store
        self._objects = objects
        self._cache = cache
        self._decoder = decoder
        self._scratch = scratch

    async def handle(self, delivery: Delivery) -> None:
        """One work item; work of kinds unknown here cannot arrive, as the subjects name them."""
        if delivery.subject.split(".")[1] == "assemble":
            await self._assemble(delivery, delivery.parse(AssembleWork))
        else:
            await self._ingest(delivery, delivery.parse(IngestWork))

    async def _assemble(self, delivery: Delivery, work: AssembleWork) -> None:
        if self._control.is_cancelled(work.job):
            return
        await self._say(assembly_started(work))
        try:
            await assemble_movie(
                self._store,
                self._objects,
                self._cache,
                self._decoder,
                self._scratch,
                work,
                cancelled=self._control.event(work.job),
            )
        except Interrupted:
            _log.info("%s was cancelled while it was joined", work.job)
        except ArtifexError as error:
            if self._control.is_cancelled(work.job):
                return
            _raise_if_worth_another_try(delivery, error)
            _log.warning("%s cannot be joined: %r", work.job, error)
            await self._say(assembly_failed(work, to_failure(error)))

    async def _ingest(self, delivery: Delivery, work: IngestWork) -> None:
        try:
            await ingest_blob(self._store, self._objects, self._cache, self._decoder, work)
        except ArtifexError as error:
            _raise_if_worth_another_try(delivery, error)
            _log.warning("%s cannot be taken in: %r", work.correlation, error)
            await self._say(asset_failed(work, to_failure(error)))

    async def _say(self, announcement: Announcement) -> None:
        await self._bus.publish(announcement.subject, announcement.message, key=announcement.key)


def _raise_if_worth_another_try(delivery: Delivery, error: ArtifexError) -> None:
    if delivery.last_attempt:
        return
    if not error.permanent:
        raise error
    if error.reason == "ERROR_REASON_DECODER_CRASHED" and delivery.attempt < _CRASHES_ALLOWED:
        raise _TryAgain(error.message) from error
