"""Errors of nodes, with the place where they happened."""

from collections.abc import Iterable
from fractions import Fraction

from artifex.nodes import Frame
from libs.chassis.errors import ArtifexError, Cancelled, Internal
from services.graph.domain.compile.plan import Step
from services.graph.domain.evaluate.context import Held

Needs = Iterable[tuple[str, Fraction, Held]]


def failure(error: Exception, step: Step, index: int, needs: Needs = ()) -> Exception:
    """What to raise in the place of `error`, which `step` ran into at frame `index` with these inputs.

    Typed errors stay what they are; all others become Internal, whose message holds nothing of theirs. Both are told
    `node`, `frame` and `inputs` as metadata, unless somebody nearer to the fault did. Being cancelled is nobody's
    fault, and of memory that ran out the sandbox tells: its limit is at fault, not the node.
    """
    if isinstance(error, Cancelled | MemoryError):
        return error
    inputs = described(needs)
    if not isinstance(error, ArtifexError):
        told = f"; its inputs: {inputs}" if inputs else ""
        names = '", "'.join(step.nodes)
        several = len(step.nodes) > 1
        message = f'node{"s" if several else ""} "{names}" ({step.type.schema.type}) failed at frame {index}{told}'
        error = Internal(message)
    error.metadata.setdefault("node", step.node)
    error.metadata.setdefault("frame", str(index))
    if inputs:
        error.metadata.setdefault("inputs", inputs)
    return error


def described(needs: Needs) -> str:
    """Names, shapes and windows: "a 1920x1080x4 at 0,0, mask empty"."""
    return ", ".join(f"{name} {_shape(held.frame)}" for name, _, held in needs)


def _shape(frame: Frame | None) -> str:
    if frame is None:
        return "let go"
    if frame.window.empty:
        return f"empty of {frame.channels} channels"
    return f"{frame.window.width}x{frame.window.height}x{frame.channels} at {frame.x},{frame.y}"
