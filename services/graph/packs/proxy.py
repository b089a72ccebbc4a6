"""Node types that ask a pack's process: to the engine like any other, with none of the pack's code in them."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from google.protobuf import json_format

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import (
    Audio,
    Clip,
    DeclarationError,
    Float,
    Frame,
    MediaSource,
    Motion,
    Node,
    OldNode,
    RenderContext,
    Request,
    SoundContext,
    Window,
    upgrade,
)
from libs.frames.errors import MediaError
from services.graph.packs.clips import ClipAnswers
from services.graph.packs.process import PackFailed, PackProcess
from services.graph.packs.schema import declarations, request_json, values_json, window_from, window_json
from services.graph.packs.wire import Arena, Message

_REMEMBERED = 64


class PackNode(Node, base=True):
    """A node of a pack. What the pack says of itself must be true, but a lie harms only its own picture."""

    process: ClassVar[PackProcess]

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        # The engine asks several times for one request, and every question is a message there and back.
        self._needs: dict[tuple[str, Request], tuple[tuple[Fraction, ...], Window]] = {}
        self._identified: dict[Request, tuple[str, str | None]] = {}

    def misfits(self, width: int, height: int) -> Iterable[tuple[str, str]]:
        reply = self._asked("misfits", {"width": width, "height": height})
        return [(str(name), str(remedy)) for name, remedy in reply["misfits"]]

    def misconnected(self, connected: Collection[str]) -> Iterable[tuple[str, str]]:
        reply = self._asked("misconnected", {"connected": sorted(connected)})
        return [(str(name), str(remedy)) for name, remedy in reply["misconnected"]]

    def mismatched(self, info: media.MediaInfo) -> Iterable[tuple[str, str]]:
        reply = self._asked("mismatched", {"info": json_format.MessageToDict(info)})
        return [(str(name), str(remedy)) for name, remedy in reply["mismatched"]]

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        return self._needed(name, request)[0]

    def region_needed(self, name: str, request: Request) -> Window:
        return self._needed(name, request)[1]

    def fingerprint(self, request: Request) -> Hashable:
        # Of two versions of a pack, neither may show the other's cached pictures.
        return (self.pack, self._identity(request)[0])

    def identity(self, request: Request) -> str | None:
        return self._identity(request)[1]

    def extent(self, info: media.MediaInfo | None) -> Fraction | None:
        told = None if info is None else json_format.MessageToDict(info)
        end = self._asked("extent", {"info": told})["extent"]
        return None if end is None else Fraction(end)

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        # Asked and read before the call is built: one call cannot be made inside of another.
        frames = [
            (port.name, time, context.read(port, time))
            for port in self.schema.inputs.values()
            if context.connected(port)
            for time in self.frames_needed(port.name, request)
        ]

        def build(arena: Arena) -> Message:
            inputs = [{"name": name, "time": str(time), **_told(frame, arena)} for name, time, frame in frames]
            space = context.colour.working_space
            about = {"inputs": inputs, "working_space": space, "threads": context.threads}
            return self._message("render", {**about, **_requested(request)})

        return _frame(self.process.call(build, _taken, _answers(request.source)))

    def needs_analysis(self) -> bool:
        return bool(self._asked("needs_analysis", {})["needed"])

    def sound(self, context: SoundContext) -> Audio:
        def build(arena: Arena) -> Message:
            ports = self.schema.inputs.values()
            connections = {port.name: context.connections(port) for port in ports}
            return self._message(
                "sound",
                {
                    "start": context.start,
                    "count": context.count,
                    "rate": context.rate,
                    "channels": context.channels,
                    "source": _described(context.source),
                    "connections": connections,
                    "blocks": {
                        name: arena.put(context.read(name).samples) for names in connections.values() for name in names
                    },
                    "automation": self._automation(context, connections, arena),
                },
            )

        reply = self.process.call(
            build, lambda reply, arena: {**reply, "array": arena.get(reply["samples"])}, _answers(context.source)
        )
        return Audio(reply["array"], int(reply["rate"]))

    def _automation(self, context: SoundContext, connections: dict[str, list[str]], arena: Arena) -> Message:
        """Every number of the node at every sample; doubles travel as pairs of the arena's floats."""
        curves: Message = {}
        for name, parameter in self.schema.parameters.items():
            if not isinstance(parameter, Float):
                continue
            for connection in [""] if parameter.per is None else connections.get(parameter.per.name, []):
                suffix = connection[len(connection.partition(".")[0]) :]
                values = np.ascontiguousarray(context.automation(parameter, connection), np.float64)
                curves[name + suffix] = arena.put(values.view(np.float32))
        return curves

    def _needed(self, name: str, request: Request) -> tuple[tuple[Fraction, ...], Window]:
        found = self._needs.get((name, request))
        if found is None:
            reply = self._asked("needs", {"name": name, **_requested(request)})
            found = (tuple(Fraction(time) for time in reply["times"]), window_from(reply["region"]))
            if len(self._needs) >= _REMEMBERED:
                self._needs.clear()
            self._needs[name, request] = found
        return found

    def _identity(self, request: Request) -> tuple[str, str | None]:
        found = self._identified.get(request)
        if found is None:
            reply = self._asked("identify", _requested(request))
            found = (str(reply["fingerprint"]), reply["identity"])
            if len(self._identified) >= _REMEMBERED:
                self._identified.clear()
            self._identified[request] = found
        return found

    def _asked(self, call: str, about: Message) -> Message:
        return self.process.call(lambda _: self._message(call, about), lambda reply, _: reply)

    def _message(self, call: str, about: Message) -> Message:
        message = {"call": call, "type": self.schema.type, "values": values_json(self), **about}
        if self.then:
            message["then"] = [values_json(other) for other in self.then]
        return message if self.analysed is None else {**message, "analysed": self.analysed}


