"""From a compiled document to the tasks of a render job."""

from dataclasses import dataclass
from enum import StrEnum

from artifex.generator.v1 import messages_pb2 as generator
from services.graph.domain.compiler import Compiled


class TaskKind(StrEnum):
    """What a task does; the names of `RenderTask.Kind` values without their prefix, in lower case."""

    GENERATION = "generation"
    FRAMES = "frames"
    AUDIO = "audio"
    ASSEMBLY = "assembly"


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """One task. It can start when all tasks in `depends_on` have succeeded."""

    id: str
    """Unique within the job: "generate:shot", "frames:3", "audio", "assembly"."""
    kind: TaskKind
    depends_on: tuple[str, ...] = ()
    first_frame: int = 0
    frame_count: int = 0
    node: str = ""
    """For a generation: the node whose clip it makes."""
    generation: generator.GenerationSpec | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All tasks of a job, each after those it depends on."""

    tasks: tuple[PlannedTask, ...]


def plan(compiled: Compiled, chunk_frames: int) -> Plan:
    """Generations first, then chunks of at most `chunk_frames` frames and the sound, then the assembly.

    Chunks differ by at most one frame in length, so that workers end together.
    """
    if chunk_frames < 1:
        raise ValueError("a chunk has at least one frame")
    generations = [
        PlannedTask(f"generate:{node}", TaskKind.GENERATION, node=node, generation=spec)
        for node, spec in compiled.generations.items()
    ]
    ready = tuple(task.id for task in generations)
    total = compiled.frame_count
    chunks = -(-total // chunk_frames)
    bounds = [total * index // chunks for index in range(chunks + 1)]
    parts = [
        PlannedTask(f"frames:{index}", TaskKind.FRAMES, ready, bounds[index], bounds[index + 1] - bounds[index])
        for index in range(chunks)
    ]
    if compiled.has_audio:
        parts.append(PlannedTask("audio", TaskKind.AUDIO))
    assembly = PlannedTask("assembly", TaskKind.ASSEMBLY, tuple(part.id for part in parts), 0, total)
    return Plan((*generations, *parts, assembly))
