"""Puts the previews of an API process together."""

from __future__ import annotations

from libs.chassis.objects import LocalCache, ObjectStore
from libs.chassis.runtime import Runtime
from services.graph.ports import Documents, MediaCatalogue
from services.graph.preview.host import Previews
from services.graph.preview.session import SessionLimits
from services.graph.preview.settings import PreviewSettings
from services.graph.process_folder import process_folder


async def build_previews(
    runtime: Runtime, settings: PreviewSettings, objects: ObjectStore, media: MediaCatalogue, documents: Documents
) -> Previews:
    """What opens sessions; they end when the runtime is told to stop."""
    folder = await runtime.enter(process_folder(runtime.settings.home / "previews"))
    files = LocalCache(objects, folder / "cache", settings.download_bytes)
    limits = SessionLimits(
        threads=settings.threads,
        memory_bytes=settings.memory_bytes,
        cache_bytes=settings.cache_bytes,
        decoded_bytes=settings.decoded_bytes,
        read_ahead=settings.read_ahead,
        idle_seconds=settings.idle_seconds,
        render_seconds=settings.render_seconds,
    )
    previews = Previews(
        media, documents, files, limits, most=settings.sessions, most_of_tenant=settings.sessions_of_tenant
    )
    runtime.spawn("end of previews", _close(runtime, previews))
    return previews


async def _close(runtime: Runtime, previews: Previews) -> None:
    await runtime.stopping.wait()
    previews.close()
