"""A node alone, asked as the engine asks it: through the hooks that it has."""

from collections.abc import Mapping
from fractions import Fraction

import PyOpenColorIO as ocio

from artifex.nodes import Frame, MediaSource, Node, Output, Window
from services.graph.domain.evaluate.moving import moved
from services.graph.nodes.alpha import straight
from tests.unit.services.graph.support import Context


def applied(
    node: Node,
    frames: Mapping[str, Frame],
    size: tuple[int, int] = (64, 36),
    *,
    region: Window | None = None,
    output: Output | None = None,
    scale: Fraction = Fraction(1),
    source: MediaSource | None = None,
    time: Fraction = Fraction(0),
) -> Frame:
    """What `node` makes of `frames`, which stay as they are. `size` and `region` are those at `scale`."""
    asked = output or next(iter(node.schema.outputs.values()))
    context = Context(frames, asked, size, region, time, source)
    request = context.request = context.request._replace(scale=scale)
    passed = node.identity(request)
    if passed is not None:
        return frames[passed]
    port = next(iter(node.schema.inputs.values()), None)
    if port is None or port.name not in frames:
        return node.render(context)
    transforms = node.grade(context.colour, source)
    if transforms is not None:
        frame = context.take(port)
        if transforms and not frame.window.empty:
            with straight(frame) as pixels:
                context.colour.apply("applied", lambda: ocio.GroupTransform(list(transforms)), pixels)
        return frame
    frame = context.read(port)
    motion = node.motion(frame.window, request)
    return node.render(context) if motion is None else moved(frame, motion, request.region)
