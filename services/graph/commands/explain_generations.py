"""Say which shots a document has generated, which pictures they go on from, and what of it is there already."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import messages_pb2 as generator_pb2
from artifex.graph.v1 import plan_pb2
from artifex.nodes import Role
from libs.chassis.errors import ArtifexError
from libs.chassis.principal import Principal
from libs.chassis.rpc.failures import to_failure
from services.graph.commands.node_types import plan_input
from services.graph.domain.compile.captures import Place, PlannedCapture, capture_keys, captures_of
from services.graph.domain.compile.compiler import Compiled
from services.graph.ports import CaptureStore, Generations

_MOST: Final = 100
_CONCURRENT_CALLS: Final = 8
_ROLES: Final[Mapping[Role, generator_pb2.PlannedPicture.Role.ValueType]] = {
    "first": generator_pb2.PlannedPicture.ROLE_FIRST,
    "last": generator_pb2.PlannedPicture.ROLE_LAST,
}
_WORDS: Final = ("prompt", "negative_prompt")


@dataclass
class Ahead:
    """What is generated and captured before rendering, each after what it goes on from."""

    generations: list[plan_pb2.PlanGeneration] = field(default_factory=list)
    captures: list[plan_pb2.PlanCapture] = field(default_factory=list)
    contents: dict[str, str] = field(default_factory=dict)
    """Digests of media by node: the document's assets, and the clips that are there."""


async def explain_generations(
    compiled: Compiled, contents: Mapping[str, str], generator: Generations, captures: CaptureStore, caller: Principal
) -> Ahead:
    """Of the document's first hundred shots. `contents`: digests of the assets, by the node that reads them.

    What the generator refuses, and that it does not answer, is told of the shot. Raises Unavailable when the store of
    pictures does not answer.
    """
    found = Ahead(contents=dict(contents))
    shots = (step for step in compiled.steps if step.node in compiled.generations)
    waiting = {step.node: step.type.schema.type for step in islice(shots, _MOST)}
    if not waiting:
        return found
    looks = _Looks(compiled, generator, captures, caller.tenant, found)
    while waiting:
        # A picture of a shot can be looked for once it is known which clip that is.
        ready = {node: kind for node, kind in waiting.items() if not looks.awaits(node, waiting)}
        await looks.look(ready)
        waiting = {node: kind for node, kind in waiting.items() if node not in ready}
    return found


class _Looks:
    def __init__(
        self, compiled: Compiled, generator: Generations, captures: CaptureStore, tenant: str, found: Ahead
    ) -> None:
        self._compiled = compiled
        self._generator = generator
        self._captures = captures
        self._tenant = tenant
        self._found = found
        self._planned = captures_of(compiled)
        self._limit = asyncio.Semaphore(_CONCURRENT_CALLS)
        self._silence: types_pb2.Failure | None = None

    def awaits(self, node: str, others: Mapping[str, str]) -> bool:
        return any(other in others for planned in self._of(node) for other in planned.after)

    async def look(self, nodes: Mapping[str, str]) -> None:
        """Look for the pictures of these nodes, then for their clips."""
        wanted = {planned.place: planned for node in nodes for planned in self._of(node)}
        keys = await asyncio.to_thread(capture_keys, self._compiled, wanted, self._found.contents)
        pictures: dict[str, list[generator_pb2.PlannedPicture]] = {node: [] for node in nodes}
        for place, planned in wanted.items():
            capture, digest = await self._capture(planned, keys.get(place, ""))
            self._found.captures.append(capture)
            pictures[place.node].append(generator_pb2.PlannedPicture(role=capture.role, digest=digest))
        # Not a task group: it would wrap the typed error that a call raises.
        shots = await asyncio.gather(*(self._shot(node, kind, pictures[node]) for node, kind in nodes.items()))
        for shot, clip in shots:
            self._found.generations.append(shot)
            if clip:
                self._found.contents[shot.node] = clip

    def _of(self, node: str) -> list[PlannedCapture]:
        roles: tuple[Role, ...] = ("first", "last")
        return [self._planned[place] for role in roles if (place := Place(node, role)) in self._planned]

    async def _capture(self, planned: PlannedCapture, key: str) -> tuple[plan_pb2.PlanCapture, str]:
        """What is told of a picture, and the digest of its file where that is there."""
        blob = await self._captures.find(self._tenant, key) if key else None
        state = plan_pb2.PlanCapture.STATE_NEEDED if blob is None else plan_pb2.PlanCapture.STATE_STORED
        capture = plan_pb2.PlanCapture(
            node=planned.place.node,
            role=_ROLES[planned.place.role],
            input=plan_input(planned.input, planned.edge),
            frame=planned.frame,
            state=state,
            key=key,
            after=planned.after[:_MOST],
        )
        return capture, "" if blob is None else blob.digest

    async def _shot(
        self, node: str, kind: str, pictures: list[generator_pb2.PlannedPicture]
    ) -> tuple[plan_pb2.PlanGeneration, str]:
        """What is told of a shot, and the digest of its clip where that is there."""
        shot = plan_pb2.PlanGeneration(node=node, type=kind, state=plan_pb2.PlanGeneration.STATE_UNKNOWN)
        async with self._limit:
            if self._silence is not None:
                shot.failure.CopyFrom(self._silence)
                return shot, ""
            try:
                answer = await self._generator.plan(self._compiled.generations[node], pictures)
            except ArtifexError as error:
                shot.failure.CopyFrom(to_failure(error))
                if error.permanent:
                    shot.state = plan_pb2.PlanGeneration.STATE_REFUSED
                else:
                    # Nor would it answer for the others.
                    self._silence = shot.failure
                return shot, ""
        plan = answer.plan
        shot.spec.CopyFrom(plan.spec)
        for words in _WORDS:
            shot.spec.ClearField(words)
        shot.adjustments.extend(plan.adjustments)
        shot.content_key, shot.device = answer.content_key, plan.device
        shot.seconds, shot.calibrated = plan.seconds, plan.calibrated
        if answer.HasField("refusal"):
            shot.failure.CopyFrom(answer.refusal)
            shot.state = plan_pb2.PlanGeneration.STATE_REFUSED
        elif answer.HasField("clip"):
            shot.state = plan_pb2.PlanGeneration.STATE_STORED
        elif answer.content_key or not all(picture.digest for picture in pictures):
            shot.state = plan_pb2.PlanGeneration.STATE_NEEDED
        return shot, answer.clip.digest
