"""The command line as a process of its own, as a user runs it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artifex.up import Stack


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


async def start(
    stack: Stack, folder: Path, *arguments: str, stdout: int = asyncio.subprocess.PIPE, **env: str
) -> asyncio.subprocess.Process:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ARTIFEX_")}
    return await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "artifex"),
        *arguments,
        cwd=folder,
        env={**clean, "ARTIFEX_HOME": str(stack.home), "ARTIFEX_ENDPOINT": stack.endpoint, **env},
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
    )


async def artifex(stack: Stack, folder: Path, *arguments: str, **env: str) -> Ran:
    process = await start(stack, folder, *arguments, stdout=asyncio.subprocess.PIPE, **env)
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())
