"""Whether memory depends on the length of the movie: the peak of every process over a 20 s and over a 200 s job.

Both jobs run in studios of their own, so that neither starts with what the other left behind. The peak is the kernel's
own high-water mark of resident memory (VmHWM), with the children that come and go.
"""

from __future__ import annotations

import asyncio
import collections
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from artifex.client import Client
from artifex.up import Stack
from bench.studio import camera_footage, document, render, say

SHORT, LONG = 20, 200
CLAIM = 1.10
MIB = 1 << 20


async def run() -> bool:
    with tempfile.TemporaryDirectory(prefix="artifex-bench-") as folder:
        short, long = [await measure(Path(folder), seconds) for seconds in (SHORT, LONG)]
    return table(f"memory: {SHORT} s against {LONG} s of 720p", (SHORT, LONG), short, long, CLAIM)


def table(
    title: str, seconds: tuple[int, int], short: Mapping[str, int], long: Mapping[str, int], claim: float
) -> bool:
    """Print the peaks of two jobs process by process; whether none grew by more than the factor `claim`.

    The last row is for those who pay for the machine: a few MiB are much of a small process, and nothing of them all.
    """
    say(f"\n{title}: peak resident MiB of each process")
    say(f"| process | {seconds[0]} s | {seconds[1]} s | ratio |")
    say("|---|---|---|---|")
    worst = 0.0
    for name in sorted(short):
        ratio = long[name] / short[name]
        worst = max(worst, ratio)
        say(f"| {name} | {short[name] / MIB:.1f} | {long[name] / MIB:.1f} | {ratio:.2f} |")
    whole = [sum(peaks.values()) / MIB for peaks in (short, long)]
    say(f"| together | {whole[0]:.1f} | {whole[1]:.1f} | {whole[1] / whole[0]:.2f} |")
    reached = worst <= claim
    say(f"claimed: at most {claim} for every process: {'reached' if reached else 'NOT reached'} ({worst:.2f})")
    return reached


async def measure(folder: Path, seconds: int) -> dict[str, int]:
    """Peak bytes by process name over one job."""
    clip = camera_footage(seconds, folder)
    async with (
        Stack(folder / f"home-{seconds}", workers=2, without=("triton", "generator")) as stack,
        Client(stack.endpoint, home=stack.home) as client,
        watched(stack) as peaks,
    ):
        asset = await client.assets.upload(clip)
        await render(client, document(asset.name, seconds))
    return peaks


@asynccontextmanager
async def watched(stack: Stack) -> AsyncIterator[dict[str, int]]:
    """The peak bytes by process name, kept up for as long as the block lasts."""
    peaks: dict[str, int] = collections.defaultdict(int)
    watcher = asyncio.create_task(_watch(stack, peaks))
    try:
        yield peaks
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


async def _watch(stack: Stack, peaks: dict[str, int]) -> None:
    """Keep the high-water mark of every process of the studio, and of the children of each."""
    while True:
        for name, child in stack.children.items():
            if child.pid == 0:
                continue
            try:
                process = psutil.Process(child.pid)
                peaks[name] = max(peaks[name], high_water(child.pid))
                for below in process.children(recursive=True):
                    place = f"{name} (child)"
                    peaks[place] = max(peaks[place], high_water(below.pid))
            except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                continue
        await asyncio.sleep(0.2)


def high_water(pid: int) -> int:
    """The most memory that a process has had resident so far, in bytes; zero for one that is just ending."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
