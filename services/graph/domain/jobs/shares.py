"""Whose turn it is: tasks that wait in the database are handed to the workers a few at a time, tenant by tenant.

Between tenants, start-time fair queueing (Goyal, Vin and Cheng, "Start-time Fair Queuing", SIGCOMM 1996): each tenant
has a virtual time, which a turn advances by the turn's cost over the tenant's weight; the tenant with the least goes
next, and one that was idle joins at the clock, the start of the last turn. Of two tenants that both have work waiting,
neither gets ahead, in cost over weight, by more than one of its own longest tasks and one of the other's, in any
interval (theorem 1 there). Costs are worker seconds, estimated when a task is released and corrected when it is done.

Within a tenant, the more urgent job first and of equals the older. A job that gets no turn grows more urgent by one
step of priority every `AGEING`, so that nothing starves.

Only so many tasks are handed out as the workers' places and one more each: a job that comes later then never waits
behind more than that, and a worker that ends a task finds the next one there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.graph.domain.jobs.job import Priority

AGEING = timedelta(seconds=90)
PREFETCH = 1
"""Tasks beyond the one in hand that are handed out for each place of a worker."""
LEAST_WINDOW = 2
"""Tasks that are handed out though no worker is known: one that comes begins at once, and a bus on which workers are
not heard stops no render."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job with tasks that wait for nothing but their turn."""

    job: str
    tenant: str
    priority: Priority
    create_time: datetime
    since: datetime
    """When it had its last turn, or began to wait for its first."""
    tasks: Sequence[tuple[str, float]] = ()
    """Ids and estimated costs in seconds of one worker, in the order of the plan; as many as there are places do."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One task that goes to the workers now."""

    job: str
    task: str
    cost: float


@dataclass(slots=True)
class Ledger:
    """What the tenants have had. Kept in the database, since it must outlive every process."""

    clock: float = 0.0
    """The virtual time of the last turn."""
    times: dict[str, float] = field(default_factory=dict)
    """Virtual time of each tenant, in seconds of one worker over the tenant's weight."""

    def start(self, tenant: str) -> float:
        """Where the tenant's next turn begins. Who was idle is owed nothing for it."""
        return max(self.clock, self.times.get(tenant, 0.0))


def window(places: int) -> int:
    """How many tasks may be handed out and not done, with so many work items in hand of all workers at a time."""
    return max(LEAST_WINDOW, places * (1 + PREFETCH))


def pick(
    waiting: Iterable[Waiting], ledger: Ledger, weights: Mapping[str, float], free: int, now: datetime
) -> list[Turn]:
    """At most `free` turns, in their order. Charges them in the ledger, which is changed in place.

    Hands out as much as there is: fewer turns than `free` mean that nothing waits any more. Tenants not in `weights`
    weigh 1.
    """
    tenants: dict[str, list[_Job]] = {}
    for each in waiting:
        if each.tasks:
            tenants.setdefault(each.tenant, []).append(_Job(each, each.since))
    turns: list[Turn] = []
    while tenants and len(turns) < free:
        # Names break ties, so that every replica comes to the same order.
        tenant = min(tenants, key=lambda name: (ledger.start(name), name))
        jobs = tenants[tenant]
        job = min(jobs, key=lambda one: one.rank(now))
        task, cost = job.waiting.tasks[job.taken]
        job.taken += 1
        job.since = now
        start = ledger.start(tenant)
        ledger.clock = start
        ledger.times[tenant] = start + cost / weights.get(tenant, 1.0)
        turns.append(Turn(job.waiting.job, task, cost))
        if job.taken == len(job.waiting.tasks):
            jobs.remove(job)
            if not jobs:
                del tenants[tenant]
    return turns


def contenders(waiting: Iterable[Waiting], turns: int, now: datetime) -> list[Waiting]:
    """Of each tenant the jobs that can get one of so many turns, the most urgent first."""
    tenants: dict[str, list[Waiting]] = {}
    for job in sorted(waiting, key=lambda each: _rank(each, each.since, now)):
        tenants.setdefault(job.tenant, []).append(job)
    return [job for jobs in tenants.values() for job in jobs[:turns]]


def urgency(priority: Priority, since: datetime, now: datetime) -> int:
    """How urgent a job is that had no turn since then; the smaller, the sooner."""
    return int(priority) - int((now - since) / AGEING)


def fair_part(places: int, tenant: str, active: Iterable[str], weights: Mapping[str, float]) -> float:
    """How many of so many places are the tenant's, when these tenants all want some."""
    names = {tenant, *active}
    return places * weights.get(tenant, 1.0) / sum(weights.get(name, 1.0) for name in names)


@dataclass(slots=True)
class _Job:
    waiting: Waiting
    since: datetime
    taken: int = 0

    def rank(self, now: datetime) -> tuple[int, datetime, str]:
        return _rank(self.waiting, self.since, now)


def _rank(job: Waiting, since: datetime, now: datetime) -> tuple[int, datetime, str]:
    return urgency(job.priority, since, now), job.create_time, job.job
