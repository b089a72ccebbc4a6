"""Jobs as the planner makes them, for tests."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from fractions import Fraction

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import messages_pb2 as generator_pb2
from artifex.graph.v1 import work_pb2
from services.graph.domain.jobs import transitions
from services.graph.domain.jobs.changes import Changes, Signal
from services.graph.domain.jobs.job import Job, Priority, Task, TaskKind

START = datetime(2026, 1, 1, tzinfo=UTC)
_generations = itertools.count(1)


def new_generation() -> str:
    return f"generations/g{next(_generations)}"


def make_job(
    *,
    chunks: int = 3,
    generations: int = 1,
    audio: bool = True,
    analyses: int = 0,
    captures: bool = False,
    chunk_frames: int = 24,
    job_id: str = "01jb",
    tenant: str = "studio",
    priority: Priority = Priority.NORMAL,
) -> Job:
    """Generations, each after the capture of its first picture if there are `captures`, then analyses of the sound,
    then frames (and audio), then the assembly."""
    made: list[Task] = []
    generated = tuple(f"generate:g{index}" for index in range(generations))
    for index, name in enumerate(generated):
        picture = (f"capture-first:g{index}",) if captures else ()
        made += [Task(each, TaskKind.CAPTURE, len(made), first_frame=7, frame_count=1) for each in picture]
        made.append(
            Task(
                name,
                TaskKind.GENERATION,
                len(made),
                depends_on=picture,
                steps_total=4,
                spec=generator_pb2.GenerationSpec(prompt="a red fox", seed=1, steps=4),
                generation=new_generation(),
            )
        )
    analysed = tuple(f"analyse:mix{index}" for index in range(analyses))
    for index, name in enumerate(analysed):
        made.append(Task(name, TaskKind.ANALYSIS, len(made), depends_on=analysed[:index]))
    for index in range(chunks):
        made.append(
            Task(
                f"frames:{index}",
                TaskKind.FRAMES,
                len(made),
                depends_on=generated,
                first_frame=index * chunk_frames,
                frame_count=chunk_frames,
            )
        )
    if audio:
        made.append(Task("audio", TaskKind.AUDIO, len(made), depends_on=analysed))
    made.append(
        Task(
            "assembly",
            TaskKind.ASSEMBLY,
            len(made),
            depends_on=tuple(task.id for task in made if task.kind in (TaskKind.FRAMES, TaskKind.AUDIO)),
        )
    )
    return Job(
        id=job_id,
        tenant=tenant,
        create_user="ada",
        display_name="shot",
        document=types_pb2.Blob(digest="0" * 64),
        output_node="out",
        output_name="out.mp4",
        sources=(work_pb2.Source(node="plate", blob=types_pb2.Blob(digest="1" * 64)),),
        frame_rate=Fraction(24),
        frame_count=chunks * chunk_frames,
        trace_id="a" * 32,
        traceparent="",
        create_time=START,
        priority=priority,
        shape="5" * 32,
        work=2.0,
        tasks={task.id: task for task in made},
    )


def hand_out(job: Job, now: datetime = START, *, cost: float = 1.0) -> Changes:
    """Give every task its turn that waits for nothing else."""
    return transitions.release(job, {task.id: cost for task in job.ordered_tasks() if task.is_due(now)}, now)


def complete(job: Job, task: str, now: datetime = START, *, attempt: int | None = None) -> Changes:
    """An honest worker's report on a task, which gets its turn if it has had none."""
    known = job.tasks[task]
    if known.is_due(now):
        transitions.release(job, {task: 1.0}, now)
    return transitions.task_completed(
        job,
        Signal(job.run, task, known.attempt if attempt is None else attempt),
        work_pb2.Source(blob=types_pb2.Blob(digest=f"{known.position:064x}")),
        now,
        frame_count=known.frame_count,
        output_asset="assets/movie" if task == "assembly" else "",
    )
