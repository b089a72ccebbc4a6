"""What "rendered" means to a client: the movie is there, and it is the one that was ordered."""

from __future__ import annotations

from artifex.client import Client
from artifex.errors import VerificationFailed
from artifex.graph.v1 import messages_pb2 as graph
from artifex.media.v1 import messages_pb2 as media

_SLACK = 0.1
"""Seconds: compressed sound may be some packets longer than what is heard of it."""


async def verified_output(studio: Client, job: graph.RenderJob) -> media.Asset:
    """The job's movie, stills or sound, as it was probed after assembly.

    Raises VerificationFailed when its frames, or its length, are not the job's.
    """
    asset = await studio.assets.get(job.output_asset)
    if not any(task.kind == graph.RenderTask.KIND_FRAMES for task in job.tasks):
        return _verified_sound(asset, job)
    if asset.blob.size <= 0 or not asset.media.video_streams:
        raise VerificationFailed(f"{asset.name}: holds no pictures")
    stream = asset.media.video_streams[0]
    if stream.frame_count != job.frame_count:
        raise VerificationFailed(f"{asset.name}: has {stream.frame_count} frames, {job.frame_count} were ordered")
    had, ordered = stream.frame_rate, job.frame_rate
    if had.numerator * ordered.denominator != ordered.numerator * had.denominator:
        raise VerificationFailed(
            f"{asset.name}: runs at {had.numerator}/{had.denominator} frames a second, "
            f"{ordered.numerator}/{ordered.denominator} were ordered"
        )
    return asset


def _verified_sound(asset: media.Asset, job: graph.RenderJob) -> media.Asset:
    if asset.blob.size <= 0 or not asset.media.audio_streams or asset.media.video_streams:
        raise VerificationFailed(f"{asset.name}: is no sound alone")
    lasts = asset.media.audio_streams[0].duration
    seconds = lasts.numerator / max(lasts.denominator, 1)
    ordered = job.frame_count * job.frame_rate.denominator / max(job.frame_rate.numerator, 1)
    if abs(seconds - ordered) > _SLACK:
        raise VerificationFailed(f"{asset.name}: lasts {seconds:.3f} s, {ordered:.3f} s were ordered")
    return asset
