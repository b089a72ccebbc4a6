"""Parameters that name a file in the store."""

import re
from typing import Final, Literal

from artifex.nodes.errors import ParameterError
from artifex.nodes.parameters.base import REQUIRED, Parameter, ParameterType, Required, json_type

Holds = Literal["media", "look", "sequence", "subtitles"]
"""Pictures or sound, a colour look, an image sequence, or subtitles."""
_ASSET: Final = re.compile(r"assets/[a-z0-9-]{1,64}")


class Asset(Parameter[str]):
    """A file in the store: `assets/{asset}`. The engine opens it for the node as `request.source`."""

    kind = ParameterType.ASSET

    def __init__(
        self,
        default: Literal[Required.REQUIRED] = REQUIRED,
        *,
        doc: str,
        holds: Holds = "media",
    ) -> None:
        """`holds`: what the file must be."""
        self.holds = holds
        super().__init__(default, doc=doc, animatable=False)

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise ParameterError("parameter_type", f"{json_type(value)} given where an asset is expected")
        if not _ASSET.fullmatch(value):
            raise ParameterError(
                "parameter_range", f'"{value[:80]}" names no asset; upload the file and give its name, "assets/…"'
            )
        return value
