"""The events that media publishes: for each, its subject, its message and the key under which it is told once."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message

from artifex.common.v1.types_pb2 import Actor, Failure
from artifex.media.v1 import messages_pb2, work_pb2
from libs.chassis.clock import to_timestamp
from services.media.domain.model import Asset


@dataclass(frozen=True)
class Announcement:
    subject: str
    message: Message
    key: str


def asset_message(asset: Asset) -> messages_pb2.Asset:
    """An asset as the contract has it."""
    return messages_pb2.Asset(
        name=asset.name,
        display_name=asset.display_name,
        blob=asset.blob,
        media=asset.media,
        provenance=asset.provenance,
        create_time=to_timestamp(asset.create_time),
        create_user=f"users/{asset.create_user}",
    )


def asset_ready(asset: Asset, correlation: str = "") -> Announcement:
    """`evt.<tenant>.media.asset.ready`."""
    return Announcement(
        f"evt.{asset.tenant}.media.asset.ready",
        work_pb2.AssetReadyEvent(
            actor=Actor(tenant=asset.tenant, subject=asset.create_user),
            asset=asset_message(asset),
            correlation=correlation,
        ),
        f"{asset.name}/ready",
    )


def asset_failed(work: work_pb2.IngestWork, failure: Failure) -> Announcement:
    """`evt.<tenant>.media.asset.failed`."""
    return Announcement(
        f"evt.{work.actor.tenant}.media.asset.failed",
        work_pb2.AssetFailedEvent(actor=work.actor, correlation=work.correlation, failure=failure),
        f"{work.correlation}/ingest/failed",
    )


def assembly_started(work: work_pb2.AssembleWork) -> Announcement:
    """`evt.<tenant>.media.assembly.started`."""
    return Announcement(
        f"evt.{work.actor.tenant}.media.assembly.started",
        work_pb2.AssemblyStartedEvent(actor=work.actor, job=work.job, task=work.task, attempt=work.attempt),
        _assembly_key(work, "started"),
    )


def assembly_completed(work: work_pb2.AssembleWork, asset: Asset) -> Announcement:
    """`evt.<tenant>.media.assembly.completed`."""
    return Announcement(
        f"evt.{work.actor.tenant}.media.assembly.completed",
        work_pb2.AssemblyCompletedEvent(
            actor=work.actor, job=work.job, task=work.task, attempt=work.attempt, asset=asset_message(asset)
        ),
        _assembly_key(work, "completed"),
    )


def assembly_failed(work: work_pb2.AssembleWork, failure: Failure) -> Announcement:
    """`evt.<tenant>.media.assembly.failed`."""
    return Announcement(
        f"evt.{work.actor.tenant}.media.assembly.failed",
        work_pb2.AssemblyFailedEvent(
            actor=work.actor, job=work.job, task=work.task, attempt=work.attempt, failure=failure
        ),
        _assembly_key(work, "failed"),
    )


def _assembly_key(work: work_pb2.AssembleWork, verb: str) -> str:
    return f"{work.job}/{work.task}/{work.attempt}/{verb}"
