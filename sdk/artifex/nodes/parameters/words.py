"""Parameters that are words, text or truth."""

import re
from collections.abc import Sequence
from typing import Literal

from artifex.nodes.errors import ParameterError
from artifex.nodes.parameters.base import Parameter, ParameterType, Required, json_type


class Boolean(Parameter[bool]):
    """true or false."""

    kind = ParameterType.BOOLEAN

    def parse(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise ParameterError("parameter_type", f"{json_type(value)} given where true or false is expected")
        return value


class String(Parameter[str]):
    """Text of up to `max_length` characters."""

    kind = ParameterType.STRING

    def __init__(
        self,
        default: str | Literal[Required.REQUIRED],
        *,
        doc: str,
        max_length: int = 4000,
        min_length: int = 0,
        pattern: str | None = None,
        pattern_hint: str = "",
        animatable: bool = True,
    ) -> None:
        """`pattern` must match the whole text; `pattern_hint` tells people what it asks for."""
        self.max_length = max_length
        self.min_length = min_length
        self.pattern = pattern
        self.pattern_hint = pattern_hint
        self._pattern = re.compile(pattern, re.DOTALL) if pattern is not None else None
        super().__init__(default, doc=doc, animatable=animatable)

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise ParameterError("parameter_type", f"{json_type(value)} given where text is expected")
        if len(value) > self.max_length:
            raise ParameterError("parameter_range", f"{len(value)} characters; the most is {self.max_length}")
        if len(value) < self.min_length:
            raise ParameterError("parameter_range", "the text is empty")
        if self._pattern is not None and not self._pattern.fullmatch(value):
            raise ParameterError("parameter_range", f'"{value[:80]}" is not {self.pattern_hint}')
        return value


class Choice(Parameter[str]):
    """One of a few words."""

    kind = ParameterType.CHOICE

    def __init__(self, default: str, *, choices: Sequence[str], doc: str, animatable: bool = False) -> None:
        super().__init__(default, doc=doc, choices=choices, animatable=animatable)

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise ParameterError("parameter_type", f"{json_type(value)} given where a word is expected")
        if value not in self.choices:
            raise ParameterError("parameter_range", f'"{value[:80]}" is not one of {", ".join(self.choices)}')
        return value