class MovingPackNode(PackNode, base=True):
    """A node of a pack that only moves its picture: it joins the moves next to it, whoever wrote them."""

    # By definition, and said without a message.
    frames_needed = Node.frames_needed
    region_needed = Node.region_needed

    def motion(self, window: Window, request: Request) -> Motion | None:
        told = self._asked("motion", {"window": window_json(window), **_requested(request)})["motion"]
        if told is None:
            raise PackFailed(f"{self.schema.type} of the pack {self.pack} moves its picture at times only")
        matrix, *shutter = (np.array(at, np.float64).reshape(3, 3) for at in (told["matrix"], *told["shutter"]))
        return Motion(matrix, told["filter"], tuple(shutter))


def node_types(name: str, version: str, process: PackProcess) -> list[type[Node]]:
    """The node types of a pack. Raises PackFailed, and DeclarationError for a description that contradicts itself."""
    described = process.call(lambda _: {"call": "describe"}, lambda reply, _: reply)["types"]
    try:
        return [_node_type(told, f"{name} {version}", process) for told in described]
    except (KeyError, TypeError, ValueError) as error:
        raise DeclarationError(f"the node pack {name} describes its nodes in a way that is not understood") from error


def _node_type(told: Message, pack: str, process: PackProcess) -> type[Node]:
    upgrades = {
        f"upgrade_{step}": upgrade(since=since, to=to)(_upgrade(process, told["type"], step))
        for step, (since, to) in enumerate(told["upgrades"])
    }
    attributes = (
        declarations(told)
        | upgrades
        | {
            "category": told["category"],
            "version": told["version"],
            "time_dependent": bool(told["time_dependent"]),
            "main": str(told["main"]),
            "monitor": bool(told["monitor"]),
            "pack": pack,
            "process": process,
            "__doc__": told["documentation"],
            "__module__": __name__,
        }
    )
    if "analysis" in attributes:
        attributes["analyse"] = _analyse
    if told["moments"]:
        attributes["moments"] = _moments
    base = MovingPackNode if told["moves"] else PackNode
    keywords = {"sink": True} if told["sink"] else {}
    return types.new_class(told["type"], (base,), keywords, lambda namespace: namespace.update(attributes))


def _moments(node: PackNode, request: Request) -> Sequence[Fraction]:
    """Asked only of types that say they have any: every other would cost a message a frame."""
    return [Fraction(moment) for moment in node._asked("moments", _requested(request))["moments"]]


def _analyse(node: PackNode, clip: Clip) -> Any:
    """Has the pack look at the clip: in a process of its own, since nodes of the same pack may stand before it."""
    assert node.analysis is not None
    answers = ClipAnswers(clip, node.analysis, _described, _answers)
    process = node.process.another()
    try:
        about = node._message("analyse", {"clip": answers.facts()})
        return json.loads(process.call(lambda _: about, lambda reply, _: reply, answers)["found"])
    finally:
        process.close()


def _upgrade(process: PackProcess, node_type: str, step: int) -> Callable[[OldNode], None]:
    """Has the pack bring a node forward by one step."""

    def change(old: OldNode) -> None:
        about = {"call": "upgrade", "type": node_type, "step": step, "inputs": old.inputs, "params": old.params}
        reply = process.call(lambda _: about, lambda reply, _: reply)
        old.inputs, old.params, old.renamed_outputs = reply["inputs"], reply["params"], reply["renamed_outputs"]

    return change


def _requested(request: Request) -> Message:
    return {"request": request_json(request), "source": _described(request.source)}


def _described(source: MediaSource | None) -> Message | None:
    if source is None:
        return None
    return {"key": source.key, "path": str(source.path), "info": json_format.MessageToDict(source.info)}


def _told(frame: Frame, arena: Arena) -> Message:
    return {"pixels": arena.put(frame.pixels), "x": frame.x, "y": frame.y, "opaque": frame.opaque}


def _taken(reply: Message, arena: Arena) -> Message:
    return {**reply, "array": arena.get(reply["pixels"])}


def _frame(reply: Message) -> Frame:
    return Frame(reply["array"], int(reply["x"]), int(reply["y"]), bool(reply["opaque"]))


def _answers(source: MediaSource | None) -> Any:
    """Answers what a node asks of its media while it works."""
    if source is None:
        return None

    def answer(question: Message, arena: Arena) -> Message:
        try:
            if question["ask"] == "picture":
                region = None if question["region"] is None else window_from(question["region"])
                return _told(source.picture(Fraction(question["time"]), region), arena)
            samples = source.samples(
                int(question["start"]), int(question["count"]), rate=int(question["rate"]),
                channels=int(question["channels"]),
            )  # fmt: skip
            return {"samples": arena.put(samples)}
        except MediaError as error:
            return {"error": error.detail, "file": error.metadata["file"]}

    return answer
