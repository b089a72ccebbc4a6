"""A folder for what a process needs on disk while it lives."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def process_folder(among: Path) -> AsyncIterator[Path]:
    """A folder of this process, deleted with it; also deletes those of processes of this machine that were killed."""
    folder = among / str(os.getpid())

    def prepare() -> None:
        if among.is_dir():
            for other in among.iterdir():
                if other.name.isdigit() and not Path("/proc", other.name).exists():
                    shutil.rmtree(other, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    await asyncio.to_thread(prepare)
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
