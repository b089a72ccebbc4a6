"""The object store over obstore: a folder, or a bucket of anything that speaks S3."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from libs.chassis.errors import OutOfRange, Unavailable
from libs.chassis.objects.store import PIECE, ObjectMissing, ObjectStore, StoredObject, checked_key, checked_prefix

_PART = 8 * PIECE
_PARTS_AT_ONCE = 2
_MAX_PARTS = 9_000  # S3 takes 10,000
_MIN_STREAM_CHUNK = PIECE // 4
_STAGED = re.compile(r"#\d+$")


class ObstoreObjects:
    """See `ObjectStore`; `root` is the folder of a file store and None for a bucket."""

    def __init__(self, store: LocalStore | S3Store, *, root: Path | None) -> None:
        self._store = store
        self._root = root
        # Several parts are held at a time. To a bucket each is a request, and it counts them: there they are large, and
        # grow with a file. To a folder they are writes, and small.
        self._part = _PART if root is None else PIECE

    async def put_file(self, key: str, path: Path) -> None:
        size = (await asyncio.to_thread(path.stat)).st_size
        part = self._part if self._root is not None else max(self._part, -(-size // _MAX_PARTS))
        with _errors_named(key):
            await obstore.put_async(
                self._store,
                checked_key(key),
                path,
                use_multipart=size > part,
                chunk_size=part,
                max_concurrency=_PARTS_AT_ONCE,
            )

    async def put_bytes(self, key: str, data: bytes) -> None:
        with _errors_named(key):
            await obstore.put_async(self._store, checked_key(key), data, use_multipart=False)

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        checked_key(key)
        first = bytearray()
        async for piece in pieces:
            first += piece
            if len(first) > self._part:
                break
        else:
            # Small or empty: a multipart upload of nothing is an error to S3.
            return await self.put_bytes(key, bytes(first))

        failure: list[BaseException] = []

        async def rest() -> AsyncIterator[bytes]:
            try:
                yield bytes(first)
                first.clear()
                async for piece in pieces:
                    if piece:
                        yield piece
            except BaseException as error:
                failure.append(error)
                raise

        try:
            with _errors_named(key):
                await obstore.put_async(
                    self._store,
                    key,
                    rest(),
                    use_multipart=True,
                    chunk_size=2 * self._part,
                    max_concurrency=_PARTS_AT_ONCE,
                )
        except Exception:
            if failure:
                raise failure[0] from None
            raise

    async def get(self, key: str, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        options: Any = None
        if offset or length is not None:
            size = await self.head(key)
            if size is None:
                raise ObjectMissing(key)
            end = size if length is None else min(size, offset + length)
            if not 0 <= offset <= size or end < offset:
                raise OutOfRange(
                    f"The range starts at {offset}, outside of {size} bytes.",
                    reason="ERROR_REASON_RANGE_INVALID",
                    metadata={"size": str(size)},
                )
            if end == offset:
                return
            options = {"range": (offset, end)}
        with _errors_named(key):
            result = await obstore.get_async(self._store, checked_key(key), options=options)
            stream = result.stream(min_chunk_size=_MIN_STREAM_CHUNK)
            async for chunk in stream:
                view = memoryview(chunk)
                for start in range(0, len(view), PIECE):
                    yield bytes(view[start : start + PIECE])

    async def head(self, key: str) -> int | None:
        try:
            with _errors_named(key):
                return (await obstore.head_async(self._store, checked_key(key)))["size"]
        except ObjectMissing:
            return None

    async def exists(self, key: str) -> bool:
        return await self.head(key) is not None

    async def delete(self, key: str) -> None:
        try:
            with _errors_named(key):
                await obstore.delete_async(self._store, checked_key(key))
        except ObjectMissing:
            return

    async def delete_prefix(self, prefix: str) -> None:
        folder = checked_prefix(prefix)
        keys = [item.key async for item in self.list(folder)]
        for key in keys:
            await self.delete(key)
        if self._root is not None and folder:
            await asyncio.to_thread(_remove_remains, self._root / folder)

    async def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        folder = checked_prefix(prefix)
        with _errors_named(folder):
            async for page in obstore.list(self._store, folder or None, chunk_size=500):
                for meta in page:
                    yield StoredObject(key=meta["path"], size=meta["size"])

    async def copy(self, source: str, target: str) -> None:
        with _errors_named(source):
            await obstore.copy_async(self._store, checked_key(source), checked_key(target))

    async def sweep_unfinished(self, before: datetime) -> int:
        if self._root is None:
            return 0
        return await asyncio.to_thread(_remove_staged, self._root, before.timestamp())

    def local_path(self, key: str) -> Path | None:
        checked_key(key)
        return None if self._root is None else self._root / key


@contextmanager
def _errors_named(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise ObjectMissing(key) from None
    except BaseError as error:
        raise Unavailable(
            "The object store does not answer.",
            reason="ERROR_REASON_DEPENDENCY_UNAVAILABLE",
            metadata={"dependency": "objects"},
            retry_after=1.0,
        ) from error


def _remove_staged(root: Path, before: float) -> int:
    """Remove the staged files that nobody has written to since; how many there were."""
    removed = 0
    for path, _, names in os.walk(root):
        for staged in (Path(path, name) for name in names if _STAGED.search(name)):
            try:
                if staged.stat().st_mtime < before:
                    staged.unlink()
                    removed += 1
            except FileNotFoundError:
                continue  # its put was finished, or another process sweeps too
    return removed


def _remove_remains(folder: Path) -> None:
    """Remove the folders that are empty, and what LocalStore stages its writes in: `name#1`, never listed, and left by
    a process that was killed while it wrote, or by a copy over what is the same file already."""
    for path, _, names in os.walk(folder, topdown=False):
        for name in names:
            if _STAGED.search(name):
                Path(path, name).unlink(missing_ok=True)
        try:
            Path(path).rmdir()
        except OSError:
            # Somebody is storing there again.
            continue


def open_objects(url: str) -> ObjectStore:
    """`file:///folder`, which is made when it is missing, or `s3://bucket[/prefix]?endpoint=http://host:port&region=…`.

    The credentials of a bucket are `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or what the machine's role gives.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        root = Path(unquote(parts.path))
        return ObstoreObjects(LocalStore(root, mkdir=True), root=root)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"objects_url is neither file:///folder nor s3://bucket: {url}")
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if unknown := query.keys() - {"endpoint", "region"}:
        raise ValueError(f"objects_url has unknown parameters: {', '.join(sorted(unknown))}")
    endpoint = query.get("endpoint")
    return ObstoreObjects(
        S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config={"region": query.get("region", "us-east-1")} | ({"endpoint": endpoint} if endpoint else {}),  # type: ignore[arg-type]
            client_options={"allow_http": endpoint is not None and endpoint.startswith("http://")},
            retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=30)},
            virtual_hosted_style_request=endpoint is None,
        ),
        root=None,
    )
