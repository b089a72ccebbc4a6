"""The streams that every installation has, and how they are made.

EVENTS      evt.<tenant>.<service>.<noun>.<verb>   what happened; kept for a week, read by any number of consumers
WORK        work.<kind>.<priority>                 what is to be done; each item goes to one worker, then it is gone
DEAD        dead.<original subject>                what could not be handled; kept for a month, for people to read
ADVISORIES  the server's notices that a message was delivered too often; see dead_letters.py
"""

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, KeyValueConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, BucketNotFoundError

EVENTS = "EVENTS"
WORK = "WORK"
DEAD = "DEAD"
ADVISORIES = "ADVISORIES"
CANCELLED = "cancelled"
PUBLIC_PREFIXES = ("evt.", "work.")

_DAY = 24 * 3600.0
# How long a stream remembers message ids. Longer than any outage after which an outbox repeats itself in practice.
_DUPLICATE_WINDOW = 15 * 60.0
_STREAM_NAME_IN_USE = 10058  # "stream name already in use with a different configuration"


def _configurations(replicas: int) -> list[StreamConfig]:
    def stream(name: str, subjects: list[str], retention: RetentionPolicy, max_age: float) -> StreamConfig:
        return StreamConfig(
            name=name,
            subjects=subjects,
            retention=retention,
            max_age=max_age,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            duplicate_window=_DUPLICATE_WINDOW,
            num_replicas=replicas,
        )

    return [
        stream(EVENTS, ["evt.>"], RetentionPolicy.LIMITS, 7 * _DAY),
        stream(WORK, ["work.>"], RetentionPolicy.WORK_QUEUE, 0),
        stream(DEAD, ["dead.>"], RetentionPolicy.LIMITS, 30 * _DAY),
        stream(
            ADVISORIES,
            ["$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"],
            RetentionPolicy.WORK_QUEUE,
            7 * _DAY,
        ),
    ]


async def ensure_streams(jetstream: JetStreamContext, *, replicas: int) -> None:
    """Make the streams, or bring older ones to this version's configuration; harmless when all is in place."""
    for config in _configurations(replicas):
        try:
            await jetstream.add_stream(config)
        except BadRequestError as error:
            if error.err_code != _STREAM_NAME_IN_USE:
                raise
            await jetstream.update_stream(config)
    try:
        await jetstream.key_value(CANCELLED)
    except BucketNotFoundError:
        bucket = KeyValueConfig(
            bucket=CANCELLED, ttl=_DAY, history=1, storage=StorageType.FILE, replicas=replicas, direct=True
        )
        await jetstream.create_key_value(bucket)
