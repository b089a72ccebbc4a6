"""A file's decoded frames to pictures in the working space."""

import threading
from collections.abc import Callable

import cv2
import numpy as np

from artifex.nodes import Frame, Pixels, Window
from libs.frames.pixels import PixelConverter
from libs.frames.planes import Planes
from libs.frames.read_ahead import Decoded
from libs.frames.video_decoder import VideoInfo
from libs.kernels import yuv_to_linear
from services.graph.domain.evaluate.colour import WorkingColour


class FrameConverter:
    """Converts the frames of one stream. Safe to share between threads."""

    def __init__(self, info: VideoInfo, colour: WorkingColour) -> None:
        self._info = info
        self._colour = colour
        self._light = colour.video_light(info.tags.transfer, info.tags.primaries)
        turned = info.orientation.swaps_sides
        self._stored = (info.height, info.width) if turned else (info.width, info.height)
        self._whole: tuple[Decoded, Pixels] | None = None
        self._converter = PixelConverter()
        self._converting = threading.Lock()

    def convert(self, decoded: Decoded, region: Window | None = None) -> Frame:
        """The part of the upright picture in `region`, all of it by default, premultiplied. Its pixels are new.

        Planar video goes from codes to light in one pass over the region alone. What the kernels do not read (palettes,
        grey, floats, rare subsamplings), and frames of another size than the stream's first, are converted whole, by
        libswscale and OCIO, and kept while they are shown.
        """
        whole = Window(0, 0, self._info.width, self._info.height)
        part = whole if region is None else whole.intersect(region)
        if part.empty:
            return Frame.empty()
        planes = decoded.planes
        if planes is None or (planes.width, planes.height) != self._stored:
            pixels = self._slowly(decoded)[part.inside(whole)].copy()
            return Frame(pixels, part.x, part.y, opaque=not self._info.has_alpha)
        return Frame(self._pixels(planes, part), part.x, part.y, opaque=not planes.alpha)

    def halved(self, decoded: Decoded) -> Callable[[Window], Frame] | None:
        """The upright picture in half its size, averaged before it becomes light: what gives its part in a region.

        None where it cannot be made so (see `Planes.halved`).
        """
        planes = decoded.planes
        if planes is None or (planes.width, planes.height) != self._stored or (small := planes.halved()) is None:
            return None
        whole = Window(0, 0, self._info.width // 2, self._info.height // 2)

        def convert(region: Window) -> Frame:
            part = whole.intersect(region)
            return Frame.empty() if part.empty else Frame(self._pixels(small, part), part.x, part.y, opaque=True)

        return convert

    def _pixels(self, planes: Planes, part: Window) -> Pixels:
        orientation = self._info.orientation
        stored = (planes.width, planes.height)
        cut = planes.cut(*orientation.stored(part.x, part.y, part.width, part.height, stored))
        pixels = yuv_to_linear(
            cut.planes,
            format=cut.format,
            matrix=cut.matrix,
            full_range=cut.full_range,
            transfer=self._light.transfer,
            to_working=self._light.to_working,
            rows=cut.rows,
            siting=cut.siting,
        )
        return orientation.apply(pixels[:, cut.columns])

    def _slowly(self, decoded: Decoded) -> Pixels:
        with self._converting:
            if self._whole is None or self._whole[0] is not decoded:
                self._whole = (decoded, self._by_swscale(decoded))
            return self._whole[1]

    def _by_swscale(self, decoded: Decoded) -> Pixels:
        info = self._info
        encoded = info.orientation.apply(self._converter.to_rgba(decoded.frame, info.tags))
        pixels = self._colour.decoded(encoded, info.tags.transfer, info.tags.primaries)
        if info.has_alpha:
            pixels[..., :3] *= pixels[..., 3:]
        if pixels.shape[:2] != (info.height, info.width):
            # A stream may change its size half-way; its pictures keep that of the first.
            shrinks = pixels.shape[0] >= info.height and pixels.shape[1] >= info.width
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            pixels = np.asarray(cv2.resize(pixels, (info.width, info.height), interpolation=method), np.float32)
        return pixels
