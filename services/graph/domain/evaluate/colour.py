"""Colour management: OCIO's built-in ACES configuration, and processors kept for reuse.

Video comes in and goes out display-encoded in Rec.709 with the BT.1886 gamma of 2.4; the way out is the exact inverse
of the way in, so an ungraded clip keeps its pixels.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from functools import cache
from typing import Any, Final

import numpy as np
import PyOpenColorIO as ocio

from artifex.nodes import Pixels
from libs.kernels import Matrix, Power, Table, Transfer, grade, native, premultiply, unpremultiply
from libs.kernels.grading import Program
from services.graph.domain.evaluate.colour_program import parts_of
from services.graph.domain.evaluate.video_light import VideoLight, VideoSignal, curve, exponent, linear_space

CONFIG: Final = "ocio://cg-config-v4.0.0_aces-v2.0_ocio-v2.5"
DISPLAY: Final = "Gamma 2.4 Encoded Rec.709"
"""What cameras' and players' Rec.709 video is taken to be."""
_CHANGES: Final = 32
_PICKED: Final = 256
_FILES: Final = 16
"""Looks whose tables OCIO may hold: 26 MB each at their largest, and a third of a second to read again."""
_BRIGHTEST: Final = 1.25
"""The highest signal a transfer curve is sampled at; limited range goes up to 1.09."""


@cache
def config() -> Any:
    """The configuration all documents use."""
    found = ocio.Config.CreateFromFile(CONFIG)
    # OCIO would keep every processor for ever, and by what its transforms print, where tables of one size and range
    # look alike: of two curves the second would become the first. `WorkingColour` keeps a few, by all that they are.
    found.setProcessorCacheFlags(ocio.PROCESSOR_CACHE_OFF)
    return found


def _processor(transform: Any) -> Any:
    """OCIO's, of a transform. What files hold that it has once read it keeps for ever, if nobody tells it not to."""
    files = set(_files(transform))
    with _reading:
        if len(_read | files) > _FILES:
            ocio.ClearAllCaches()
            _read.clear()
        _read.update(files)
    return config().getProcessor(transform)


def _files(transform: Any) -> Iterator[str]:
    """The files that a transform reads."""
    if isinstance(transform, ocio.FileTransform):
        yield transform.getSrc()
    elif isinstance(transform, ocio.GroupTransform):
        for part in transform:
            yield from _files(part)


_reading = threading.Lock()
_read: set[str] = set()
"""Files that OCIO holds."""


@cache
def working_spaces() -> tuple[str, ...]:
    """The scene-linear spaces a document may work in."""
    return tuple(space.getName() for space in config().getColorSpaces() if space.getEncoding() == "scene-linear")


@cache
def working_colour(space: str) -> "WorkingColour":
    """The process's own of a working space, with its processors."""
    return WorkingColour(space)


class WorkingColour:
    """Conversions of one working space. Safe to share between threads."""

    def __init__(self, working_space: str) -> None:
        self._space = working_space
        self._changes: OrderedDict[Hashable, _Change] = OrderedDict()
        self._lock = threading.Lock()
        self._lights: dict[tuple[str, str], VideoLight] = {}
        self._luma: tuple[float, float, float] | None = None
        self._picked: dict[tuple[float, float, float], tuple[float, float, float]] = {}

    @property
    def working_space(self) -> str:
        return self._space

    @property
    def luma(self) -> tuple[float, float, float]:
        if self._luma is None:
            # Luminance is Y of XYZ; OCIO knows the way from AP0 to XYZ as a built-in transform.
            to_xyz = ocio.GroupTransform(
                [
                    ocio.ColorSpaceTransform(self._space, "ACES2065-1"),
                    ocio.BuiltinTransform("UTILITY - ACES-AP0_to_CIE-XYZ-D65_BFD"),
                ]
            )
            basis = np.eye(4, dtype=np.float32)[None, :3].copy()
            self._apply(("luma",), lambda: to_xyz, basis)
            weights = basis[0, :, 1].astype(np.float64)
            red, green, blue = (weights / weights.sum()).tolist()
            self._luma = (red, green, blue)
        return self._luma

    def from_display(self, color: tuple[float, float, float]) -> tuple[float, float, float]:
        # Point operations ask strip by strip, and OCIO takes as long for one pixel as for a row.
        found = self._picked.get(color)
        if found is None:
            pixel = self.decoded(np.array([[[*color, 1.0]]], dtype=np.float32))
            red, green, blue = pixel[0, 0, :3].tolist()
            found = (red, green, blue)
            if len(self._picked) >= _PICKED:
                self._picked.clear()
            self._picked[color] = found
        return found

    def apply(self, key: Hashable, build: Callable[[], Any], pixels: Pixels) -> None:
        """See `artifex.nodes.Colour.apply`."""
        self._apply(("node", key), build, pixels)

    def change(
        self, key: Hashable, build: Callable[[], Any], pixels: Pixels, *, out: Pixels, premultiplied: bool
    ) -> None:
        """The transform that `build` makes, of equal keys once, on RGBA [height, width, 4]; `out` may be `pixels`.

        Premultiplied colour is divided by alpha before and multiplied after, so it is changed as if the pixel were
        opaque, and what is transparent stays so: there it is multiplied by 0. Alpha is that of before, bit by bit.
        """
        if pixels.size:
            self._change(("node", key), build).apply(pixels, out, premultiplied=premultiplied)

    def decoded(self, pixels: Pixels, transfer: str = "", primaries: str = "") -> Pixels:
        """Straight RGBA of a video with these H.273 tags, in the working space, as a new array."""
        source = np.ascontiguousarray(pixels, dtype=np.float32)
        result = np.empty_like(source)
        if source.size == 0:
            return result
        change = self._change(("decode", transfer, primaries), lambda: self._from_video(transfer, primaries))
        change.apply(source, result, premultiplied=False)
        return result

    def video_light(self, transfer: str, primaries: str) -> VideoLight:
        """How video with these H.273 tags becomes light in the working space, for the conversion kernels."""
        tags = (transfer, primaries)
        light = self._lights.get(tags)
        if light is None:
            light = self._lights[tags] = VideoLight(_transfer(transfer), self._from_linear(transfer, primaries))
        return light

    def video_signal(self, transfer: str, primaries: str) -> VideoSignal:
        """The way back of `video_light`."""
        to_working = self.video_light(transfer, primaries).to_working
        return VideoSignal(_signal(transfer), np.linalg.inv(to_working).astype(np.float64))

    def _from_video(self, transfer: str, primaries: str) -> Any:
        space = linear_space(transfer, primaries)
        return ocio.GroupTransform([*curve(transfer), ocio.ColorSpaceTransform(space, self._space)])

    def _from_linear(self, transfer: str, primaries: str) -> Matrix:
        basis = np.zeros((1, 3, 4), dtype=np.float32)
        basis[0, :, :3] = np.eye(3)
        _exact(ocio.ColorSpaceTransform(linear_space(transfer, primaries), self._space)).applyRGBA(basis)
        return np.ascontiguousarray(basis[0, :, :3].T, dtype=np.float64)

    def encode(self, pixels: Pixels) -> None:
        """RGBA of the working space, in place, to display-encoded Rec.709. Alpha stays as it is."""
        self._apply(("encode",), lambda: ocio.ColorSpaceTransform(self._space, DISPLAY), pixels)

    def _apply(self, key: Hashable, build: Callable[[], Any], pixels: Pixels) -> None:
        if pixels.size == 0:
            return
        if pixels.dtype != np.float32 or pixels.shape[-1] != 4 or not pixels.flags.c_contiguous:
            raise ValueError("OCIO changes contiguous float32 RGBA in place, nothing else")
        row = pixels.reshape(1, -1, 4)
        self._change(key, build).apply(row, row, premultiplied=False)

    def _change(self, key: Hashable, build: Callable[[], Any]) -> "_Change":
        with self._lock:
            change = self._changes.get(key)
            if change is None:
                change = self._changes[key] = _Change(_processor(build()))
                if len(self._changes) > _CHANGES:
                    self._changes.popitem(last=False)
            else:
                self._changes.move_to_end(key)
            return change


