"""Prompts that no clip is made of: empty ones, those of refused.json, and what an installation refuses besides."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from importlib import resources

from libs.chassis.errors import InvalidArgument, Violation
from services.generator.domain.prompts.phrases import mentions

REASON = "ERROR_REASON_PROMPT_REFUSED"


@functools.cache
def _together() -> Sequence[Sequence[Sequence[str]]]:
    """Lists of which no prompt may have a word of each."""
    content = json.loads(resources.files(__package__).joinpath("refused.json").read_text(encoding="utf-8"))
    found: Sequence[Sequence[Sequence[str]]] = content["together"]
    return found


def check_prompt(prompt: str, refused: Iterable[str] = ()) -> None:
    """Raises InvalidArgument with ERROR_REASON_PROMPT_REFUSED for an empty prompt, for sexual words together with words
    for children, and for one that asks for any of `refused`, the installation's own."""
    if not prompt.strip():
        raise _refused("is empty: tell what is to be seen")
    for word in refused:
        if mentions(prompt, word):
            raise _refused(f"asks for “{word}”, which this installation refuses")
    for lists in _together():
        if all(any(mentions(prompt, word) for word in words) for words in lists):
            raise _refused("asks for children in a sexual way, which is refused")


def _refused(description: str) -> InvalidArgument:
    violation = Violation("spec.prompt", description, REASON)
    return InvalidArgument(
        f"the prompt {description}", reason=REASON, metadata={"field": violation.field}, violations=[violation]
    )
