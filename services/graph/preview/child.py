"""What runs inside a preview's child process: the document, its open media, its caches, and the drawing of pictures.

It decodes users' files and evaluates users' graphs, so it may crash, hang or be killed at any time. One thread listens,
so that what is newer is known while something is drawn; one decides, makes documents ready, and draws single pictures,
each of them on all threads; and the frames of a playback are drawn side by side, each on one.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final

import cv2
from google.protobuf import json_format

from artifex.graph.v1 import messages_pb2, preview_pb2
from artifex.media.v1 import messages_pb2 as media_pb2
from artifex.nodes import Pixels, Window
from libs.chassis.rpc.failures import to_failure
from libs.chassis.sandbox import framing
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.documents.problems import GraphInvalid, Problem
from services.graph.domain.evaluate.allocation import keep_freed_memory
from services.graph.domain.evaluate.sources import SourceFile
from services.graph.messages import rational
from services.graph.preview import wire
from services.graph.preview.director import Director
from services.graph.preview.pacer import Range
from services.graph.preview.pictures import Timed, Wish, picture
from services.graph.preview.pulling import GivenUp, Puller
from services.graph.preview.scene import AssetsNeeded, Ready, Scene

_MOST_PROBLEMS: Final = 200
_INTERRUPTING: Final = (wire.REQUEST, wire.OBJECT)


_Job = Callable[[Callable[[], bool]], list[preview_pb2.PreviewResponse]]
"""Draws one picture; its argument tells whether the picture is not wanted any more."""


@dataclass
class _Play:
    """A playback: which of its steps to render next."""

    serial: int
    range: Range
    next: int
    until: int

    def steps(self, begin: int, until: int) -> None:
        """Steps before `begin` are too late, those from `until` on too early."""
        self.next, self.until = max(self.next, begin), until


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Talk with a session until it hangs up."""
    _Child(requests, answers).run()


