"""FFmpeg's filters, through PyAV."""

import av
import numpy as np
from numpy.typing import NDArray


def filtered(pixels: NDArray[np.float32], name: str, arguments: str) -> NDArray[np.float32]:
    """Straight RGB [height, width, 3] through one filter, in planar float32."""
    height, width = pixels.shape[:2]
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format="gbrpf32le", time_base=1)  # type: ignore[arg-type]
    chain = [source, graph.add(name, arguments), graph.add("format", "gbrpf32le"), graph.add("buffersink")]
    graph.link_nodes(*chain).configure()
    graph.push(_planar(pixels))
    result = graph.pull()
    assert isinstance(result, av.VideoFrame)
    return _packed(result)


def _planar(pixels: NDArray[np.float32]) -> av.VideoFrame:
    height, width = pixels.shape[:2]
    frame = av.VideoFrame(width, height, "gbrpf32le")
    frame.pts = 0
    for plane, channel in zip(frame.planes, (1, 2, 0), strict=True):
        rows = np.zeros((height, plane.line_size // 4), np.float32)
        rows[:, :width] = pixels[..., channel]
        plane.update(rows.tobytes())
    return frame


def _packed(frame: av.VideoFrame) -> NDArray[np.float32]:
    planes = [
        np.frombuffer(memoryview(plane), np.float32).reshape(frame.height, -1)[:, : frame.width]
        for plane in frame.planes
    ]
    return np.stack([planes[2], planes[0], planes[1]], -1)


def blended(top: NDArray[np.float32], bottom: NDArray[np.float32], mode: str) -> NDArray[np.float32]:
    """Two pictures of straight RGB [height, width, 3] through the blend filter, in planar float32."""
    height, width = top.shape[:2]
    graph = av.filter.Graph()
    sources = [
        graph.add_buffer(width=width, height=height, format="gbrpf32le", time_base=1)  # type: ignore[arg-type]
        for _ in range(2)
    ]
    blend = graph.add("blend", f"all_mode={mode}")
    sink = graph.add("buffersink")
    sources[0].link_to(blend, 0, 0)
    sources[1].link_to(blend, 0, 1)
    blend.link_to(sink)
    graph.configure()
    for source, pixels in zip(sources, (top, bottom), strict=True):
        source.push(_planar(pixels))
        source.push(None)
    result = graph.pull()
    assert isinstance(result, av.VideoFrame)
    return _packed(result)


def coverage(pixels: NDArray[np.uint8], name: str, arguments: str) -> NDArray[np.float64]:
    """The alpha, 0 to 1, that a keyer gives 8-bit RGB [height, width, 3]."""
    height, width = pixels.shape[:2]
    opaque = np.concatenate([pixels, np.full((height, width, 1), 255, np.uint8)], -1)
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format="rgba", time_base=1)  # type: ignore[arg-type]
    chain = [source, graph.add(name, arguments), graph.add("format", "rgba"), graph.add("buffersink")]
    graph.link_nodes(*chain).configure()
    frame = av.VideoFrame.from_ndarray(opaque, format="rgba")
    frame.pts = 0
    graph.push(frame)
    result = graph.pull()
    assert isinstance(result, av.VideoFrame)
    return result.to_ndarray()[..., 3].astype(np.float64) / 255.0
