"""The graph service's processes.

python -m services.graph           the API, the outbox relay, and the handlers of results
python -m services.graph worker    a render worker; start as many as there are cores to use
"""

from __future__ import annotations

import sys

from libs.chassis.runtime import Runtime
from libs.chassis.settings import PlatformSettings
from services.graph.preview.settings import PreviewSettings
from services.graph.settings import GraphSettings, WorkerSettings


def main(arguments: list[str]) -> int:
    """Run one of the processes until it is told to stop; its exit code."""
    # Each imports only its own half: a worker needs no database and no API.
    if not arguments:
        from services.graph.composition import build_api

        settings, previews = GraphSettings(), PreviewSettings()
        return Runtime.main("graph", PlatformSettings(), lambda runtime: build_api(runtime, settings, previews))
    if arguments == ["worker"]:
        from services.graph.worker.composition import build_worker

        worker = WorkerSettings()
        return Runtime.main("graph-worker", PlatformSettings(), lambda runtime: build_worker(runtime, worker))
    sys.stderr.write("usage: python -m services.graph [worker]\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
