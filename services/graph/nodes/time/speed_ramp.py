"""SpeedRamp."""

from fractions import Fraction

from artifex.nodes import Rate, Request, Time
from services.graph.nodes.time.retimed import Retimed


class SpeedRamp(Retimed):
    """Plays a clip at another speed, which may change on the way, stop or run backwards.

    At time t the clip is seen at offset + ∫ speed dt, from second 0 to t. The integral is that of the keyframes' own
    curves, in closed form, so ramps are exact however long they are; 1 is the clip's speed, 0 holds a picture, −1 runs
    backwards. To slow down a clip from its second 3 on: {"speed": {"keys": [[3, 1], [4, 0.25]]}}. To reverse one of 5
    seconds: speed −1 and offset 5.

    Between two pictures of the clip, `method` shows the one that the clip shows there, the two blended by their
    distance in time, or both moved along the optical flow: DIS (T. Kroeger et al., Fast Optical Flow using Dense
    Inverse Search, 2016) forwards and backwards on display-like grey; where the two disagree, what is seen in only one
    of the pictures is taken from that one (S. Baker et al., A Database and Evaluation Methodology for Optical Flow,
    2011, section 3.3); light is mixed premultiplied and scene-linear. Across a cut the nearer picture is shown.
    Pictures between two are cut at the document's edge when they are moved.

    Only pictures are retimed; sound goes its own way from its source to the output, unchanged. The document's length
    stays as it is: give it a `duration`.

    Memory: two frames, and for the flow three times these and 160 MiB of flows that are kept. Cost: nothing for
    "nearest"; one pass for "blend"; for "flow" at 1920x1080 some 650 ms of a core for the first picture between two
    (300 if "fast", 2 s if "fine"), and 250 ms for each other.
    """

    category = "Process"

    speed = Rate(1.0, minimum=-100, maximum=100, doc="How fast the clip plays; 1 is its own speed, below 0 backwards.")
    offset = Time(Fraction(0), doc="The time of the clip that is seen at second 0.")

    def source_time(self, request: Request) -> Fraction:
        return self.offset + self.speed.distance
