"""Nodes that use every part of the authoring API that a pack has, and nodes that go wrong in every way."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction

import numpy as np
import PyOpenColorIO as ocio
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import (
    AUDIO,
    VIDEO,
    Analysis,
    Asset,
    Audio,
    Clip,
    Colour,
    Float,
    Frame,
    Input,
    MediaSource,
    Motion,
    Node,
    OldNode,
    Output,
    RenderContext,
    Request,
    SoundContext,
    String,
    Window,
    upgrade,
)


class Raises(Node):
    """Raises an error when it renders."""

    category = "Test"
    video = Input(VIDEO, "Anything.")
    out = Output(VIDEO, "Nothing.")

    def render(self, context: RenderContext) -> Frame:
        raise RuntimeError("the emulsion is gone")


class Dies(Node):
    """Ends its process when it renders."""

    category = "Test"
    video = Input(VIDEO, "Anything.")
    out = Output(VIDEO, "Nothing.")

    def render(self, context: RenderContext) -> Frame:
        os.kill(os.getpid(), signal.SIGSEGV)
        raise AssertionError("unreachable")


class Hangs(Node):
    """Never ends."""

    category = "Test"
    video = Input(VIDEO, "Anything.")
    out = Output(VIDEO, "Nothing.")

    def render(self, context: RenderContext) -> Frame:
        threading.Event().wait()
        raise AssertionError("unreachable")


class Echo(Node):
    """The mean of the frames before, at and after its time."""

    category = "Test"
    video = Input(VIDEO, "The picture.")
    out = Output(VIDEO, "The mean.")
    reach = Float(1.0, minimum=0, maximum=10, unit="frames", doc="How far before and after.")
    label = String("", doc="Anything.", pattern=r"[a-z]*", pattern_hint="lower-case letters")

    def misfits(self, width: int, height: int) -> Iterable[tuple[str, str]]:
        if self.label == "wide" and width < height:
            yield "label", "a wide document is wider than high"

    def misconnected(self, connected: Collection[str]) -> Iterable[tuple[str, str]]:
        if self.label == "blind" and "video" in connected:
            yield "video", "who is blind needs none"

    def mismatched(self, info: media.MediaInfo) -> Iterable[tuple[str, str]]:
        if self.label and info.format == "zip":
            yield "label", f"there are {info.sequence.still_count} stills without labels"

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        step = Fraction(round(self.reach)) / request.frame_rate
        return (request.time - step, request.time, request.time + step)

    def region_needed(self, name: str, request: Request) -> Window:
        return request.region.grown(2)

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        times = self.frames_needed("video", request)
        frames = [context.read(self.video, time).filled(request.region) for time in times]
        mean = np.mean(np.stack(frames), axis=0, dtype=np.float64)
        return Frame(np.asarray(mean, np.float32), request.region.x, request.region.y)


class Smeared(Node):
    """The picture times the mean of a parameter over the frames to come."""

    category = "Test"
    video = Input(VIDEO, "The picture.")
    out = Output(VIDEO, "The mean.")
    level = Float(1.0, doc="What it is multiplied by.")
    reach = Float(2.0, doc="How many frames.")

    def moments(self, request: Request) -> Sequence[Fraction]:
        return [request.time + number / request.frame_rate for number in range(1, 1 + round(self.reach))]

    def render(self, context: RenderContext) -> Frame:
        frame = context.take(self.video)
        levels = [node.level for node in (self, *self.then) if isinstance(node, Smeared)]
        return Frame(frame.pixels * np.float32(np.mean(levels)), frame.x, frame.y)


class Halved(Node):
    """Half the light, said as a transform."""

    category = "Test"
    video = Input(VIDEO, "The picture.")
    out = Output(VIDEO, "The darker picture.")

    def grade(self, colour: Colour, source: MediaSource | None) -> Sequence[ocio.Transform]:
        return [ocio.MatrixTransform([0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 1])]


class Moved(Node):
    """Moves its picture to the right."""

    category = "Test"
    version = "2.0.0"
    video = Input(VIDEO, "The picture.")
    out = Output(VIDEO, "The moved picture.")
    by = Float(3.0, unit="px", doc="How far.")

    @upgrade(since="1.0.0", to="2.0.0")
    def _both_ways(old: OldNode) -> None:
        old.params["by"] = 2 * old.params.pop("half")  # type: ignore[operator]
        old.renamed_outputs["picture"] = "out"

    def motion(self, window: Window, request: Request) -> Motion:
        by = self.by * float(request.scale)
        return Motion(np.array([[1, 0, by], [0, 1, 0], [0, 0, 1]], np.float64), "cubic")


class Shaken(Node):
    """Moves its picture to the right, and blurs it by where it is at the next two frames."""

    category = "Test"
    video = Input(VIDEO, "The picture.")
    out = Output(VIDEO, "The moved picture.")
    by = Float(3.0, unit="px", doc="How far.")

    def moments(self, request: Request) -> Sequence[Fraction]:
        return [request.time + number / request.frame_rate for number in (1, 2)]

    def motion(self, window: Window, request: Request) -> Motion:
        matrices = []
        for node in (self, *self.then):
            assert isinstance(node, Shaken)
            by = node.by * float(request.scale)
            matrices.append(np.array([[1, 0, by], [0, 1, 0], [0, 0, 1]], np.float64))
        return Motion(matrices[0], "bilinear", tuple(matrices))


class Reads(Node):
    """A picture and sound from media of its own."""

    category = "Test"
    time_dependent = True
    video = Output(VIDEO, "The pictures.")
    audio = Output(AUDIO, "The sound.")
    asset = Asset(doc="The media.")

    def render(self, context: RenderContext) -> Frame:
        source = context.request.source
        assert source is not None
        return source.picture(context.request.time)

    def sound(self, context: SoundContext) -> Audio:
        assert context.source is not None
        samples = context.source.samples(context.start, context.count, rate=context.rate, channels=context.channels)
        return Audio(samples, context.rate)


class Louder(Node):
    """Sound by a gain that may change with time."""

    category = "Test"
    audio = Input(AUDIO, "The sound.", multiple=True)
    out = Output(AUDIO, "The sum.")
    gain = Float(1.0, doc="Of each.", per=audio)

    def sound(self, context: SoundContext) -> Audio:
        total = np.zeros((context.channels, context.count), np.float64)
        for name in context.connections(Louder.audio):
            total += context.read(name).samples * context.automation(Louder.gain, name)
        return Audio(total.astype(np.float32), context.rate)


class Even(Node):
    """Brings the mean light of the whole clip to `level`."""

    category = "Test"
    video = Input(VIDEO, "The picture.")
    out = Output(VIDEO, "The evened picture.", name="video")
    level = Float(0.5, doc="The mean.")
    how = String("well", doc="Of which kind what is found is.")
    analysis = Analysis("mean light", inputs=[video], parameters=[how])

    def needs_analysis(self) -> bool:
        return self.level > 0

    def analyse(self, clip: Clip) -> object:
        if self.how == "wrong":
            return float("nan")
        if self.how == "undeclared":
            return self.level
        means = [float(frame.pixels[..., :3].mean(dtype=np.float64)) for frame in clip.frames(Even.video)]
        # Whoever looks twice sees the same.
        brightest = max(float(frame.pixels[..., :3].max()) for frame in clip.frames(Even.video))
        return {"mean": sum(means) / len(means), "brightest": brightest, "frames": clip.frame_count}

    def render(self, context: RenderContext) -> Frame:
        frame = context.take(Even.video)
        if self.analysed is not None:
            frame.pixels[..., :3] *= np.float32(self.level / self.analysed["mean"])
        return Frame(frame.pixels, frame.x, frame.y, frame.opaque)


class Peak(Node):
    """Brings the highest sample of the whole clip, after `gain`, to full scale."""

    category = "Test"
    audio = Input(AUDIO, "The sound.", multiple=True)
    out = Output(AUDIO, "The sum.", name="audio")
    gain = Float(1.0, doc="Of each.", per=audio)
    analysis = Analysis("peak", inputs=[audio], parameters=[gain])

    def analyse(self, clip: Clip) -> object:
        return max((float(np.abs(self._sum(block)).max()) for block in clip.blocks()), default=0.0)

    def sound(self, context: SoundContext) -> Audio:
        return Audio((self._sum(context) / (self.analysed or 1.0)).astype(np.float32), context.rate)

    def _sum(self, context: SoundContext) -> NDArray[np.float64]:
        total = np.zeros((context.channels, context.count), np.float64)
        for name in context.connections(Peak.audio):
            total += context.read(name).samples * context.automation(Peak.gain, name)
        return total


NODES = [Raises, Dies, Hangs, Echo, Smeared, Halved, Moved, Shaken, Reads, Louder, Even, Peak]