class _Change:
    """One change of colour: programs of the kernel as far as it can do it, and OCIO's processors for the rest."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self._parts = parts_of(processor)
        self._whole: list[Any] | None = None
        self._mixed: list[Any] | None = None

    def apply(self, pixels: Pixels, out: Pixels, *, premultiplied: bool) -> None:
        """RGBA [height, width, 4], contiguous, to `out`, which may be the same array. Alpha stays as it is."""
        compiled = native.library() is not None
        match self._parts:
            case [Program() as program] if compiled:
                grade(program, pixels, premultiplied=premultiplied, out=out)
                return
        # OCIO's fast power function also runs over alpha, whose 1 becomes 1.00002.
        alpha = pixels[..., 3:].copy()
        if premultiplied:
            unpremultiply(pixels, out=out)
        elif out is not pixels:
            np.copyto(out, pixels)
        for part in self._mixed_parts() if compiled else self._whole_by_ocio():
            if isinstance(part, Program):
                grade(part, out, premultiplied=False, out=out)
            else:
                part.applyRGBA(out)
        if premultiplied:
            premultiply(out, alpha=alpha, out=out)
        else:
            out[..., 3:] = alpha

    def _whole_by_ocio(self) -> list[Any]:
        if self._whole is None:
            self._whole = [self._processor.getDefaultCPUProcessor()]
        return self._whole

    def _mixed_parts(self) -> list[Any]:
        """Programs, and processors of what is between them."""
        if self._mixed is None:
            self._mixed = [
                part if isinstance(part, Program) else config().getProcessor(part).getDefaultCPUProcessor()
                for part in self._parts
            ]
        return self._mixed


@cache
def _transfer(name: str) -> Transfer:
    """The curve of a video's transfer: a power, or OCIO's curve sampled. Nothing below 0 is light."""
    power = exponent(name)
    if power is not None:
        return Power(power, "clamp")
    processor = _exact(ocio.GroupTransform(curve(name)))

    def sampled(signal: Pixels) -> Pixels:
        pixels = np.ones((1, signal.size, 4), dtype=np.float32)
        pixels[0, :, :3] = np.clip(signal, 0.0, _BRIGHTEST)[:, None]
        processor.applyRGBA(pixels)
        return pixels[0, :, 0].copy()

    return Table.sample(sampled)


@cache
def _signal(name: str) -> Transfer:
    """The inverse of `_transfer`. What is no light is no signal."""
    power = exponent(name)
    if power is not None:
        return Power(power, "clamp").inverse()
    processor = _exact(ocio.GroupTransform(curve(name), ocio.TRANSFORM_DIR_INVERSE))

    def sampled(light: Pixels) -> Pixels:
        pixels = np.ones((1, light.size, 4), dtype=np.float32)
        pixels[0, :, :3] = np.maximum(light, 0.0)[:, None]
        processor.applyRGBA(pixels)
        return pixels[0, :, 0].copy()

    return Table.sample(sampled)


def _exact(transform: Any) -> Any:
    """OCIO without its faster approximations."""
    return config().getProcessor(transform).getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE)
