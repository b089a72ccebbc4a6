"""Runs this folder's scripts in Triton's environment, each in a process of its own that is forked from this one.

Its libraries take longer to read than most of what the scripts do, so they are read once for all of them.

Reads lines ["SCRIPT", ARGUMENT, ...], of loads, packs, parity, reckoned and step_caches, each of which says what it
takes; prints one JSON object a case, and {"exit": STATUS} after the last one.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

import torch
from diffusers.utils import logging

from tests.integration.generator import loads, packs, parity, reckoned, step_caches

SCRIPTS: Final[dict[str, Callable[..., None]]] = {
    "loads": loads.main,
    "packs": packs.main,
    "parity": parity.main,
    "reckoned": reckoned.main,
    "step_caches": step_caches.main,
}


def main() -> None:
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        child = os.fork()
        if not child:
            _run(SCRIPTS[name], arguments)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"exit": os.waitstatus_to_exitcode(status)}), flush=True)  # noqa: T201


def _run(script: Callable[..., None], arguments: Sequence[str]) -> NoReturn:
    status = 1
    try:
        script(*arguments)
        sys.stdout.flush()
        status = 0
    except BaseException:  # noqa: BLE001 - its end, whatever it died of
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
