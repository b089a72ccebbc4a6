"""The promises of `ObjectStore`, kept by the folder and by the bucket of a real S3 server."""

import asyncio
import hashlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from libs.chassis.errors import InvalidArgument, OutOfRange, Unavailable
from libs.chassis.objects import LocalCache, ObjectMissing, ObjectStore, blob_key, open_objects, put_blob_file
from libs.chassis.testing import free_port

MIB = 1024 * 1024


@pytest.fixture(params=["file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "file":
        return open_objects((tmp_path / "objects").as_uri())
    s3_url: Callable[[], str] = request.getfixturevalue("s3_url")
    return open_objects(s3_url())


async def read(store: ObjectStore, key: str, offset: int = 0, length: int | None = None) -> bytes:
    return b"".join([piece async for piece in store.get(key, offset, length)])


async def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return sorted([item.key async for item in store.list(prefix)])


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def pattern(size: int) -> bytes:
    """Bytes that tell their own place."""
    return b"".join(n.to_bytes(8, "big") for n in range(size // 8 + 1))[:size]


async def test_what_is_put_is_got(store: ObjectStore, tmp_path: Path) -> None:
    data = pattern(3 * MIB + 17)
    source = tmp_path / "source.bin"
    source.write_bytes(data)
    await store.put_bytes("a/bytes", data)
    await store.put_file("a/file", source)
    await store.put_stream("a/stream", stream(data[:1000], b"", data[1000 : 2 * MIB], data[2 * MIB :]))
    for key in ("a/bytes", "a/file", "a/stream"):
        assert await read(store, key) == data
        assert await store.head(key) == len(data)
        assert await store.exists(key)
    assert source.read_bytes() == data


async def test_empty_objects_are_objects(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "empty"
    source.touch()
    await store.put_bytes("bytes", b"")
    await store.put_file("file", source)
    await store.put_stream("stream", stream())
    for key in ("bytes", "file", "stream"):
        assert await store.head(key) == 0
        assert await read(store, key) == b""
        assert await read(store, key, 0, 10) == b""


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 1), (0, 8), (5, 10), (2 * MIB - 3, 10), (7, None), (2 * MIB, None), (2 * MIB, 5), (3, 0)]
)
async def test_ranges_are_exact(store: ObjectStore, offset: int, length: int | None) -> None:
    data = pattern(2 * MIB)
    await store.put_bytes("a", data)
    assert await read(store, "a", offset, length) == data[offset : None if length is None else offset + length]


@pytest.mark.parametrize("offset", [-1, 101])
async def test_a_range_outside_is_refused(store: ObjectStore, offset: int) -> None:
    await store.put_bytes("a", b"x" * 100)
    with pytest.raises(OutOfRange) as caught:
        await read(store, "a", offset)
    assert caught.value.reason == "ERROR_REASON_RANGE_INVALID"
    assert caught.value.metadata == {"size": "100"}


async def test_missing_objects(store: ObjectStore) -> None:
    assert await store.head("a/b") is None
    assert not await store.exists("a/b")
    await store.delete("a/b")
    await store.delete_prefix("a")
    assert await keys(store, "a") == []
    for offset in (0, 5):
        with pytest.raises(ObjectMissing):
            await read(store, "a/b", offset)
    with pytest.raises(ObjectMissing):
        await store.copy("a/b", "a/c")


async def test_a_prefix_is_a_folder(store: ObjectStore) -> None:
    for key in ("a/b/1", "a/b/2/3", "a/bc", "d"):
        await store.put_bytes(key, b"x" * len(key))
    assert await keys(store) == ["a/b/1", "a/b/2/3", "a/bc", "d"]
    assert await keys(store, "a/b") == await keys(store, "a/b/") == ["a/b/1", "a/b/2/3"]
    await store.delete_prefix("a/b/")
    assert await keys(store) == ["a/bc", "d"]
    await store.put_bytes("a/b/1", b"again")
    assert await read(store, "a/b/1") == b"again"


async def test_nothing_stays_of_a_deleted_prefix(store: ObjectStore) -> None:
    await store.put_bytes("jobs/a-1/segment", b"frames")
    await asyncio.gather(*(store.copy("jobs/a-1/segment", "jobs/a-2/segment") for _ in range(4)))
    if (local := store.local_path("jobs/a-2/segment")) is not None:
        # What a process leaves that is killed while it writes.
        local.with_name("half#0").write_bytes(b"fra")
    await store.delete_prefix("jobs/a-2")
    assert await keys(store) == ["jobs/a-1/segment"]
    assert local is None or not local.parent.exists()


async def test_a_listing_of_more_than_a_page(store: ObjectStore) -> None:
    names = [f"many/{n:04}" for n in range(1100)]
    for start in range(0, len(names), 50):
        await asyncio.gather(*(store.put_bytes(name, b"") for name in names[start : start + 50]))
    assert await keys(store, "many") == names
    await store.delete_prefix("many")
    assert await keys(store) == []


async def test_putting_again_replaces(store: ObjectStore) -> None:
    await store.put_bytes("a", b"long before")
    await store.put_bytes("a", b"after")
    assert await read(store, "a") == b"after"


async def test_a_copy_stands_on_its_own(store: ObjectStore) -> None:
    await store.put_bytes("a", b"before")
    await store.copy("a", "deep/down/b")
    await store.put_bytes("a", b"after")
    await store.delete("a")
    assert await read(store, "deep/down/b") == b"before"


@pytest.mark.parametrize("pieces", [2, 40])
async def test_a_stream_that_fails_stores_nothing(store: ObjectStore, pieces: int, tmp_path: Path) -> None:
    async def failing() -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield b"x" * MIB
        raise LookupError("the client went away")

    await store.put_bytes("a", b"before")
    with pytest.raises(LookupError):
        await store.put_stream("a", failing())
    assert await read(store, "a") == b"before"
    assert await keys(store) == ["a"]
    assert [path.name for path in (tmp_path / "objects").rglob("*") if path.is_file()] in ([], ["a"])


async def test_a_stream_that_is_cancelled_stores_nothing(store: ObjectStore) -> None:
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * MIB
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(store.put_stream("a", endless()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.head("a") is None
    assert await keys(store) == []


_ENDLESS_PUT = """
import asyncio, sys
from libs.chassis.objects import open_objects

async def endless():
    for _ in range(40):
        yield b"x" * (1 << 20)
    print("half way", flush=True)
    await asyncio.Event().wait()

asyncio.run(open_objects(sys.argv[1]).put_stream("a/b", endless()))
"""


async def test_what_a_killed_put_left_is_swept_in_time(tmp_path: Path) -> None:
    folder = tmp_path / "objects"
    store = open_objects(folder.as_uri())
    await store.put_bytes("a/kept", b"kept")
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _ENDLESS_PUT, folder.as_uri(), stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    assert await writer.stdout.readline() == b"half way\n"
    writer.kill()
    await writer.wait()
    left = [path.name for path in folder.rglob("*") if path.is_file() and path.name != "kept"]
    assert len(left) == 1, "the half object, under another name"
    assert await keys(store) == ["a/kept"]
    now = datetime.now(UTC)
    assert await store.sweep_unfinished(now - timedelta(hours=1)) == 0, "its writer may yet live"
    assert await store.sweep_unfinished(now + timedelta(seconds=1)) == 1
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["kept"]


async def test_readers_see_whole_objects_while_writers_race(store: ObjectStore) -> None:
    versions = [bytes([n]) * (9 * MIB + n) for n in range(4)]
    await store.put_bytes("a", versions[0])
    done = asyncio.Event()
    seen: set[int] = set()

    async def reader() -> None:
        while not done.is_set():
            data = await read(store, "a")
            assert data in versions
            seen.add(data[0])

    reading = asyncio.create_task(reader())
    for _ in range(3):
        await asyncio.gather(*(store.put_stream("a", stream(version)) for version in versions))
    done.set()
    await reading
    assert seen
    assert await read(store, "a") in versions


async def test_many_puts_at_once(store: ObjectStore) -> None:
    await asyncio.gather(*(store.put_bytes(f"x/{n}", str(n).encode()) for n in range(100)))
    answers = await asyncio.gather(*(read(store, f"x/{n}") for n in range(100)))
    assert answers == [str(n).encode() for n in range(100)]


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "a/../../x", "a/./b", "a//b", "a/", "a\\b", "a\0b", "a b", "a#1", "한글", "x" * 1000],
    ids=lambda key: repr(key[:20]),
)
async def test_keys_cannot_escape(store: ObjectStore, key: str) -> None:
    for attempt in (
        store.put_bytes(key, b""),
        store.put_stream(key, stream()),
        store.put_file(key, Path(__file__)),
        store.head(key),
        store.delete(key),
        store.copy(key, "a"),
        read(store, key),
        read(store, key, 1),
    ):
        with pytest.raises(InvalidArgument):
            await attempt
    with pytest.raises(InvalidArgument):
        store.local_path(key)
    if key not in ("", "a/"):
        with pytest.raises(InvalidArgument):
            await store.delete_prefix(key)


class PeakMemory:
    """The most memory that this process held in a block beyond what it held before, in bytes."""

    def __enter__(self) -> "PeakMemory":
        process = psutil.Process()
        base = process.memory_info().rss
        self.growth = 0
        self._stop = threading.Event()

        def watch() -> None:
            while not self._stop.wait(0.005):
                self.growth = max(self.growth, process.memory_info().rss - base)

        self._thread = threading.Thread(target=watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


async def test_large_objects_take_constant_memory(store: ObjectStore, tmp_path: Path) -> None:
    size = 200 * MIB
    block = os.urandom(MIB)
    expected = hashlib.sha256()
    source = tmp_path / "large.bin"
    with source.open("wb") as handle:
        for _ in range(size // MIB):
            handle.write(block)
            expected.update(block)

    async def blocks() -> AsyncIterator[bytes]:
        for _ in range(size // MIB):
            yield block

    got = hashlib.sha256()
    await store.put_file("warm", Path(__file__))
    with PeakMemory() as memory:
        await store.put_stream("streamed", blocks())
        await store.put_file("filed", source)
        assert await store.head("streamed") == await store.head("filed") == size
        async for piece in store.get("filed"):
            assert len(piece) <= MIB
            got.update(piece)
    assert got.digest() == expected.digest()
    assert memory.growth < 100 * MIB


async def test_a_blob_is_stored_once_under_its_hash(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "clip.mp4"
    source.write_bytes(b"movie")
    blob = await put_blob_file(store, "studio", source, "video/mp4")
    assert blob.digest == hashlib.sha256(b"movie").hexdigest()
    assert (blob.size, blob.media_type) == (5, "video/mp4")
    key = blob_key("studio", blob.digest)
    assert key == f"tenants/studio/blobs/{blob.digest[:2]}/{blob.digest}"
    assert await read(store, key) == b"movie"
    assert await put_blob_file(store, "studio", source, "video/mp4") == blob
    assert await keys(store) == [key]


async def test_the_cache_gives_paths(store: ObjectStore, tmp_path: Path) -> None:
    await store.put_bytes("a/b", b"movie")
    cache = LocalCache(store, tmp_path / "cache", 10 * MIB)
    async with cache.path("a/b") as path, cache.path("a/b") as again:
        assert path == again
        assert path.read_bytes() == b"movie"
    with pytest.raises(ObjectMissing):
        async with cache.path("a/missing"):
            raise AssertionError("unreachable")
    assert [item.name for item in (tmp_path / "cache").glob("*.part")] == []


async def test_an_outage_is_unavailable(s3_url: Callable[[], str]) -> None:
    store = open_objects(f"s3://bucket?endpoint=http://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable) as caught:
        await store.head("a")
    assert caught.value.metadata == {"dependency": "objects"}
