"""Media taken otherwise than its tags say."""

from typing import Final, Protocol, runtime_checkable

from artifex.nodes import MediaSource
from libs.frames.interpretation import AS_TAGGED, Interpretation

AUTO: Final = "auto"
PRIMARIES: Final = {AUTO: "", "bt709": "bt709", "p3": "smpte432", "bt2020": "bt2020"}
"""Words of documents, and the tags that they stand for."""
TRANSFERS: Final = {
    AUTO: "",
    "bt709": "bt709",
    "gamma22": "bt470m",
    "srgb": "iec61966-2-1",
    "linear": "linear",
    "pq": "smpte2084",
    "hlg": "arib-std-b67",
}
MATRICES: Final = {
    AUTO: "",
    "bt601": "smpte170m",
    "bt709": "bt709",
    "bt2020": "bt2020nc",
    "smpte240m": "smpte240m",
    "fcc": "fcc",
}
RANGES: Final = {AUTO: "", "limited": "tv", "full": "pc"}


@runtime_checkable
class Interpretable(Protocol):
    """A source whose file can be taken otherwise than it says."""

    def interpreted(self, how: Interpretation) -> MediaSource:
        """The same media, taken so; one way at a time. It is closed with this source."""
        ...


def interpreted(source: MediaSource, how: Interpretation) -> MediaSource:
    """The source itself, or its media taken as `how` says."""
    if how == AS_TAGGED:
        return source
    if not isinstance(source, Interpretable):
        raise TypeError("the engine's media cannot be taken otherwise than they say")
    return source.interpreted(how)
