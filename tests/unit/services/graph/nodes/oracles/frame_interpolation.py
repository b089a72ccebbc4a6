"""FrameInterpolation beside the true picture between two, and OpenCV's own flow and warp of a pan."""

from fractions import Fraction

import av
import cv2
import numpy as np

from artifex.nodes import Frame, Pixels, Window
from services.graph.nodes.time.between import moved_between
from services.graph.nodes.time.frame_interpolation import FrameInterpolation
from services.graph.nodes.time.optical_flow import grey
from tests.unit.services.graph.nodes.moving import COLOUR, scene, shown
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest

SIZE = (320, 180)
WHOLE = Window(0, 0, *SIZE)


def between(share: float, quality: str = "medium") -> Frame:
    """Ours, of two pictures in which everything moves by 6 to 13 pixels."""
    first, second = (Frame(scene(n / 25, *SIZE), opaque=True) for n in (0, 1))
    return moved_between(first, second, share, WHOLE, COLOUR, quality, 1)


def _true_picture() -> float:
    """The root of the mean squared error, where black to white is 1: 0.006 is 44.4 dB."""
    errors = []
    for share in (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)):
        error = between(float(share)).pixels[..., :3] - scene(float(share) / 25, *SIZE)[..., :3]
        errors.append(float(np.sqrt((error.astype(np.float64) ** 2).mean())))
    return max(errors)


def _opencv() -> float:
    """Far from the disc and the edge, where nothing is hidden: OpenCV's warps by its own DIS flow, mixed."""
    a, b = scene(0.0, *SIZE), scene(1 / 25, *SIZE)
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    first, second = grey(a, COLOUR.luma), grey(b, COLOUR.luma)
    flow = np.asarray(dis.calc(first, second, None))  # type: ignore[call-overload]
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)

    def warped(picture: Pixels, share: float) -> Pixels:
        across, down = x + np.float32(share) * flow[..., 0], y + np.float32(share) * flow[..., 1]
        return np.asarray(
            cv2.remap(picture, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32
        )

    theirs = 0.5 * warped(a, -0.5) + 0.5 * warped(b, 0.5)
    ours = between(0.5).pixels
    return largest(ours[20:-20, 220:-20], theirs[20:-20, 220:-20])


def by_ffmpeg(frames: int) -> list[float]:
    """Grey frames of 25 a second brought to 60 by FFmpeg's framerate filter, which blends neighbours in 8 bits."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=16, height=16, format="yuv420p", time_base=Fraction(1, 25))  # type: ignore[arg-type]
    by = graph.add("framerate", "fps=60:interp_start=0:interp_end=255:scene=100")
    graph.link_nodes(source, by, graph.add("buffersink")).configure()
    seen: list[float] = []
    for number in range(100):
        codes = np.full((24, 16), 2 * number, np.uint8)
        frame = av.VideoFrame.from_ndarray(codes, format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, 25)
        graph.push(frame)
        while len(seen) < frames:
            try:
                made = graph.pull()
            except (av.BlockingIOError, av.EOFError):
                break
            assert isinstance(made, av.VideoFrame)
            seen.append(float(made.to_ndarray()[0, 0]) / 2)
    return seen


def _ffmpeg() -> float:
    """In frames: which place between the clip's pictures is seen."""
    ours = np.array(shown(FrameInterpolation, {"rate": 25, "method": "blend"}, 60, clock=25, fps="60", duration=2)) * 25
    return largest(ours, by_ffmpeg(60))


COMPARISONS = [
    Comparison("FrameInterpolation", "FFmpeg framerate, 8 bit", "25 pictures a second blended to 60", 0.26, _ffmpeg),
    Comparison("FrameInterpolation", "the true picture", "root mean square error, disc over a pan", 0.006,
               _true_picture),
    Comparison("FrameInterpolation", "OpenCV DIS and remap", "a pan, where nothing is hidden", 1e-5, _opencv),
]  # fmt: skip
