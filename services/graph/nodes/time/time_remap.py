"""TimeRemap."""

from fractions import Fraction

from artifex.nodes import Float, Request
from services.graph.nodes.time.retimed import Retimed


class TimeRemap(Retimed):
    """Shows, at every time, the time of a clip that a curve names.

    At time t the clip is seen at source(t) seconds. {"source": {"keys": [[0, 0], [2, 1], [3, 1], [4, 0]]}} plays the
    first second in two, holds it for one, and runs it backwards; {"source": {"expr": "t"}} changes nothing; a number
    holds one picture. Slopes are speeds; for a speed that is itself given as a curve see SpeedRamp.

    Between two pictures of the clip, `method` shows the one that the clip shows there, the two blended by their
    distance in time, or both moved along the optical flow, as SpeedRamp describes it. Across a cut the nearer picture
    is shown. Pictures between two are cut at the document's edge when they are moved.

    Only pictures are retimed; sound goes its own way from its source to the output, unchanged. The document's length
    stays as it is: give it a `duration`.

    Memory: two frames, and for the flow three times these and 160 MiB of flows that are kept. Cost: nothing for
    "nearest"; one pass for "blend"; for "flow" at 1920x1080 some 650 ms of a core for the first picture between two
    (300 if "fast", 2 s if "fine"), and 250 ms for each other.
    """

    category = "Process"

    source = Float(0.0, minimum=-86_400, maximum=86_400, unit="s", doc="The time of the clip that is seen.")

    def source_time(self, request: Request) -> Fraction:
        return Fraction(self.source)
