"""A pack's own process: `python -m services.graph.packs.host PACK CHANNEL ARENA PARENT`, started by `PackProcess`.

Here, and nowhere else, the pack's code is imported and run. What a node sees is the same authoring API that built-in
nodes see; what it reads comes and what it makes goes through the arena.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import PyOpenColorIO as ocio
from google.protobuf import json_format
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Audio, Float, Frame, Input, Node, OldNode, Request, Window, installed_packs, load
from libs.frames.errors import MediaError
from services.graph.domain.evaluate.colour import WorkingColour, working_colour
from services.graph.nodes.alpha import straight
from services.graph.packs.clips import RemoteClip
from services.graph.packs.schema import describe, values_from, window_from, window_json
from services.graph.packs.wire import Arena, Closed, Message, receive, send

Ask = Callable[[Message], Message]
"""Asks the engine something in the middle of a call."""

_PARENT_POLL_SECONDS = 1.0


class Host:
    """The pack's node types, and the calls that the engine makes of them."""

    def __init__(self, types: list[type[Node]], channel: socket.socket, arena: Arena) -> None:
        self._types = {node.schema.type: node for node in types}
        self._channel = channel
        self._arena = arena
        self._calls: dict[str, Callable[[Message], Message]] = {
            "describe": lambda _: {"types": [describe(node) for node in self._types.values()]},
            "upgrade": self._upgrade,
            "misfits": self._misfits,
            "misconnected": self._misconnected,
            "mismatched": self._mismatched,
            "moments": self._moments,
            "needs": self._needs,
            "identify": self._identify,
            "motion": self._motion,
            "render": self._render,
            "sound": self._sound,
            "extent": self._extent,
            "needs_analysis": lambda message: {"needed": bool(self._node(message).needs_analysis())},
            "analyse": self._analyse,
        }

    def serve(self) -> None:
        """Answer calls until the engine closes the channel."""
        while True:
            message = receive(self._channel)
            try:
                reply = self._calls[message["call"]](message)
            except Closed:
                raise
            except Exception as error:  # noqa: BLE001 - a pack may raise anything
                # The engine turns it into a typed error that names node and frame.
                reply = {"error": f"{type(error).__name__}: {error}"}
            send(self._channel, reply)

    def _ask(self, question: Message) -> Message:
        send(self._channel, question)
        return receive(self._channel)

    def _node(self, message: Message) -> Node:
        node_type = self._types[message["type"]]
        node = node_type(values_from(node_type, message["values"]))
        node.analysed = message.get("analysed")
        node.then = tuple([self._node({**message, "values": values, "then": []}) for values in message.get("then", [])])
        return node

    def _request(self, node: Node, message: Message) -> Request:
        given = message["request"]
        source = Source(self._ask, self._arena, message["source"]) if message.get("source") else None
        outputs = node.schema.outputs
        return Request(
            time=Fraction(given["time"]),
            frame_rate=Fraction(given["frame_rate"]),
            width=given["width"],
            height=given["height"],
            region=window_from(given["region"]),
            # A node that joined its neighbours is asked for their common output, which is its only one.
            output=outputs.get(given["output"], next(iter(outputs.values()))),
            source=source,
            scale=Fraction(given["scale"]),
        )

    def _upgrade(self, message: Message) -> Message:
        old = OldNode(dict(message["inputs"]), dict(message["params"]))
        self._types[message["type"]].schema.upgrades[message["step"]].change(old)
        return {"inputs": old.inputs, "params": old.params, "renamed_outputs": old.renamed_outputs}

    def _misfits(self, message: Message) -> Message:
        return {"misfits": [list(pair) for pair in self._node(message).misfits(message["width"], message["height"])]}

    def _mismatched(self, message: Message) -> Message:
        info = json_format.ParseDict(message["info"], media.MediaInfo())
        return {"mismatched": [list(pair) for pair in self._node(message).mismatched(info)]}

    def _misconnected(self, message: Message) -> Message:
        return {"misconnected": [list(pair) for pair in self._node(message).misconnected(message["connected"])]}

    def _moments(self, message: Message) -> Message:
        node = self._node(message)
        return {"moments": [str(moment) for moment in node.moments(self._request(node, message))]}

    def _needs(self, message: Message) -> Message:
        node = self._node(message)
        request = self._request(node, message)
        times = node.frames_needed(message["name"], request)
        region = node.region_needed(message["name"], request)
        return {"times": [str(time) for time in times], "region": window_json(region)}

    def _identify(self, message: Message) -> Message:
        node = self._node(message)
        request = self._request(node, message)
        return {"fingerprint": repr(node.fingerprint(request)), "identity": node.identity(request)}

    def _motion(self, message: Message) -> Message:
        node = self._node(message)
        found = node.motion(window_from(message["window"]), self._request(node, message))
        if found is None:
            return {"motion": None}
        matrix, *shutter = (np.asarray(at, np.float64).tolist() for at in (found.matrix, *found.shutter))
        return {"motion": {"matrix": matrix, "filter": found.filter, "shutter": shutter}}

    def _render(self, message: Message) -> Message:
        node = self._node(message)
        inputs = {
            (given["name"], Fraction(given["time"])): Frame(
                self._arena.get(given["pixels"]), given["x"], given["y"], given["opaque"]
            )
            for given in message["inputs"]
        }
        context = Context(
            self._request(node, message), working_colour(message["working_space"]), inputs, message["threads"]
        )
        frame = _graded(node, context) or node.render(context)
        self._arena.clear()
        pixels = self._arena.put(np.ascontiguousarray(frame.pixels, np.float32))
        return {"pixels": pixels, "x": frame.x, "y": frame.y, "opaque": frame.opaque}

    def _sound(self, message: Message) -> Message:
        node = self._node(message)
        blocks = {name: Audio(self._arena.get(block), message["rate"]) for name, block in message["blocks"].items()}
        automation = {name: self._arena.get(given).view(np.float64) for name, given in message["automation"].items()}
        source = Source(self._ask, self._arena, message["source"]) if message.get("source") else None
        sound = node.sound(
            Sound(
                message["start"],
                message["count"],
                message["rate"],
                message["channels"],
                source,
                message["connections"],
                blocks,
                automation,
            )
        )
        self._arena.clear()
        return {"samples": self._arena.put(np.ascontiguousarray(sound.samples, np.float32)), "rate": sound.rate}

    def _analyse(self, message: Message) -> Message:
        facts = message["clip"]

        def heard(
            told: Message, blocks: dict[str, Audio], curves: dict[str, NDArray[np.float64]], media: Message | None
        ) -> Sound:
            source = Source(self._ask, self._arena, media) if media else None
            names = facts["connections"]
            return Sound(told["start"], told["count"], facts["rate"], facts["channels"], source, names, blocks, curves)

        space = working_colour(facts["working_space"])
        found = self._node(message).analyse(RemoteClip.of(self._ask, self._arena, facts, space, heard))
        # Said as text: what JSON lacks is the node's error, and not the end of the conversation.
        return {"found": json.dumps(found, allow_nan=False)}

    def _extent(self, message: Message) -> Message:
        info = message["info"]
        end = self._node(message).extent(None if info is None else json_format.ParseDict(info, media.MediaInfo()))
        return {"extent": None if end is None else str(end)}


