"""Where things lie in the object store, and what identifies work."""

from __future__ import annotations

from libs.chassis.errors import InvalidArgument
from libs.chassis.ids import new_id


def upload_prefix(tenant: str, upload: str) -> str:
    """The folder of an upload's parts."""
    return f"tenants/{tenant}/uploads/{upload}"


def new_part_key(tenant: str, upload: str, offset: int) -> str:
    """A key of a part; two connections that send the same part never share one."""
    return f"{upload_prefix(tenant, upload)}/{offset:015d}-{new_id()}"


def thumbnails_prefix(tenant: str, asset: str) -> str:
    """The folder of an asset's thumbnails."""
    return f"tenants/{tenant}/thumbnails/{asset}"


def thumbnail_key(tenant: str, asset: str, milliseconds: int, width: int) -> str:
    """The key of one thumbnail."""
    return f"{thumbnails_prefix(tenant, asset)}/{milliseconds}-{width}.jpg"


def segment_key(tenant: str, job: str, digest: str) -> str:
    """Where graph workers put a segment of `renderJobs/{id}`. Raises InvalidArgument for another name."""
    collection, _, job_id = job.partition("/")
    if collection != "renderJobs" or not job_id or "/" in job_id:
        raise InvalidArgument(f"{job!r} is no render job")
    return f"tenants/{tenant}/jobs/{job_id}/{digest}"


def assembly_origin(job: str, task: str) -> str:
    """What makes an assembly the same assembly."""
    return f"assembly:{job}/{task}"


def ingest_origin(correlation: str) -> str:
    """What makes an ingest the same ingest."""
    return f"ingest:{correlation}"
