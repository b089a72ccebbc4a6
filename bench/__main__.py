"""Every published figure: `make bench`, or one of them with `python -m bench scaling`.

Each script prints a table of its own and returns whether the figure reached what is claimed. Ratios are taken within
one run, so that the machine's speed does not enter them.
"""

from __future__ import annotations

import asyncio
import sys

from bench import (
    chain,
    comp,
    compile,
    decode,
    exactness,
    fused,
    generation,
    generation_device,
    long,
    memory,
    preview,
    rerender,
    scaling,
    scheduling,
    step_caches,
)

BENCHMARKS = {
    "chain": chain.run,
    "decode": decode.run,
    "exactness": exactness.run,
    "fused": fused.run,
    "comp": comp.run,
    "rerender": rerender.run,
    "compile": compile.run,
    "scheduling": scheduling.run,
    "preview": preview.run,
    "scaling": scaling.run,
    "memory": memory.run,
    "long": long.run,
    "generation": generation.run,
    "device": generation_device.run,
    "caches": step_caches.run,
}


def main() -> int:
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        sys.stderr.write(f"unknown: {', '.join(unknown)}. There are: {', '.join(BENCHMARKS)}\n")
        return 2
    results = [asyncio.run(BENCHMARKS[name]()) for name in wanted]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
