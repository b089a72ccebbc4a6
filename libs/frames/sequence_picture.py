"""A still of a sequence as it can be looked at, where films are not made: for thumbnails."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from artifex.nodes import Window
from libs.frames.pixels import Picture
from libs.frames.sequence_index import index_sequence
from libs.frames.still_channels import alpha_channel, layers_of, picture_channels
from libs.frames.still_colour import REC709, chromaticities_of, convert, to_light
from libs.frames.still_file import Still, StillHeader, open_still, use_threads
from libs.frames.still_tags import aspect_of, rate_of

_RATE = 24


def sequence_picture(path: Path | str, time: Fraction) -> tuple[Picture, Fraction]:
    """The still shown at `time`, as float32 [height, width, 4], display-encoded Rec.709 with straight alpha; and the
    width of its pixels for a height of 1.

    Of several layers the first. Stills that tell no rate go by 24 a second; a missing one is the one before it. Raises
    the errors of `open_still`.
    """
    path = Path(path)
    index = index_sequence(path)
    use_threads(1)
    numbers = sorted(index.members)
    with path.open("rb") as file:
        with open_still(file, index.members[numbers[0]], path, header_only=True) as still:
            header = still.header
        wanted = index.first + int(time * (rate_of(header.tags) or _RATE))
        shown = max((number for number in numbers if number <= wanted), default=numbers[0])
        with open_still(file, index.members[shown], path) as still:
            return _picture(still), aspect_of(header.tags)


def _picture(still: Still) -> Picture:
    header = still.header
    layer = next(iter(layers_of(header.channels)), "")
    channels = picture_channels(header.channels, layer) or header.channels[:1]
    pixels = still.read(channels)
    picture = np.zeros((header.height, header.width, 4), np.float32)
    display = Window(0, 0, header.width, header.height)
    seen = pixels.window.intersect(display)
    if seen.empty:
        return picture
    part, block = pixels.samples[seen.inside(pixels.window)], picture[seen.inside(display)]
    has_alpha = alpha_channel(header.channels, layer) is not None
    block[..., 3] = np.clip(np.nan_to_num(part[..., -1]), 0.0, 1.0) if has_alpha else 1.0
    block[..., :3] = part[..., :3] if len(channels) > 2 else part[..., :1]
    if has_alpha and header.premultiplied:
        np.divide(block[..., :3], block[..., 3:], out=block[..., :3], where=block[..., 3:] > 0)
    block[..., :3] = _shown(np.nan_to_num(block[..., :3]), header)
    return picture


def _shown(colour: Picture, header: StillHeader) -> Picture:
    if header.encoding == "display":
        return np.clip(colour, 0.0, 1.0)
    light = to_light(colour, header.encoding)
    told = chromaticities_of(header.tags)
    if told:
        light = light @ convert(told, REC709).T.astype(np.float32)
    return np.asarray(np.clip(light, 0.0, 1.0) ** np.float32(1 / 2.4), np.float32)
