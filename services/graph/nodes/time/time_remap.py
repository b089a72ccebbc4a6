"""TimeRemap."""

from fractions import Fraction

from artifex.nodes import Float, Request
from services.graph.nodes.time.retimed import Retimed


class TimeRemap(Retimed):
    """Shows, at every time, the time of a clip that a curve names.

    At time t the clip is seen at source(t) seconds. {"source": {"keys": [[0, 0], [2, 1], [3, 1], [4, 0]]}} plays the
    first second in two, holds it for one, and runs it backwards; {"source": {"expr": "t"}} changes nothing; a number
    holds one picture. Slopes are speeds; for a speed that is itself given as a curve see SpeedRamp.

    What is seen between two pictures of the clip, where these are cut, and what becomes of sound and of the document's
    length, is as SpeedRamp describes it.

    Memory: that of SpeedRamp. Cost: the same.
    """

    category = "Process"

    source = Float(0.0, minimum=-86_400, maximum=86_400, unit="s", doc="The time of the clip that is seen.")

    def source_time(self, request: Request) -> Fraction:
        return Fraction(self.source)
