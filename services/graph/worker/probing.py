"""Which frame it is that ends the evaluator: found by rendering frames on their own, until one does it again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from libs.chassis.sandbox import SandboxCrashed
from services.graph.domain.jobs.blame import ATTEMPTS

Progress = Callable[[dict[str, Any]], None]
"""Takes what the child tells while it renders."""
RenderAlone = Callable[[int, Progress], Awaitable[None]]
"""Renders one frame and throws it away. Raises SandboxCrashed when the evaluator dies over it."""


@dataclass(frozen=True)
class Culprit:
    """A frame that ended the evaluator each time that it was rendered on its own."""

    frame: int
    failures: int
    error: SandboxCrashed
    nodes: Sequence[str]
    """What was being evaluated when it ended last; several where nodes are evaluated together."""


async def find_culprit(frames: Iterable[int], render_alone: RenderAlone) -> Culprit | None:
    """The first of the frames that ends the evaluator, tried as often as any failure is; None if there is none.

    A frame that fails once and not again is not the culprit: then it is the machine, or what came before the frame.
    """
    for frame in frames:
        failures, nodes = 0, list[str]()

        def tell(message: dict[str, Any], nodes: list[str] = nodes) -> None:
            nodes[:] = message.get("nodes", nodes)

        while True:
            try:
                await render_alone(frame, tell)
            except SandboxCrashed as error:
                failures += 1
                if failures == ATTEMPTS:
                    return Culprit(frame, failures, error, nodes)
            else:
                break
        if failures:
            return None
    return None
