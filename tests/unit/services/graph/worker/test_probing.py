"""The frame that ends the evaluator is found and named only if it does so each time."""

from __future__ import annotations

from collections import Counter

from libs.chassis.sandbox import SandboxCrashed
from services.graph.worker.probing import Culprit, Progress, find_culprit


class Evaluator:
    """Dies over some frames, so often each."""

    def __init__(self, deadly: dict[int, int]) -> None:
        self._deadly = Counter(deadly)
        self.rendered: list[int] = []

    async def __call__(self, frame: int, tell: Progress) -> None:
        self.rendered.append(frame)
        tell({"nodes": ["plate"]})
        tell({"frames_done": 0})
        tell({"nodes": ["key", "grade"]})
        if self._deadly[frame] > 0:
            self._deadly[frame] -= 1
            raise SandboxCrashed(f"The work's process was ended by SIGSEGV over {frame}.")


async def found(evaluator: Evaluator) -> Culprit | None:
    return await find_culprit(range(24, 48), evaluator)


async def test_a_frame_that_fails_thrice_is_named_with_what_was_evaluated() -> None:
    evaluator = Evaluator({37: 9})
    culprit = await found(evaluator)
    assert culprit is not None
    assert (culprit.frame, culprit.failures, list(culprit.nodes)) == (37, 3, ["key", "grade"])
    assert "SIGSEGV" in str(culprit.error)
    assert evaluator.rendered == [*range(24, 37), 37, 37, 37]


async def test_a_frame_that_recovers_is_not_to_blame() -> None:
    assert await found(Evaluator({37: 2})) is None


async def test_frames_that_all_can_be_rendered_alone() -> None:
    evaluator = Evaluator({})
    assert await found(evaluator) is None
    assert evaluator.rendered == list(range(24, 48))
