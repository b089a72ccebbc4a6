"""The local cache in front of a real bucket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from libs.chassis.errors import ArtifexError
from libs.chassis.objects import LocalCache, ObjectMissing, ObjectStore, open_objects


@pytest.fixture
async def store(s3_url: Callable[[], str]) -> ObjectStore:
    store = open_objects(s3_url())
    for name in "abcd":
        await store.put_bytes(name, name.encode() * 100)
    return store


def files(folder: Path) -> int:
    return len(list(folder.iterdir()))


async def touch(cache: LocalCache, *names: str) -> None:
    for name in names:
        async with cache.path(name) as path:
            assert path.read_bytes() == name.encode() * 100


async def is_local(cache: LocalCache, store: ObjectStore, name: str) -> bool:
    """True when the cache gives the object although the bucket has lost it."""
    await store.delete(name)
    try:
        await touch(cache, name)
    except ObjectMissing:
        return False
    return True


async def test_an_object_is_downloaded_once_however_many_ask(store: ObjectStore, tmp_path: Path) -> None:
    cache = LocalCache(store, tmp_path / "cache", 1000)
    await asyncio.gather(*(touch(cache, "a") for _ in range(10)))
    assert files(tmp_path / "cache") == 1
    assert await is_local(cache, store, "a")


async def test_the_least_recently_used_goes_first(store: ObjectStore, tmp_path: Path) -> None:
    cache = LocalCache(store, tmp_path / "cache", 300)
    await touch(cache, "a", "b", "c", "a", "d")
    assert cache.size == 300
    assert files(tmp_path / "cache") == 3
    assert await is_local(cache, store, "a")
    assert not await is_local(cache, store, "b")


async def test_what_is_in_use_stays(store: ObjectStore, tmp_path: Path) -> None:
    cache = LocalCache(store, tmp_path / "cache", 150)
    async with cache.path("a") as first, cache.path("b") as second:
        await touch(cache, "c", "d")
        assert first.read_bytes() == b"a" * 100
        assert second.read_bytes() == b"b" * 100
        assert cache.size == 200
    assert cache.size == 100
    assert files(tmp_path / "cache") == 1


async def test_a_failed_download_leaves_nothing_and_may_be_repeated(store: ObjectStore, tmp_path: Path) -> None:
    cache = LocalCache(store, tmp_path / "cache", 1000)
    with pytest.raises(ArtifexError):
        await touch(cache, "e")
    assert files(tmp_path / "cache") == 0
    await store.put_bytes("e", b"e" * 100)
    await touch(cache, "e")


async def test_a_cancelled_download_does_not_spoil_the_others(store: ObjectStore, tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(32):
            yield b"x" * 1024 * 1024

    await store.put_stream("large", pieces())
    cache = LocalCache(store, tmp_path / "cache", 100 * 1024 * 1024)

    async def size() -> int:
        async with cache.path("large") as path:
            return path.stat().st_size

    first = asyncio.create_task(size())
    second = asyncio.create_task(size())
    folder = tmp_path / "cache"
    while not (folder.exists() and files(folder)):  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    first.cancel()
    assert await second == 32 * 1024 * 1024
    assert files(folder) == 1


async def test_the_folder_starts_empty(store: ObjectStore, tmp_path: Path) -> None:
    stale = tmp_path / "cache" / "stale"
    stale.parent.mkdir()
    stale.touch()
    await touch(LocalCache(store, tmp_path / "cache", 1000), "a")
    assert not stale.exists()