def _graded(node: Node, context: Context) -> Frame | None:
    """The frame of a node that says its colour change as transforms; None for all others."""
    transforms = node.grade(context.colour, context.request.source)
    if transforms is None:
        return None
    (port,) = (port for port in node.schema.inputs.values())
    frame = context.take(port)
    if transforms and not frame.window.empty:
        key = (node.schema.type, repr(node.fingerprint(context.request)))
        with straight(frame) as pixels:
            context.colour.apply(key, lambda: ocio.GroupTransform(list(transforms)), pixels)
    return frame


@dataclass(frozen=True)
class Context:
    """Implements `artifex.nodes.RenderContext` over what came with the call."""

    request: Request
    colour: WorkingColour
    inputs: dict[tuple[str, Fraction], Frame]
    threads: int

    def connected(self, port: Input) -> bool:
        return any(name == port.name for name, _ in self.inputs)

    def read(self, port: Input, time: Fraction | None = None) -> Frame:
        frame = self.take(port, time)
        pixels = frame.pixels.view()
        pixels.flags.writeable = False
        return Frame(pixels, frame.x, frame.y, frame.opaque)

    def take(self, port: Input, time: Fraction | None = None) -> Frame:
        frame = self.inputs.get((port.name, self.request.time if time is None else time))
        if frame is None:
            raise LookupError(f"the input {port.name} is not connected, or was not asked for at this time")
        return frame


@dataclass(frozen=True)
class Sound:
    """Implements `artifex.nodes.SoundContext` over what came with the call."""

    start: int
    count: int
    rate: int
    channels: int
    source: Source | None
    connected: dict[str, list[str]]
    blocks: dict[str, Audio]
    curves: dict[str, NDArray[np.float64]]

    def connections(self, port: Input) -> list[str]:
        return self.connected.get(port.name, [])

    def read(self, name: str) -> Audio:
        return self.blocks[name]

    def automation(self, parameter: Float, connection: str = "") -> NDArray[np.float64]:
        return self.curves[parameter.name + connection[len(connection.partition(".")[0]) :]]


class Source:
    """Implements `artifex.nodes.MediaSource` by asking the engine, which alone opens files."""

    def __init__(self, ask: Ask, arena: Arena, told: Message) -> None:
        self._ask = ask
        self._arena = arena
        self.key: str = told["key"]
        self.path = Path(told["path"])
        self.info: media.MediaInfo = json_format.ParseDict(told["info"], media.MediaInfo())

    def picture(self, time: Fraction, region: Window | None = None) -> Frame:
        """See `artifex.nodes.MediaSource.picture`."""
        wanted = None if region is None else window_json(region)
        reply = self._answered({"ask": "picture", "time": str(time), "region": wanted})
        return Frame(self._arena.get(reply["pixels"]), reply["x"], reply["y"], reply["opaque"])

    def samples(self, start: int, count: int, *, rate: int, channels: int) -> NDArray[np.float32]:
        """See `artifex.nodes.MediaSource.samples`."""
        question = {"ask": "samples", "start": start, "count": count, "rate": rate, "channels": channels}
        return self._arena.get(self._answered(question)["samples"])

    def _answered(self, question: Message) -> Message:
        reply = self._ask(question)
        if "error" in reply:
            raise MediaError(reply["file"], reply["error"])
        return reply


def _end_with(parent: int) -> None:
    """A call may hang for ever in the pack's code, and its engine be killed meanwhile."""
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    os._exit(0)


def main() -> int:
    name, channel_fd, arena_fd, parent = sys.argv[1:]
    threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()
    channel = socket.socket(fileno=int(channel_fd))
    os.set_inheritable(channel.fileno(), False)
    os.set_inheritable(int(arena_fd), False)
    (pack,) = (pack for pack in installed_packs() if pack.name == name)
    arena = Arena(int(arena_fd))
    try:
        types = load(pack)
    except Exception as error:  # noqa: BLE001 - a pack's import may raise anything
        # The engine tells it with the pack's name, to whoever asks for its nodes.
        receive(channel)
        send(channel, {"error": f"{type(error).__name__}: {error}"})
        return 1
    try:
        Host(types, channel, arena).serve()
    except Closed:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
