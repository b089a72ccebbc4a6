"""End this process when Triton is gone.

Triton runs a model in a child process, which looks for its parent by process id and so outlives a killed Triton for as
long as nobody reaps it, holding the model's memory.
"""

from __future__ import annotations

import os
import threading
import time

_POLL_SECONDS = 0.5


def die_with_parent() -> None:
    """Start the watch; a child of a dead parent is given another one at once, so the parent's id changing tells."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
