"""The node-authoring API: write a node type as one class.

    from artifex.nodes import VIDEO, Float, Frame, Input, Node, Output, RenderContext

    class Fade(Node):
        \"\"\"Multiplies a picture by a number.\"\"\"

        category = "Effect"
        video = Input(VIDEO, "The picture.")
        faded = Output(VIDEO, "The picture, faded.", name="video")
        amount = Float(1.0, minimum=0, maximum=1, doc="0 is nothing, 1 all of it.")

        def render(self, context: RenderContext) -> Frame:
            frame = context.take(self.video)
            frame.pixels[:] *= self.amount
            return Frame(frame.pixels, frame.x, frame.y)

Packages offer their node types through the entry-point group `artifex.nodes`; the built-in ones use the same API.
"""

from artifex.nodes.analysis import MAX_ANALYSED_BYTES, Analysis, Clip
from artifex.nodes.audio import Audio
from artifex.nodes.capture import Capture, Role
from artifex.nodes.context import Colour, MediaSource, RenderContext, Request, SoundContext
from artifex.nodes.curves import EASES, Bezier, Curve, Ease, Key
from artifex.nodes.errors import DeclarationError, ParameterError
from artifex.nodes.frame import EMPTY, EVERYWHERE, Frame, Pixels, Window
from artifex.nodes.motion import Filter, Matrix, Motion
from artifex.nodes.node import MAX_MOMENTS, Node, NodeSchema
from artifex.nodes.parameters import (
    REQUIRED,
    Asset,
    Boolean,
    Choice,
    Color,
    Column,
    Float,
    Integer,
    Pair,
    Parameter,
    ParameterType,
    Points,
    Rate,
    Rgba,
    Rows,
    String,
    Time,
    Travelled,
    Triple,
    Vector2,
    Vector3,
)
from artifex.nodes.ports import (
    AUDIO,
    CONTROL,
    CONVERSIONS,
    DATA,
    IMAGE,
    MASK,
    VIDEO,
    Input,
    Output,
    PortType,
    base_name,
    position,
)
from artifex.nodes.registry import Pack, installed_packs, load
from artifex.nodes.times import frame_time, parse_rational, rational_text, round_half_up, sample_at
from artifex.nodes.upgrades import OldNode, Upgrade, parse_version, upgrade, upgrade_path

__all__ = [
    "AUDIO",
    "CONTROL",
    "CONVERSIONS",
    "DATA",
    "EASES",
    "EMPTY",
    "EVERYWHERE",
    "IMAGE",
    "MASK",
    "MAX_ANALYSED_BYTES",
    "MAX_MOMENTS",
    "REQUIRED",
    "VIDEO",
    "Analysis",
    "Asset",
    "Audio",
    "Bezier",
    "Boolean",
    "Capture",
    "Choice",
    "Clip",
    "Color",
    "Colour",
    "Column",
    "Curve",
    "DeclarationError",
    "Ease",
    "Filter",
    "Float",
    "Frame",
    "Input",
    "Integer",
    "Key",
    "Matrix",
    "MediaSource",
    "Motion",
    "Node",
    "NodeSchema",
    "OldNode",
    "Output",
    "Pack",
    "Pair",
    "Parameter",
    "ParameterError",
    "ParameterType",
    "Pixels",
    "Points",
    "PortType",
    "Rate",
    "RenderContext",
    "Request",
    "Rgba",
    "Role",
    "Rows",
    "SoundContext",
    "String",
    "Time",
    "Travelled",
    "Triple",
    "Upgrade",
    "Vector2",
    "Vector3",
    "Window",
    "base_name",
    "frame_time",
    "installed_packs",
    "load",
    "parse_rational",
    "parse_version",
    "position",
    "rational_text",
    "round_half_up",
    "sample_at",
    "upgrade",
    "upgrade_path",
]
