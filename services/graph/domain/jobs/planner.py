"""From a compiled document to the tasks of a render job."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from artifex.generator.v1 import messages_pb2 as generator
from services.graph.domain.compile.analyses import PlannedAnalysis, analyses_of, awaited
from services.graph.domain.compile.captures import PlannedCapture, captures_of
from services.graph.domain.compile.compiler import Compiled
from services.graph.domain.jobs.job import TaskKind, analysis_task, capture_task, generation_task


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """One task. It can start when all tasks in `depends_on` have succeeded."""

    id: str
    """Unique within the job: "generate:shot", "capture-first:shot", "analyse:mix", "frames:3", "audio", "assembly"."""
    kind: TaskKind
    depends_on: tuple[str, ...] = ()
    first_frame: int = 0
    frame_count: int = 0
    node: str = ""
    """For a generation: the node whose clip it makes; for an analysis or a capture: the node that it is for."""
    generation: generator.GenerationSpec | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All tasks of a job, each after those it depends on."""

    tasks: tuple[PlannedTask, ...]


def plan(compiled: Compiled, chunk_frames: int) -> Plan:
    """Generations first, then captures with what goes on from them and analyses, then chunks of at most `chunk_frames`
    frames and the sound, then the assembly.

    Chunks and sound wait each only for the analyses that they themselves depend on. Without a picture there are none.

    The last chunks are shorter and shorter, so that workers end together however many there are.
    """
    if chunk_frames < 1:
        raise ValueError("a chunk has at least one frame")
    total = compiled.frame_count
    analyses = analyses_of(compiled)
    ahead = _ahead(compiled, analyses)
    seen, heard = (
        tuple(analysis_task(node) for node in awaited(compiled, analyses, end))
        for end in (compiled.picture, compiled.sound)
    )
    ready = (*(generation_task(node) for node in compiled.generations), *seen)
    parts: list[PlannedTask] = []
    first = 0
    for count in chunk_sizes(total, chunk_frames) if compiled.picture else []:
        parts.append(PlannedTask(f"frames:{len(parts)}", TaskKind.FRAMES, ready, first, count))
        first += count
    if compiled.has_audio:
        parts.append(PlannedTask("audio", TaskKind.AUDIO, heard))
    assembly = PlannedTask("assembly", TaskKind.ASSEMBLY, tuple(part.id for part in parts), 0, total)
    return Plan((*ahead, *parts, assembly))


def _ahead(compiled: Compiled, analyses: Mapping[str, PlannedAnalysis]) -> list[PlannedTask]:
    """What is generated, captured and found before rendering, each after what it waits for."""
    captures: dict[str, list[PlannedCapture]] = {}
    for capture in captures_of(compiled).values():
        captures.setdefault(capture.place.node, []).append(capture)

    def named(nodes: Iterable[str]) -> tuple[str, ...]:
        return tuple(analysis_task(node) if node in analyses else generation_task(node) for node in nodes)

    # What waits for nothing first: a generation takes longest.
    tasks = [_generation(compiled, node, ()) for node in compiled.generations if node not in captures]
    for step in compiled.steps:
        if (look := analyses.get(step.node)) is not None:
            frames = compiled.frame_count if look.analysis.sees else 0
            tasks.append(
                PlannedTask(
                    analysis_task(step.node),
                    TaskKind.ANALYSIS,
                    named(look.after),
                    frame_count=frames,
                    node=step.node,
                )
            )
        pictures = [
            PlannedTask(capture_task(*made.place), TaskKind.CAPTURE, named(made.after), made.frame, 1, step.node)
            for made in captures.get(step.node, ())
        ]
        if pictures:
            tasks += [*pictures, _generation(compiled, step.node, tuple(task.id for task in pictures))]
    return tasks


def _generation(compiled: Compiled, node: str, depends_on: tuple[str, ...]) -> PlannedTask:
    spec = compiled.generations[node]
    return PlannedTask(generation_task(node), TaskKind.GENERATION, depends_on, node=node, generation=spec)


def chunk_sizes(total: int, chunk_frames: int) -> list[int]:
    """Sizes that add up to `total`, at most `chunk_frames` each, the longest first: guided self-scheduling
    (Polychronopoulos and Kuck, 1987).

    Each chunk is at most a quarter of what is left, down to a quarter of a chunk: shorter segments would spend more on
    their keyframes than the wait at the end costs. Those are at most seven more chunks than full ones alone would be.
    """
    shortest = -(-chunk_frames // 4)
    sizes = []
    while total > 0:
        size = min(chunk_frames, max(-(-total // 4), shortest), total)
        if total <= chunk_frames and total - size < shortest // 2:
            size = total
        sizes.append(size)
        total -= size
    return sorted(sizes, reverse=True)
