"""Footage in, movies out: resumable uploads, ranged downloads, and the list of what there is."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from google.api import httpbody_pb2
from opentelemetry import trace

from artifex.errors import ApiError, FileProblem, OutOfRange, VerificationFailed
from artifex.media.v1 import messages_pb2 as media
from artifex.media.v1 import service_pb2_grpc as media_grpc
from artifex.stills import Pattern, StillArchive, find_stills, pattern_of, unpack
from artifex.transport import Transport, backoff, is_transient

PIECE = 1024 * 1024
"""Bytes in one message of a stream: the most that the contract allows."""
PATIENCE = 8
"""How many times in a row a transfer may break without a byte of progress."""

Progress = Callable[[int, int], None]
"""Called with the bytes that are safe and the bytes in all."""


class Local(Protocol):
    """Bytes of this machine that are to be sent."""

    name: str
    size: int

    def open(self) -> BinaryIO:
        """From the start, to be read and sought in, and closed."""
        ...

    def digest(self) -> str:
        """SHA-256, lower-case hexadecimal."""
        ...


class LocalFile:
    """A file as it is. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Systems take any bytes for a name; what is no text in UTF-8 cannot be told.
        self.name = path.name.encode(errors="replace").decode()
        self.size = path.stat().st_size

    def open(self) -> BinaryIO:
        return self._path.open("rb")

    def digest(self) -> str:
        return file_digest(self._path)


def local(path: Path) -> Local:
    """What `path` means on this machine: a file, or the stills of a folder or of a pattern as one. Raises OSError, and
    FileProblem for stills that make no sequence."""
    stills = find_stills(path)
    return LocalFile(path) if stills is None else StillArchive(stills)


