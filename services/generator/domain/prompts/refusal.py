"""Prompts that no clip is made of: empty ones, those of refused.json, and what an installation refuses besides."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

from libs.chassis.errors import InvalidArgument, Violation
from services.generator.domain.prompts.phrases import normal, speaks_of

REASON = "ERROR_REASON_PROMPT_REFUSED"


@dataclass(frozen=True)
class _Refused:
    """What no prompt may speak of together: words for children, or an age below 18, and sexual words."""

    children: Sequence[str]
    ages: re.Pattern[str]
    sexual: Sequence[str]


@functools.cache
def _together() -> _Refused:
    content = json.loads(resources.files(__package__).joinpath("refused.json").read_text(encoding="utf-8"))
    ages = re.compile("|".join(f"(?:{pattern})" for pattern in content["ages"]))
    return _Refused(content["children"], ages, content["sexual"])


def check_prompt(prompt: str, refused: Iterable[str] = ()) -> None:
    """Raises InvalidArgument with ERROR_REASON_PROMPT_REFUSED for a prompt that has nothing in it, for sexual words
    together with words for children or an age below 18, and for one that has any of `refused`, the installation's own.
    Models hear a "no" badly, so it does not help here.
    """
    if not normal(prompt):
        raise _refused("is empty: tell what is to be seen")
    for word in refused:
        if speaks_of(prompt, word):
            raise _refused(f"speaks of “{word}”, which this installation refuses")
    found = _together()
    sexual = any(speaks_of(prompt, word) for word in found.sexual)
    if sexual and (found.ages.search(normal(prompt)) or any(speaks_of(prompt, word) for word in found.children)):
        raise _refused("speaks of children in a sexual way, which is refused")


def _refused(description: str) -> InvalidArgument:
    violation = Violation("spec.prompt", description, REASON)
    return InvalidArgument(
        f"the prompt {description}", reason=REASON, metadata={"field": violation.field}, violations=[violation]
    )
