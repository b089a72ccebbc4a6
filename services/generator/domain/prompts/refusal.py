"""Prompts that no clip is made of: empty ones, those of refused.json, and what an installation refuses besides."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from importlib import resources

from libs.chassis.errors import InvalidArgument, Violation
from services.generator.domain.prompts.phrases import speaks_of

REASON = "ERROR_REASON_PROMPT_REFUSED"


@functools.cache
def _together() -> Sequence[Sequence[Sequence[str]]]:
    """Lists of which no prompt may have a word of each."""
    content = json.loads(resources.files(__package__).joinpath("refused.json").read_text(encoding="utf-8"))
    found: Sequence[Sequence[Sequence[str]]] = content["together"]
    return found


def check_prompt(prompt: str, refused: Iterable[str] = ()) -> None:
    """Raises InvalidArgument with ERROR_REASON_PROMPT_REFUSED for an empty prompt, for sexual words together with words
    for children, and for one that has any of `refused`, the installation's own. Models
    hear a "no" badly, so it does not help here.
    """
    if not prompt.strip():
        raise _refused("is empty: tell what is to be seen")
    for word in refused:
        if speaks_of(prompt, word):
            raise _refused(f"speaks of “{word}”, which this installation refuses")
    for lists in _together():
        if all(any(speaks_of(prompt, word) for word in words) for words in lists):
            raise _refused("speaks of children in a sexual way, which is refused")


def _refused(description: str) -> InvalidArgument:
    violation = Violation("spec.prompt", description, REASON)
    return InvalidArgument(
        f"the prompt {description}", reason=REASON, metadata={"field": violation.field}, violations=[violation]
    )
