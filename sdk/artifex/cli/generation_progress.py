"""How far a generation has come, for people and for machines."""

from __future__ import annotations

from rich.progress import TaskID, TextColumn

from artifex.cli.output import Output, plain_dict
from artifex.cli.progress import StepBars
from artifex.cli.words import seconds_text
from artifex.generator.v1 import messages_pb2 as generator


class GenerationProgress(StepBars):
    """A bar of denoising steps on a terminal, a line when the state changes elsewhere, JSON lines for machines."""

    def __init__(self, output: Output) -> None:
        super().__init__(output, TextColumn("{task.fields[rest]}"))
        self._row: TaskID | None = None
        self._told = ""

    def show(self, generation: generator.Generation) -> None:
        if self._output.as_json:
            self._output.line({"event": "progress", **plain_dict(generation)})
            return
        if self._bars is None:
            state = _state(generation)
            if state != self._told:
                self._told = state
                self._output.note(f"{generation.name} {state}")
            return
        if self._row is None:
            self._row = self._bars.add_task("generate", total=None, rest="")
        self._bars.update(
            self._row,
            completed=generation.steps_done,
            total=generation.steps_total or None,
            rest=_rest(generation),
        )


def _state(generation: generator.Generation) -> str:
    word = generator.Generation.State.Name(generation.state).removeprefix("STATE_").lower()
    if generation.state == generator.Generation.STATE_QUEUED and generation.queue_position:
        return f"{word}, {generation.queue_position} before it"
    return word


def _rest(generation: generator.Generation) -> str:
    """What stands behind the bar."""
    left = f"{seconds_text(generation.seconds_left)} left" if generation.seconds_left else ""
    if generation.state == generator.Generation.STATE_RUNNING:
        return left
    return ", ".join(filter(None, (_state(generation), left)))
