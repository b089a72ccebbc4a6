"""One picture: rendered, shown, encoded and measured, as the messages that bring it to the client."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import preview_pb2
from artifex.nodes import Frame, Pixels, Window, round_half_up
from services.graph.preview.encoding import encode, messages, png
from services.graph.preview.scene import Ready
from services.graph.preview.scope_pictures import draw
from services.graph.preview.scopes import Kind, Scope, measure

Render = Callable[[Window, Fraction], Pixels]
"""Renders a window at a scale, in scaled pixels: [height, width, 4], in the working space, premultiplied."""

_KINDS: dict[int, Kind] = {
    preview_pb2.PREVIEW_SCOPE_KIND_WAVEFORM: "waveform",
    preview_pb2.PREVIEW_SCOPE_KIND_PARADE: "parade",
    preview_pb2.PREVIEW_SCOPE_KIND_VECTORSCOPE: "vectorscope",
    preview_pb2.PREVIEW_SCOPE_KIND_HISTOGRAM: "histogram",
}


@dataclass(frozen=True)
class Wish:
    """What a picture is to be like."""

    look: preview_pb2.PreviewLook
    meters: preview_pb2.PreviewMeters

    @property
    def scale(self) -> Fraction:
        scale = self.look.scale
        return Fraction(scale.numerator, scale.denominator) if self.look.HasField("scale") else Fraction(1)

    def window(self, width: int, height: int) -> Window:
        """The part that is wanted of a document of this size, in its pixels; all of it where nothing else is left."""
        whole = Window(0, 0, width, height)
        region = self.look.region
        if not self.look.HasField("region"):
            return whole
        part = whole.intersect(Window(region.x, region.y, region.width, region.height))
        return whole if part.empty else part


@dataclass(frozen=True)
class Timed:
    """When work on a picture began, by the monotonic clock, and what was done before."""

    waited: float
    compiled: float


def picture(
    ready: Ready, wish: Wish, frame: int, scale: Fraction, timed: Timed, render: Render
) -> list[preview_pb2.PreviewResponse]:
    """The messages of one picture: itself, and unless it is coarser than was asked for what is measured on it."""
    size = ready.compiled.settings
    wanted = wish.window(size.width, size.height)
    window = scaled_window(wanted, scale, size.width, size.height)
    begun = time.perf_counter()
    working = render(window, scale)
    rendered = time.perf_counter()
    display = ready.viewer.show(Frame(working, window.x, window.y), window, ready.colour)
    look = wish.look
    data = encode(working, display, look.format, look.quality)
    encoded = time.perf_counter()
    head = preview_pb2.PreviewPicture(
        revision=ready.revision,
        frame=frame,
        region=preview_pb2.PreviewRegion(x=wanted.x, y=wanted.y, width=wanted.width, height=wanted.height),
        scale=types_pb2.Rational(numerator=scale.numerator, denominator=scale.denominator),
        width=window.width,
        height=window.height,
        format=look.format or preview_pb2.PREVIEW_FORMAT_JPEG,
        draft=scale != wish.scale,
        timing=preview_pb2.PreviewTiming(
            waited_us=microseconds(timed.waited),
            compile_us=microseconds(timed.compiled),
            render_us=microseconds(rendered - begun),
            encode_us=microseconds(encoded - rendered),
        ),
    )
    result = messages(head, data)
    if not head.draft:
        result += _measured(wish.meters, frame, window, scale, working, display)
    result[0].picture.parts = len(result) - 1
    return result


def scaled_window(wanted: Window, scale: Fraction, width: int, height: int) -> Window:
    """The pixels at a scale that cover a part of a document of this size."""
    left, top = math.floor(wanted.x * scale), math.floor(wanted.y * scale)
    right, bottom = math.ceil(wanted.right * scale), math.ceil(wanted.bottom * scale)
    whole = Window(0, 0, scaled_size(width, scale), scaled_size(height, scale))
    part = Window(left, top, right - left, bottom - top).intersect(whole)
    # A sliver at the far edge may round to nothing.
    return part if not part.empty else Window(whole.right - 1, whole.bottom - 1, 1, 1)


def scaled_size(size: int, scale: Fraction) -> int:
    """Pixels of a side of the document at a scale."""
    return max(1, round_half_up(size * scale))


def microseconds(seconds: float) -> int:
    return round(seconds * 1e6)


def _measured(
    meters: preview_pb2.PreviewMeters,
    frame: int,
    window: Window,
    scale: Fraction,
    working: Pixels,
    display: NDArray[np.float32],
) -> list[preview_pb2.PreviewResponse]:
    result: list[preview_pb2.PreviewResponse] = []
    if meters.probes:
        probes = [_probe(point, window, scale, working, display) for point in meters.probes]
        result.append(preview_pb2.PreviewResponse(probes=preview_pb2.PreviewProbes(frame=frame, probes=probes)))
    if meters.scopes:
        scopes = [measure(_KINDS[kind], display) for kind in meters.scopes]
        said = preview_pb2.PreviewScopes(
            frame=frame,
            scopes=[
                _scope(kind, scope, data=meters.scope_data) for kind, scope in zip(meters.scopes, scopes, strict=True)
            ],
            picture=png(draw(scopes)) if meters.scope_picture else b"",
        )
        result.append(preview_pb2.PreviewResponse(scopes=said))
    return result


def _probe(
    point: preview_pb2.PreviewPoint, window: Window, scale: Fraction, working: Pixels, display: NDArray[np.float32]
) -> preview_pb2.PreviewProbe:
    x = math.floor((point.x + Fraction(1, 2)) * scale) - window.x
    y = math.floor((point.y + Fraction(1, 2)) * scale) - window.y
    inside = 0 <= x < window.width and 0 <= y < window.height
    return preview_pb2.PreviewProbe(
        point=point,
        inside=inside,
        working=working[y, x].tolist() if inside else [],
        display=display[y, x].tolist() if inside else [],
    )


def _scope(kind: preview_pb2.PreviewScopeKind.ValueType, scope: Scope, *, data: bool) -> preview_pb2.PreviewScope:
    planes, rows, columns = scope.counts.shape
    # A waveform's counts are bounded by the picture's height; the others' are not.
    narrow = scope.kind in ("waveform", "parade")
    counts = np.minimum(scope.counts, 0xFFFF).astype("<u2") if narrow else scope.counts.astype("<u4")
    return preview_pb2.PreviewScope(
        kind=kind,
        planes=planes,
        rows=rows,
        columns=columns,
        bins=counts.tobytes() if data else b"",
        bytes_per_bin=2 if narrow else 4,
        graticule=[
            preview_pb2.PreviewMark(label=mark.label, column=mark.column, row=mark.row) for mark in scope.graticule
        ],
    )