class _Child:
    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests = requests
        self._answers = answers
        self._inbox: deque[tuple[float, bytes]] = deque()
        self._news = threading.Condition()
        self._interrupted = False
        """Whether something waits that may be newer than what is being drawn."""
        self._hung_up = False
        self._fatal: BaseException | None = None
        """What befell a thread that draws, and ends the process."""

        self._scene: Scene
        self._puller: Puller
        self._frames: ThreadPoolExecutor
        """Draws the frames of a playback."""
        self._drawing: set[Future[None]] = set()
        self._side_by_side = 1
        self._sending = threading.Lock()
        self._director = Director()
        self._ready: Ready | None = None
        self._wish = Wish(preview_pb2.PreviewLook(), preview_pb2.PreviewMeters())
        self._frame = 0
        self._play: _Play | None = None
        self._waiting = False
        """For assets; the document cannot be made ready before."""
        self._stale = False
        """Whether there is a wish that the director has not heard of."""
        self._seen = False
        """Whether the client has seen what it now wishes for, as a playback shows it."""
        self._troubled = False
        """Whether the last revision had problems."""
        self._compiled_in = 0.0
        self._sequence = 0
        self._arrived = time.perf_counter()
        self._taken = 0
        """How many things were said that may ask for work."""
        self._told_idle = 0
        self._cancelled = 0

    def run(self) -> None:
        threading.Thread(target=self._listen, name="listener", daemon=True).start()
        keep_freed_memory()
        while True:
            with self._news:
                while not (self._inbox or self._hung_up or self._fatal or self._has_work()):
                    self._tell_idle()
                    self._news.wait()
                if self._fatal is not None:
                    raise self._fatal
                if self._hung_up:
                    break
                messages = list(self._inbox)
                self._inbox.clear()
                self._interrupted = False
            for arrived, body in messages:
                self._take(arrived, body)
            self._work()
        self._play = None
        self._settle_drawing()
        self._scene.close()

    # -- what is said --------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        while (body := framing.read_body(self._requests)) is not None:
            with self._news:
                self._inbox.append((time.perf_counter(), body))
                self._interrupted = self._interrupted or body[:1] in _INTERRUPTING
                self._news.notify()
        with self._news:
            self._hung_up = True
            self._interrupted = True
            self._news.notify()

    def _take(self, arrived: float, body: bytes) -> None:
        self._taken += body[:1] != wire.STEPS
        if body[:1] == wire.REQUEST:
            self._sequence, request = wire.unpack_request(body)
            self._arrived = arrived
            self._request(request)
            return
        told = wire.unpack_object(body)
        if body[:1] == wire.STEPS:
            if self._play is not None and self._play.serial == told["serial"]:
                self._play.steps(told["from"], told["until"])
        elif "begin" in told:
            self._begin(told["begin"])
        elif "assets" in told:
            self._scene.learn({name: _source_file(file) for name, file in told["assets"].items()})
            self._waiting = False
        elif "play" in told:
            self._start_playing(told["play"])
        elif "stop" in told:
            # A coarser picture of what is on the screen already would be a step back.
            self._play, self._frame, self._stale, self._seen = None, told["stop"], True, True

    def _begin(self, told: dict[str, Any]) -> None:
        cv2.setNumThreads(told["threads"])
        self._scene = Scene(catalogue(), told["threads"], told["decoded_bytes"])
        self._puller = Puller(told["cache_bytes"], told["threads"])
        self._side_by_side = told["threads"]
        self._frames = ThreadPoolExecutor(self._side_by_side, "frames")
        self._wish = Wish(
            preview_pb2.PreviewLook.FromString(bytes.fromhex(told["look"])),
            preview_pb2.PreviewMeters.FromString(bytes.fromhex(told["meters"])),
        )
        self._scene.begin(told["document"], told["revision"], self._wish.look.node)
        self._sequence, self._frame = told["sequence"], told["frame"]
        self._stale = True

    def _request(self, request: preview_pb2.PreviewRequest) -> None:
        match request.WhichOneof("request"):
            case "edit":
                # Drawn anew once it is ready to be, if ever.
                if problems := self._scene.edit(request.edit):
                    self._say_problems(self._scene.revision, problems)
                return
            case "seek":
                self._frame = request.seek.frame
            case "look":
                self._wish = Wish(request.look, self._wish.meters)
                self._scene.look_at(request.look.node)
            case "meters":
                self._wish = Wish(self._wish.look, request.meters)
        self._stale, self._seen = True, False

    def _start_playing(self, told: dict[str, Any]) -> None:
        span = Range(told["first"], told["end"], told["start"], told["loop"])
        self._play = _Play(told["serial"], span, told["from"], told["until"])

    # -- what is done --------------------------------------------------------------------------------------------------

    def _has_work(self) -> bool:
        if self._taken == 0:
            return False
        if self._scene.changed:
            return not self._waiting
        if self._ready is None:
            return False
        if self._play is not None:
            return self._play.next < self._play.until and len(self._drawing) < self._side_by_side
        return self._stale or not self._director.idle

    def _work(self) -> None:
        """At most one thing: what has arrived meanwhile is heard between any two."""
        if not self._has_work():
            return
        if self._scene.changed:
            self._prepare()
        elif self._play is not None:
            self._draw_step(self._play)
        else:
            self._draw()

    def _prepare(self) -> None:
        # What is being drawn reads media that the next revision may not have.
        self._settle_drawing()
        begun = time.perf_counter()
        try:
            ready = self._scene.prepare()
        except AssetsNeeded as need:
            self._waiting = True
            self._send(wire.pack_object(wire.OBJECT, {"assets": need.names}))
            return
        except GraphInvalid as error:
            # What is broken is broken until the next change; the last picture stays, and can be moved about in.
            self._scene.changed = False
            self._say_problems(self._scene.revision, error.problems)
            return
        self._compiled_in = time.perf_counter() - begun
        if self._troubled:
            self._say_problems(ready.revision, [])
        before, self._ready = self._ready, ready
        self._puller.use(ready)
        if before is None or _movie(before) != _movie(ready):
            self._say(preview_pb2.PreviewResponse(document=_movie(ready, revision=ready.revision)))
        self._stale, self._seen = True, False

    def _draw(self) -> None:
        assert self._ready is not None
        if self._stale:
            self._stale = False
            size = self._ready.compiled.settings
            window = self._wish.window(size.width, size.height)
            side = min(window.width, window.height)
            self._director.want(self._wish.scale, side, drafts=not (self._wish.look.no_drafts or self._seen))
        order = self._director.next(time.perf_counter())
        if order is None:
            return
        job = self._job(self._ready.frame(self._frame), order.scale, playing=False)

        def unwanted() -> bool:
            # Read without the lock: to see it a strip later does no harm.
            return self._interrupted and self._director.may_give_up(order, time.perf_counter())

        try:
            parts = job(unwanted)
        except GivenUp:
            self._cancelled += 1
            self._director.gave_up(order)
        except MemoryError:
            raise  # for the sandbox to tell: its limit is at fault, not the document
        except Exception as error:  # noqa: BLE001 - whatever a node does, the session lives on
            self._director.failed(order)
            self._say_failure(error, {})
        else:
            self._director.drew(order, time.perf_counter())
            self._send_picture(parts, {})

    def _draw_step(self, play: _Play) -> None:
        """Begin to draw the next frame of a playback."""
        assert self._ready is not None
        step = play.next
        play.next += 1
        job = self._job(self._ready.frame(play.range.frame(step)), self._wish.scale, playing=True)
        drawing = self._frames.submit(self._finish_step, play, step, job)
        self._drawing.add(drawing)
        drawing.add_done_callback(self._drew_step)

    def _finish_step(self, play: _Play, step: int, job: _Job) -> None:
        tag = {"serial": play.serial, "step": step}
        try:
            self._send_picture(job(lambda: self._play is not play), tag)
        except GivenUp:
            self._cancelled += 1
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a node does, the session lives on
            if self._play is play:
                self._play = None
            self._say_failure(error, tag)

    def _drew_step(self, drawing: Future[None]) -> None:
        with self._news:
            self._drawing.discard(drawing)
            if drawing.exception() is not None:
                self._fatal = drawing.exception()
            self._news.notify()

    def _settle_drawing(self) -> None:
        """Wait for the frames of a playback that are being drawn."""
        wait(list(self._drawing))

    def _job(self, frame: int, scale: Fraction, *, playing: bool) -> _Job:
        """Draws a picture of the revision, the look and the meters of now, whenever it is called."""
        ready, wish, sequence = self._ready, self._wish, self._sequence
        assert ready is not None
        pull = self._puller.pull(alone=not playing)
        timed = Timed(max(0.0, time.perf_counter() - self._arrived - self._compiled_in), self._compiled_in)
        self._compiled_in = 0.0

        def draw(unwanted: Callable[[], bool]) -> list[preview_pb2.PreviewResponse]:
            def render(window: Window, at: Fraction) -> Pixels:
                return pull(frame, window, at, unwanted)

            parts = picture(ready, wish, frame, scale, timed, render)
            parts[0].picture.sequence = sequence
            parts[0].picture.playing = playing
            return parts

        return draw

    # -- what is answered ----------------------------------------------------------------------------------------------

    def _tell_idle(self) -> None:
        if self._told_idle != self._taken and not self._waiting and not self._drawing:
            self._told_idle = self._taken
            self._send(wire.pack_object(wire.OBJECT, {"idle": self._taken, "cancelled": self._cancelled}))

    def _say_problems(self, revision: int, problems: Sequence[Problem]) -> None:
        self._troubled = bool(problems)
        listed = [
            messages_pb2.GraphProblem(
                node=problem.node, path=problem.path, reason=str(problem.reason), message=problem.message[:2000]
            )
            for problem in problems[:_MOST_PROBLEMS]
        ]
        said = preview_pb2.PreviewProblems(
            sequence=self._sequence, revision=revision, problems=listed, omitted=len(problems) - len(listed)
        )
        self._say(preview_pb2.PreviewResponse(problems=said))

    def _say_failure(self, error: Exception, tag: dict[str, int]) -> None:
        failure = json_format.MessageToDict(to_failure(error), preserving_proto_field_name=True)
        self._send(wire.pack_object(wire.OBJECT, {"failure": failure, **tag}))

    def _send_picture(self, parts: list[preview_pb2.PreviewResponse], tag: dict[str, int]) -> None:
        end = wire.pack_object(wire.END, {**tag, "cancelled": self._cancelled})
        self._send(*(wire.pack_response(wire.PART, part) for part in parts), end)

    def _say(self, response: preview_pb2.PreviewResponse) -> None:
        self._send(wire.pack_response(wire.WORD, response))

    def _send(self, *bodies: bytes) -> None:
        """Messages in one piece, whoever else sends meanwhile."""
        with self._sending:
            for body in bodies:
                self._answers.write(framing.pack(body))
            self._answers.flush()


def _movie(ready: Ready, revision: int = 0) -> preview_pb2.PreviewDocument:
    compiled = ready.compiled
    return preview_pb2.PreviewDocument(
        revision=revision,
        width=compiled.width,
        height=compiled.height,
        frame_rate=rational(compiled.fps),
        frame_count=compiled.frame_count,
        working_space=compiled.settings.colorspace,
    )


def _source_file(told: dict[str, Any] | None) -> SourceFile | None:
    if told is None:
        return None
    info = json_format.ParseDict(told["media"], media_pb2.MediaInfo())
    return SourceFile(Path(told["path"]), info, told["digest"])