class Assets:
    """The tenant's media."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stub = media_grpc.MediaServiceStub(transport.channel)

    async def upload(self, path: Path, *, display_name: str = "", on_progress: Progress | None = None) -> media.Asset:
        """Make an asset of a file, or of an image sequence: a folder that holds one, or a pattern such as
        `shot.####.exr` or `shot.%04d.exr`.

        Bytes that the tenant already holds do not travel; a broken stream goes on where it stopped. Raises FileProblem
        for a file that cannot be read, InvalidArgument for one that holds no media."""
        try:
            file, digest = await asyncio.to_thread(lambda: ((found := local(path)), found.digest()))
        except OSError as error:
            raise FileProblem(f"{path}: {error.strerror or error}") from None
        size = file.size
        if size == 0:
            raise FileProblem(f"{path}: the file is empty")
        with self._transport.span("upload"):
            begun = await self._transport.unary(
                self._stub.CreateUpload,
                media.CreateUploadRequest(
                    display_name=display_name or file.name, size=size, digest=digest, request_id=str(uuid.uuid4())
                ),
                name="MediaService/CreateUpload",
            )
            if not begun.HasField("asset"):
                await self._send(file, begun.upload, on_progress)
                finished = await self._transport.unary(
                    self._stub.FinishUpload,
                    media.FinishUploadRequest(name=begun.upload.name),
                    name="MediaService/FinishUpload",
                    timeout=max(self._transport.timeout, 300.0),
                )
                return finished.asset
        if on_progress:
            on_progress(size, size)
        return begun.asset

    async def _send(self, file: Local, upload: media.Upload, on_progress: Progress | None) -> None:
        committed, failures = upload.committed_size, 0
        while committed < upload.size:
            try:
                reached = await self._send_from(file, upload, committed, on_progress)
            except ApiError as error:
                failures += 1
                if failures > PATIENCE or not (is_transient(error) or isinstance(error, OutOfRange)):
                    raise
                await asyncio.sleep(backoff(failures))
                found = await self._transport.unary(
                    self._stub.GetUpload, media.GetUploadRequest(name=upload.name), name="MediaService/GetUpload"
                )
                reached = found.upload.committed_size
            if reached > committed:
                failures = 0
            committed = reached

    async def _send_from(self, source: Local, upload: media.Upload, offset: int, on_progress: Progress | None) -> int:
        async def pieces() -> AsyncIterator[media.WriteUploadRequest]:
            at = offset
            with source.open() as file:
                file.seek(offset)
                while data := await asyncio.to_thread(file.read, PIECE):
                    first = at == offset
                    yield media.WriteUploadRequest(
                        name=upload.name if first else "",
                        offset=offset if first else 0,
                        chunk=httpbody_pb2.HttpBody(content_type="application/octet-stream", data=data),
                    )
                    at += len(data)
                    if on_progress:
                        on_progress(at, upload.size)

        async def once() -> media.WriteUploadResponse:
            return await self._stub.WriteUpload(pieces(), metadata=await self._transport.metadata())

        with self._transport.span("MediaService/WriteUpload", trace.SpanKind.CLIENT):
            return (await self._transport.refreshing(once)).committed_size

    async def get(self, name: str) -> media.Asset:
        answer = await self._transport.unary(
            self._stub.GetAsset, media.GetAssetRequest(name=name), name="MediaService/GetAsset"
        )
        return answer.asset

    async def list(self) -> AsyncIterator[media.Asset]:
        """Every asset, newest first, fetched page by page."""
        pages = self._transport.pages(self._stub.ListAssets, media.ListAssetsRequest(), name="MediaService/ListAssets")
        async for page in pages:
            for asset in page.assets:
                yield asset

    async def delete(self, name: str) -> None:
        await self._transport.unary(
            self._stub.DeleteAsset, media.DeleteAssetRequest(name=name), name="MediaService/DeleteAsset"
        )

    async def thumbnail(self, name: str, *, time: float = 0.0, width: int = 0) -> bytes:
        """A JPEG of the frame at `time` seconds, `width` pixels wide (0: 320)."""
        answer = await self._transport.unary(
            self._stub.GetThumbnail,
            media.GetThumbnailRequest(name=name, time=time, width=width),
            name="MediaService/GetThumbnail",
        )
        return bytes(answer.image.data)

    async def download(self, name: str, path: Path, *, on_progress: Progress | None = None) -> media.Asset:
        """Save an asset's bytes as `path`. The file appears whole or not at all: it is written beside, checked for size
        and digest, and moved into place. A broken stream goes on where it stopped. Raises FileProblem."""
        check_destination(path)
        asset = await self.get(name)
        with _beside(path) as partial:
            with partial.open("wb") as file:
                await self._receive(asset, file, on_progress)
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
            if await asyncio.to_thread(file_digest, partial) != asset.blob.digest:
                raise VerificationFailed(f"{name}: the bytes received are not the asset's")
        return asset

    async def download_stills(self, name: str, out: Path, *, on_progress: Progress | None = None) -> media.Asset:
        """Save an image sequence: as the stills of a pattern such as `shot.####.exr`, as a .zip file, or else under
        their own names in a folder.

        Each still appears whole or not at all. Raises FileProblem, and VerificationFailed for damaged ones.
        """
        folder, pattern = stills_target(out)
        if folder is None:
            return await self.download(name, out, on_progress=on_progress)
        whole = folder / f".{uuid.uuid4().hex}.zip"
        try:
            asset = await self.download(name, whole, on_progress=on_progress)
            await asyncio.to_thread(unpack, whole, folder, pattern)
        finally:
            with contextlib.suppress(OSError):
                whole.unlink(missing_ok=True)
        return asset

    async def _receive(self, asset: media.Asset, file: BinaryIO, on_progress: Progress | None) -> None:
        failures = 0
        while file.tell() < asset.blob.size:
            before = file.tell()
            try:
                request = media.DownloadAssetRequest(name=asset.name, offset=before)
                messages = self._transport.stream(self._stub.DownloadAsset, request, name="MediaService/DownloadAsset")
                async for message in messages:
                    file.write(message.content.data)
                    if on_progress:
                        on_progress(file.tell(), asset.blob.size)
                broken: ApiError | None = None
            except ApiError as error:
                if not is_transient(error):
                    raise
                broken = error
            if file.tell() > asset.blob.size:
                raise VerificationFailed(f"{asset.name}: more bytes came than the asset has")
            failures = 0 if file.tell() > before else failures + 1
            if failures > PATIENCE:
                raise broken or VerificationFailed(f"{asset.name}: the stream ends before the asset does")
            if broken or failures:
                await asyncio.sleep(backoff(failures))


def holds_stills(asset: media.Asset) -> bool:
    """Whether an asset is a file of several stills, which can be unpacked."""
    return asset.media.HasField("sequence") and asset.media.format == "zip"


def stills_target(out: Path) -> tuple[Path | None, Pattern | None]:
    """Where stills go that are saved as `out`: a folder, and their names where it is a pattern; None for a .zip."""
    if out.suffix.lower() == ".zip":
        return None, None
    pattern = pattern_of(out.name)
    return (out, None) if pattern is None else (out.parent, pattern)


def check_destination(path: Path, *, stills: bool = False) -> None:
    """Raises FileProblem when no file can be made here, folders on the way included: better said before an hour of
    rendering than after it. What is here and is no file, as a device, is refused: files are moved into place.

    With `stills` it is they that are to be made, see `stills_target`."""
    folder = stills_target(path)[0] if stills else None
    try:
        if folder is not None:
            # Any name will do: stills take the place of older ones.
            path = folder / "still"
        elif path.exists() and not path.is_file():
            raise FileProblem(f"{path}: is there and is no file")
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if not folder.is_dir():
            raise FileProblem(f"{path}: {folder} is no folder")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise FileProblem(f"{path}: {folder} may not be written to")
    except OSError as error:
        raise FileProblem(f"{path}: {error.strerror or error}") from None


def replace_file(path: Path, data: bytes) -> None:
    """Whoever looks at the file sees what was there or what is there now, whole. Its folder is made. Raises
    FileProblem."""
    with _beside(path) as partial:
        partial.write_bytes(data)


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A name for the file that takes the place of `path` when all is well. Its folder is made. Raises FileProblem."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except OSError as error:
        raise FileProblem(f"{path}: {error.strerror or error}") from None
    finally:
        # Where the folder cannot be used there is no partial file, and the error above says so.
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
