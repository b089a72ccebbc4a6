"""What step caches save of a clip and change in it, on the embedded model: as its owner would measure it.

`artifex_wan.calibrate` and `artifex_wan.compare` run on a copy of the weights, in Triton's environment, once a prompt.
Large models differ: theirs are measured by the same tools, and what they write is what plans and clips tell.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from artifex.up import Stack
from artifex.up.stack import SERVICES
from bench.studio import say
from services.generator.nano import NANO_MODEL
from services.generator.triton.settings import TritonSettings

PROMPTS = (
    "a red circle moving right over a blue background",
    "two small white squares moving up over a black background",
    "a large green triangle standing still over a purple background",
)
_CLIP = ("--width", "112", "--height", "64", "--frames", "17", "--steps", "24", "--text-tokens", "64")
_TOOLS = Path(__file__).resolve().parents[1] / "services/generator/model_repository/wan"


async def run() -> bool:
    with tempfile.TemporaryDirectory(prefix="artifex-bench-") as folder:
        home = Path(folder) / "home"
        # The model server alone: it puts the embedded model where it belongs.
        async with Stack(home, workers=0, without=(*SERVICES, "gateway", "nats", "traces")) as stack:
            settings = TritonSettings(home=stack.home)
            weights = Path(folder) / NANO_MODEL
            shutil.copytree(settings.models_folder / NANO_MODEL, weights)
        found = [await measured(settings, weights, prompt) for prompt in PROMPTS]
    say(f"\nstep caches on {NANO_MODEL}: 112x64, 17 frames, 24 steps, guidance 4; {len(PROMPTS)} prompts")
    say("| cache | times as fast | slowest | fastest | PSNR dB | worst frame |")
    say("|---|---|---|---|---|---|")
    for cache in found[0]:
        times = [each[cache]["times"] for each in found]
        psnr = min(each[cache]["psnr"] or float("inf") for each in found)
        least = min(each[cache]["least_psnr"] or float("inf") for each in found)
        noise = ["equal" if value == float("inf") else f"{value:.1f}" for value in (psnr, least)]
        say(f"| {cache} | {statistics.median(times):.2f} | {min(times):.2f} | {max(times):.2f} | {' | '.join(noise)} |")
    return True


async def measured(settings: TritonSettings, weights: Path, prompt: str) -> dict[str, Any]:
    """What caches.json says after both tools ran."""
    for tool in ("calibrate", "compare"):
        process = await asyncio.create_subprocess_exec(
            str(settings.venv / "bin" / "python"),
            "-m",
            f"artifex_wan.{tool}",
            str(weights),
            prompt,
            *_CLIP,
            stdout=asyncio.subprocess.DEVNULL,
            cwd=_TOOLS,
            env={**{key: value for key, value in os.environ.items() if key != "PYTHONPATH"}, "OMP_NUM_THREADS": "1"},
        )
        if code := await process.wait():
            raise RuntimeError(f"artifex_wan.{tool} ended with {code}; see its output above")
    caches: dict[str, Any] = json.loads((weights / "caches.json").read_text(encoding="utf-8"))
    return caches
