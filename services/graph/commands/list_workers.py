"""List the workers of the installation."""

from __future__ import annotations

from services.graph.domain.jobs.workers import Farm
from services.graph.ports import Workers


def list_workers(workers: Workers, *, after: str, limit: int) -> Farm:
    """At most `limit` of the workers that are there or were lost a short while ago, by name from the one after `after`.

    Workers serve all tenants, and tell nothing of whose work they do.
    """
    farm = workers.farm()
    return Farm(farm.now, [worker for worker in farm.workers if worker.id > after][:limit])
