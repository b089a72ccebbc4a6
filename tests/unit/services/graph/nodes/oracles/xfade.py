"""FFmpeg's xfade, through PyAV."""

from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray


def crossed(a: NDArray[np.uint16], b: NDArray[np.uint16], transition: str, step: int, steps: int) -> NDArray[np.uint16]:
    """Frame `step` of `steps` of xfade's way from a to b, RGB in 16 bits, [height, width, 3]."""
    height, width = a.shape[:2]
    graph = av.filter.Graph()
    sources = [
        graph.add("buffer", f"video_size={width}x{height}:pix_fmt=gbrp16le:time_base=1/25:frame_rate=25")
        for _ in (a, b)
    ]
    cross = graph.add("xfade", f"transition={transition}:duration={steps / 25}:offset=0")
    sink = graph.add("buffersink")
    for index, source in enumerate(sources):
        source.link_to(cross, 0, index)
    cross.link_to(sink, 0, 0)
    graph.configure()
    for number in range(step + 2):
        for source, pixels in zip(sources, (a, b), strict=True):
            frame = av.VideoFrame(width, height, "gbrp16le")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            for plane, channel in zip(frame.planes, (1, 2, 0), strict=True):
                rows = np.zeros((height, plane.line_size // 2), np.uint16)
                rows[:, :width] = pixels[..., channel]
                plane.update(rows.tobytes())
            source.push(frame)
    found = None
    for _ in range(step + 1):
        found = sink.pull()
    assert isinstance(found, av.VideoFrame)
    assert found.pts == step
    planes = [np.frombuffer(memoryview(plane), np.uint16).reshape(height, -1)[:, :width] for plane in found.planes]
    return np.stack([planes[2], planes[0], planes[1]], -1)
