"""Full-size Wan2.2 with random weights on an accelerator: seconds a step, operations a second, and memory.

`generation_device_loop.py` measures; it runs in Triton's environment. Stock diffusers, our loop, the profile SPEED and
eight-bit weights make the same clip one after the other; our loop must make stock's latents, and memory is held against
what the planner reckons. Without an accelerator the same is done at a size for a processor, where only that our loop
makes what stock makes is a claim. `python -m bench.generation_device full` refuses that.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from bench.studio import say
from services.generator.triton import devices
from services.generator.triton.settings import TritonSettings

SPEED_UP = 1.8
"""Of SPEED over stock, with weights of equal precision."""
FROM_FLOOR = 1.3
"""SPEED's seconds a step against the floor's."""
PLANNED = 0.1
"""The part by which the planner's peaks may be off."""
EQUAL = 1e-3
"""The distance from stock's latents, in parts of their length, up to which an accelerator's are the same: its products
are summed in another order now and then. A processor's are equal bit by bit."""
_LOOP = Path(__file__).with_name("generation_device_loop.py")
_GB = 1e9
_REFUSED = 2
"""What the measurement ends with where it cannot be made; it has said why."""


async def run(size: str = "auto") -> bool:
    """ "full", "small" or "auto": full where there is an accelerator."""
    rows: list[dict[str, Any]] = []
    about: dict[str, Any] = {}
    async for told in _measured(size):
        if "device" in told:
            about = told
            say(f"\nrandom weights on {told['device']}, " + ("full size" if told["full"] else "at a processor's size"))
        elif "case" in told:
            case = told["case"]
            say(f"\n{case['model']}, {case['width']}x{case['height']}, {case['frames']} frames, one expert")
            say("| | s a step | TFLOP/s | times stock | decode s | peak GB (planned) | in decode | PSNR to stock |")
            say("|---|---|---|---|---|---|---|---|")
        else:
            rows.append(told)
            stock = next(row for row in rows if row["model"] == told["model"])
            say(_row(told, stock))
    reached = [claim for model in {row["model"]: None for row in rows} for claim in _claims(about, rows, model)]
    return all(reached) and bool(reached)


async def _measured(size: str) -> AsyncIterator[dict[str, Any]]:
    settings = TritonSettings()
    attention = devices.found(settings)["attention"]
    chosen = [] if attention == "native" else ["--attention", attention]
    process = await asyncio.create_subprocess_exec(
        str(settings.venv / "bin" / "python"),
        str(_LOOP),
        size,
        *chosen,
        stdout=asyncio.subprocess.PIPE,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )
    assert process.stdout is not None
    async for line in process.stdout:
        yield json.loads(line)
    code = await process.wait()
    if code not in (0, _REFUSED):
        raise RuntimeError(f"the measurement ended with {code}; see its output above")


def _row(row: dict[str, Any], stock: dict[str, Any]) -> str:
    def peak(stage: str) -> str:
        taken, planned = row["peak_bytes"][stage], row["planned_bytes"][stage]
        return f"{taken / _GB:.1f} ({planned / _GB:.1f})" if taken else "—"

    psnr = "equal" if row["psnr"] is None else f"{row['psnr']:.1f} dB"
    return (
        f"| {row['variant']}: {row['attention']}, compiled {row['compile']} | {row['step_seconds']:.4g} | "
        f"{row['step_flops'] / row['step_seconds'] / 1e12:.3g} | {stock['step_seconds'] / row['step_seconds']:.2f} | "
        f"{row['decode_seconds']:.2f} | {peak('denoise')} | {peak('decode')} | {psnr} |"
    )


def _claims(about: dict[str, Any], rows: Sequence[dict[str, Any]], model: str) -> list[bool]:
    of = {row["variant"]: row for row in rows if row["model"] == model}
    speed, stock = of["speed"], of["stock"]
    apart = of["plain"]["latents_apart"]
    equal = apart <= (EQUAL if about["full"] else 0)
    found = [_claim(f"{model}: our loop makes stock's latents", equal, f"{apart:.2g}")]
    if about["full"]:
        ratio = stock["step_seconds"] / speed["step_seconds"]
        found.append(_claim(f"{model}: SPEED at least {SPEED_UP} times stock", ratio >= SPEED_UP, f"{ratio:.2f}"))
        for row in of.values():
            for stage, planned in row["planned_bytes"].items():
                off = planned / row["peak_bytes"][stage] - 1
                text = f"{model}, {row['variant']}: {stage} planned within {PLANNED:.0%}"
                found.append(_claim(text, abs(off) <= PLANNED, f"{off:+.1%}"))
    if about["full"] and about["floor"]:
        times = speed["step_seconds"] * about["floor"] / speed["step_flops"]
        found.append(_claim(f"{model}: SPEED within {FROM_FLOOR} of the floor", times <= FROM_FLOOR, f"{times:.2f}"))
    return found


def _claim(text: str, reached: bool, seen: str) -> bool:
    say(f"claimed: {text}; {seen}: " + ("reached" if reached else "NOT reached"))
    return reached


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(run(*sys.argv[1:])) else 1)
