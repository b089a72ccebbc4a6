"""What of a still is shown: a layer as a picture, or a channel as a mask; and what stands for a missing one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import EMPTY, Colour, Frame, Pixels, Window
from libs.frames.errors import MediaUnsupported
from libs.frames.sequence_reader import SequenceReader
from libs.frames.still_channels import alpha_channel, layer_of, layers_of, picture_channels
from libs.kernels.room import ROOMS
from services.graph.nodes.input.still_light import IGNORED, light_of

_SQUARES: Final = 16
"""Of a checkerboard, across a picture."""
_WIDEST: Final = 1e30
"""Bounds of a mask's range, and of one over its width: so that float32 has every number on the way."""
_DARK: Final = 0.18
_BRIGHT: Final = 0.36


@dataclass(frozen=True, slots=True, eq=False)
class StillPicture:
    """A picture whose parts are converted when they are asked for."""

    window: Window
    """Where its pixels lie, from the display window's top left."""
    convert: Callable[[tuple[slice, slice]], Pixels]
    """New pixels, of a part of the window."""
    channels: int
    opaque: bool

    def picture(self, region: Window) -> Frame:
        """The part that lies in `region`."""
        part = self.window.intersect(region)
        if part.empty:
            return Frame.empty(self.channels)
        return Frame(self.convert(part.inside(self.window)), part.x, part.y, self.opaque)


def layer_picture(
    reader: SequenceReader,
    number: int,
    sequence: media.StillSequence,
    layer: str,
    *,
    space: str,
    alpha: str,
    colour: Colour,
) -> StillPicture:
    """A layer in the working space, premultiplied. Raises MediaUnsupported where there is none of that name."""
    names = picture_channels(sequence.channels, layer)
    if names is None:
        known = ", ".join(f'"{each}"' for each in layers_of(sequence.channels)) or "none"
        told = f'layer "{layer}"' if layer else "main layer"
        raise MediaUnsupported(sequence.pattern, f"it has no {told} that is a picture; its layers: {known}")
    has_alpha = alpha_channel(sequence.channels, layer) is not None
    pixels = reader.read(number, names)
    samples = pixels.samples
    if has_alpha and alpha == IGNORED:
        samples, has_alpha = samples[..., :-1], False
    light = light_of(sequence, space, alpha, has_alpha=has_alpha)
    return StillPicture(pixels.window, lambda part: light.picture(samples[part], colour), 4, opaque=not has_alpha)


def channel_mask(
    reader: SequenceReader,
    number: int,
    sequence: media.StillSequence,
    layer: str,
    channel: str,
    between: tuple[float, float],
) -> StillPicture:
    """A channel as coverage: the first value of `between` becomes 0, the second 1, and what is beyond ends there.

    Without a name the layer's alpha; where it has none, the picture covers its window. Raises MediaUnsupported where
    there is no channel of that name.
    """
    channels = tuple(sequence.channels)
    name = channel or alpha_channel(channels, layer)
    if name is None:
        window = reader.read(number, picture_channels(channels, layer) or channels[:1]).window
        return StillPicture(window, lambda part: _filled(part, 1.0, 1), 1, opaque=True)
    if name not in channels and f"{layer}.{name}" in channels:
        name = f"{layer}.{name}"
    if name not in channels:
        raise MediaUnsupported(sequence.pattern, f'it has no channel "{name}"; it has {", ".join(channels)}')
    # With the picture that it belongs to: the still is then decoded once for both outputs.
    names = picture_channels(channels, layer_of(name)) or (name,)
    names = names if name in names else (name,)
    pixels = reader.read(number, names)
    samples = pixels.samples[..., names.index(name), None]
    low, high = (min(max(bound, -_WIDEST), _WIDEST) for bound in between)

    def convert(part: tuple[slice, slice]) -> Pixels:
        if abs(high - low) < 1.0 / _WIDEST:
            return np.asarray(samples[part] >= low, np.float32)
        scaled = (samples[part] - np.float32(low)) * np.float32(1.0 / (high - low))
        return np.clip(scaled, 0.0, 1.0, out=scaled)

    return StillPicture(pixels.window, convert, 1, opaque=False)


def checkerboard(width: int, height: int, channels: int) -> StillPicture:
    """Grey squares of a sixteenth of the width: a picture that nobody takes for one. As a mask it covers all."""
    side = max(1, width // _SQUARES)

    def convert(part: tuple[slice, slice]) -> Pixels:
        pixels = _filled(part, 1.0, channels)
        if channels == 4:
            rows, columns = (np.arange(each.start, each.stop) // side for each in part)
            odd = (rows[:, None] + columns[None, :]) % 2
            pixels[..., :3] = np.where(odd, np.float32(_BRIGHT), np.float32(_DARK))[..., None]
        return pixels

    return StillPicture(Window(0, 0, width, height), convert, channels, opaque=True)


def nothing(channels: int) -> StillPicture:
    """Transparent black."""
    return StillPicture(EMPTY, lambda part: _filled(part, 0.0, channels), channels, opaque=False)


def _filled(part: tuple[slice, slice], value: float, channels: int) -> Pixels:
    rows, columns = part
    pixels = ROOMS.take((rows.stop - rows.start, columns.stop - columns.start, channels))
    pixels[...] = value
    return pixels
