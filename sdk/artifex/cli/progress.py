"""Progress bars on a terminal, and nothing where nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from artifex.cli.output import Output, plain_dict
from artifex.graph.v1 import messages_pb2 as graph

_KINDS = {
    graph.RenderTask.KIND_GENERATION: "generate",
    graph.RenderTask.KIND_ANALYSIS: "analyse",
    graph.RenderTask.KIND_CAPTURE: "capture",
    graph.RenderTask.KIND_FRAMES: "frames",
    graph.RenderTask.KIND_AUDIO: "sound",
    graph.RenderTask.KIND_ASSEMBLY: "assemble",
}


@contextmanager
def transfer(output: Output, label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar of bytes; gives the callback that moves it."""
    if not output.live:
        yield lambda done, total: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=output.errors, transient=True) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


class StepBars:
    """Bars of steps on a terminal, shown as long as it is entered; `_bars` is None where nobody watches."""

    def __init__(self, output: Output, *more: ProgressColumn) -> None:
        """`more` stands behind each bar."""
        self._output = output
        self._bars: Progress | None = None
        if output.live:
            columns = (TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bars = Progress(*columns, *more, console=output.errors)

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()


class RenderProgress(StepBars):
    """Shows a render job's events: bars on a terminal, one line per task where `verbose`, JSON lines for machines."""

    def __init__(self, output: Output, job: graph.RenderJob, *, verbose: bool) -> None:
        super().__init__(output)
        self._verbose = verbose
        self._rows: dict[str, TaskID] = {}
        self._told: dict[str, tuple[int, int]] = {}
        self._show(job.progress)

    def event(self, event: graph.RenderEvent) -> None:
        if self._output.as_json:
            self._output.line({"event": "progress", **plain_dict(event)})
        if event.HasField("progress"):
            self._show(event.progress)
        if self._verbose and event.HasField("task"):
            self._tell(event.task)

    def _show(self, progress: graph.Progress) -> None:
        if self._bars is None:
            return
        rows = (
            ("steps", progress.steps_done, progress.steps_total),
            ("frames", progress.frames_done, progress.frames_total),
            ("tasks", progress.tasks_done, progress.tasks_total),
        )
        for name, done, total in rows:
            if not total:
                continue
            if name not in self._rows:
                self._rows[name] = self._bars.add_task(name, total=total)
            self._bars.update(self._rows[name], completed=done, total=total)

    def _tell(self, task: graph.RenderTask) -> None:
        """A line when a task changes its state; its progress is the bars' to show."""
        if self._told.get(task.id) == (task.attempt, task.state):
            return
        self._told[task.id] = (task.attempt, task.state)
        state = graph.RenderTask.State.Name(task.state).removeprefix("STATE_").lower()
        words = [f"{_KINDS.get(task.kind, 'task'):>9}  {task.id:<16} {state}"]
        if task.frame_count:
            words.append(f"frames {task.first_frame}..{task.first_frame + task.frame_count - 1}")
        if task.attempt > 1:
            words.append(f"attempt {task.attempt}")
        if task.worker:
            words.append(f"on {task.worker}")
        if task.failure.message:
            words.append(task.failure.message)
        self._output.note("  ".join(words))
