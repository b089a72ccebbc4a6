"""Say why a job waits, or what is done for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.graph.domain.jobs.explanation import Facts, Reason, explain
from services.graph.domain.jobs.job import COLLECTION, JobState
from services.graph.ports import JobStore, Workers


@dataclass(frozen=True)
class Explanation:
    state: JobState
    reasons: list[Reason]
    """The most telling first."""


async def explain_render_job(
    store: JobStore, workers: Workers, weights: Mapping[str, float], caller: Principal, name: str
) -> Explanation:
    """From what is stored of the job and what the workers tell of themselves.

    Raises:
        NotFound: the caller's tenant has no such job.
    """
    farm = workers.farm()
    job = await store.get(caller.tenant, name.removeprefix(f"{COLLECTION}/"))
    if job is None:
        raise NotFound(name)
    facts = Facts(
        job=job,
        farm=farm,
        bus_answers=await workers.reachable(),
        out=await store.out(),
        waiting=await store.waiting_for_turns(farm.now),
        weights=weights,
    )
    return Explanation(job.state, explain(facts))
