"""SpeedRamp beside SciPy's integral of the speed, and beside FFmpeg's fps filter."""

from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from scipy import integrate

from services.graph.nodes.time.speed_ramp import SpeedRamp
from tests.unit.services.graph.nodes.moving import shown
from tests.unit.services.graph.nodes.oracles.comparison import Comparison

KEYS: list[Any] = [[0.2, 1.0], [0.8, 0.25, "ease_in_out"], [1.2, 0.25], [2.0, -2.0, {"bezier": [0.4, 0.0, 0.2, 1.0]}]]


def speed(time: float) -> float:
    """The keys' curve, by the formulas of the document format."""
    if time <= 0.2:
        return 1.0
    if time <= 0.8:
        u = (time - 0.2) / 0.6
        return 1.0 - 0.75 * (3 * u**2 - 2 * u**3)
    if time <= 1.2:
        return 0.25
    if time >= 2.0:
        return -2.0
    u = (time - 1.2) / 0.8
    s = np.roots([1 + 3 * (0.4 - 0.2), 3 * (0.2 - 2 * 0.4), 3 * 0.4, -u])
    (real,) = [root.real for root in s if abs(root.imag) < 1e-9 and -1e-9 <= root.real <= 1 + 1e-9]
    return 0.25 - 2.25 * float((1 + 3 * (0.0 - 1.0)) * real**3 + 3 * 1.0 * real**2)


def _integral() -> float:
    """Largest difference of a source time, in seconds, over 60 frames."""
    ours = shown(SpeedRamp, {"speed": {"keys": KEYS}, "offset": "1/2"}, 60, duration=3)
    corners = [0.2, 0.8, 1.2, 2.0]
    theirs = [
        0.5 + integrate.quad(speed, 0, n / 25, points=[c for c in corners if c < n / 25] or None, epsabs=1e-10)[0]
        for n in range(60)
    ]
    return float(np.abs(np.array(ours) - np.array(theirs)).max())


def by_ffmpeg(speed_up: str, rate: int, frames: int) -> list[int]:
    """Which frames of 25 a second FFmpeg shows when their times are divided by a speed."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=16, height=16, format="gray", time_base=Fraction(1, 25))  # type: ignore[arg-type]
    chain = [
        source, graph.add("settb", "1/50000"), graph.add("setpts", f"PTS/({speed_up})"),
        graph.add("fps", f"fps={rate}:round=up:start_time=0"), graph.add("buffersink"),
    ]  # fmt: skip
    graph.link_nodes(*chain).configure()
    seen: list[int] = []
    for number in range(200):
        frame = VideoFrame.from_ndarray(np.full((16, 16), number, np.uint8), format="gray")
        frame.pts, frame.time_base = number, Fraction(1, 25)
        graph.push(frame)
        while len(seen) < frames:
            try:
                made = graph.pull()
            except (av.BlockingIOError, av.EOFError):
                break
            assert isinstance(made, VideoFrame)
            seen.append(int(made.to_ndarray()[0, 0]))
    return seen


def _nearest() -> float:
    """Largest difference of a frame's number over 40 frames, at speeds that are no float64."""
    worst = 0.0
    for value, text in ((0.7, "7/10"), (1.3, "13/10"), (0.3, "3/10")):
        ours = np.array(shown(SpeedRamp, {"speed": value}, 40, clock=25, duration=2)) * 25
        worst = max(worst, float(np.abs(np.round(ours) - by_ffmpeg(text, 25, 40)).max()))
    return worst


COMPARISONS = [
    Comparison("SpeedRamp", "SciPy quad", "seconds of the clip along an eased ramp into reverse", 2e-6, _integral),
    Comparison("SpeedRamp", "FFmpeg setpts and fps", "frames shown at 0.3, 0.7 and 1.3 of the speed", 0.0, _nearest),
]
