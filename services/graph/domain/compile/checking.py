"""All that can be said of a document before it is compiled, found once: its nodes resolved, and what is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Final

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import AUDIO, IMAGE, VIDEO, Node, Output, PortType
from artifex.nodes.parameters.asset import Holds
from services.graph.domain.collector import collector_held
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.converters import Muted
from services.graph.domain.compile.groups import expand
from services.graph.domain.compile.plan import Converter
from services.graph.domain.compile.resolver import Connection, Resolved, resolve
from services.graph.domain.compile.signals import Constant
from services.graph.domain.compile.versions import upgraded
from services.graph.domain.compile.walks import find_cycles, post_order, reached, way_around
from services.graph.domain.documents.model import Document
from services.graph.domain.documents.parser import MAX_DURATION
from services.graph.domain.documents.problems import Problem, Reason

MAX_OUTPUTS: Final = 100
"""Of one document: each is looked at with all that it depends on."""


@dataclass(frozen=True)
class Checked:
    """A document against a catalogue."""

    document: Document
    """As it is written."""
    expanded: Document
    """With its groups put in and old nodes brought forward."""
    resolved: Mapping[str, Resolved]
    """All nodes whose type is known."""
    problems: Sequence[Problem]
    """All but those of assets and of lengths."""
    outputs: Sequence[str]
    """The nodes that end the graph, in the document's order."""

    @property
    def assets(self) -> dict[str, str]:
        """The well-formed asset names, `assets/{asset}`, by node."""
        return {node: asset for node, item in self.resolved.items() if (asset := asset_of(item)) is not None}

    def sources(self, node: str) -> list[str]:
        """The nodes that `node` reads."""
        return [connection.source for connection in self.resolved[node].connections.values()]

    @cached_property
    def reached(self) -> frozenset[str]:
        """The nodes that some output depends on. There must be no problems."""
        return frozenset(reached(self.outputs, self.sources))

    def converters(self) -> Iterator[Converter]:
        """The conversions inserted where what is rendered connects unequal types."""
        for node, item in self.resolved.items():
            for name, connection in item.connections.items():
                if connection.output.kind != connection.port.kind and node in self.reached:
                    yield Converter(node, name, connection.output.kind, connection.port.kind)

    def upstream(self, node: str) -> list[str]:
        """The nodes that `node` depends on, and itself, each after its sources. There must be no problems."""
        return post_order(node, self.sources)

    def asset_problems(self, assets: Mapping[str, media.MediaInfo]) -> Iterator[Problem]:
        """Assets that are not among `assets`, by name."""
        for node, asset in self.assets.items():
            if asset not in assets:
                item = self.resolved[node]
                path = item.spec.place(f"params.{item.schema.asset_parameter}")
                message = f'there is no asset "{asset}"; upload it first, or check the name'
                yield Problem(node, path, Reason.ASSET_NOT_FOUND, message)

    def stream_problems(self, infos: Mapping[str, media.MediaInfo]) -> Iterator[Problem]:
        """Outputs that are used though the media, given by node, has no such stream; looks, sequences and subtitles
        that are none, and what is no media where media is read."""
        if not infos:
            return
        unlike: set[str] = set()
        for node, found in infos.items():
            holds = self.resolved[node].schema.asset_holds if node in self.resolved else None
            message = _unlike(holds, found)
            if message:
                item = self.resolved[node]
                path = item.spec.place(f"params.{item.schema.asset_parameter}")
                unlike.add(node)
                yield Problem(node, path, Reason.NO_STREAM, message)
            elif not self.problems and node in self.resolved:
                yield from self._mismatches(self.resolved[node], found)
        for item in self.resolved.values():
            for name, connection in item.connections.items():
                info = infos.get(connection.source)
                holds = self.resolved[connection.source].schema.asset_holds
                if info is None or holds != "media" or connection.source in unlike:
                    continue
                wants_sound = connection.output.kind == AUDIO
                if not (info.audio_streams if wants_sound else info.video_streams):
                    missing = "sound" if wants_sound else "picture"
                    message = (
                        f'the media of "{connection.source}" has no {missing}; leave this input out or use other media'
                    )
                    yield Problem(item.spec.id, item.spec.place(f"inputs.{name}"), Reason.NO_STREAM, message)

    def _mismatches(self, item: Resolved, info: media.MediaInfo) -> Iterator[Problem]:
        """Parameters that do not go with the node's asset."""
        if item.type.mismatched is not Node.mismatched:
            for name, message in item.at(Fraction(0)).mismatched(info):
                place = item.spec.place(f"params.{name}")
                yield Problem(item.spec.id, place, Reason.PARAMETER_RANGE, f'"{name}": {message}')

    def frame_count(self, output: str, infos: Mapping[str, media.MediaInfo]) -> tuple[int, list[Problem]]:
        """Frames of an output; without a duration, until the last of the media that it depends on ends.

        Muted and bypassed nodes count as if they were not, so that muting one does not change a movie's length.
        """
        return self._frames(self._ends([output], infos)[output])

    def length_problems(self, infos: Mapping[str, media.MediaInfo]) -> list[Problem]:
        """What is wrong with the outputs' lengths."""
        ends = self._ends(self.outputs, infos)
        return list(dict.fromkeys(problem for node in self.outputs for problem in self._frames(ends[node])[1]))

    def _ends(self, outputs: Sequence[str], infos: Mapping[str, media.MediaInfo]) -> dict[str, Fraction]:
        """When the media of each node and of all before it ends, for all that `outputs` depend on."""
        if self.document.settings.duration is not None:
            return dict.fromkeys(outputs, self.document.settings.duration)
        ends: dict[str, Fraction] = {}
        # All outputs behind one root, so that what they share is walked once.
        for node in post_order("", lambda node: self.sources(node) if node else outputs)[:-1]:
            item = self.resolved[node]
            own = None
            if item.type.extent is not Node.extent:
                own = item.at(Fraction(0)).extent(self._timed(infos.get(node)))
            ends[node] = max((ends[source] for source in self._played(item)), default=Fraction(0))
            if own is not None:
                ends[node] = max(own, ends[node])
        return ends

    def _played(self, item: Resolved) -> Iterator[str]:
        """What a node reads, but for that of which it takes single frames ahead: those last no time."""
        captured: set[str] = set()
        if item.type.captures is not Node.captures:
            captured = {capture.input for capture in item.at(Fraction(0)).captures()}
        for name, connection in item.connections.items():
            if name not in captured or item.spec.bypass:
                yield connection.source

    def _timed(self, info: media.MediaInfo | None) -> media.MediaInfo | None:
        """What is known of a node's media; stills that tell no rate have the document's."""
        if info is None or not info.HasField("sequence") or info.video_streams[0].frame_rate.numerator:
            return info
        timed = media.MediaInfo()
        timed.CopyFrom(info)
        fps = self.document.settings.fps
        timed.video_streams[0].frame_rate.numerator = fps.numerator
        timed.video_streams[0].frame_rate.denominator = fps.denominator
        return timed

    def _frames(self, duration: Fraction) -> tuple[int, list[Problem]]:
        count = self.document.settings.frame_count(duration)
        if count < 1:
            message = "no media says how long the output is; give the duration in seconds"
            return 0, [Problem("", "settings.duration", Reason.UNKNOWN_DURATION, message)]
        if duration > MAX_DURATION:
            message = f"the media lasts longer than {MAX_DURATION} s; give a duration"
            return 0, [Problem("", "settings.duration", Reason.LIMIT_EXCEEDED, message)]
        return count, []


def check(document: Document, catalogue: Catalogue) -> Checked:
    """Resolves every node and finds every problem that needs no media."""
    with collector_held():
        return _check(document, catalogue)


def _check(document: Document, catalogue: Catalogue) -> Checked:
    expanded, problems = expand(document, catalogue)
    expanded, outdated = upgraded(expanded, catalogue)
    resolved, found = resolve(expanded, catalogue, {problem.node for problem in outdated})
    problems += [*outdated, *found]
    sources = {
        node: [connection.source for connection in item.connections.values() if connection.source in resolved]
        for node, item in resolved.items()
    }
    for cycle in find_cycles(sources):
        path = way_around(cycle)
        message = f"the nodes feed each other in a circle: {path}; take one connection out"
        node, place = _in_the_way(cycle, resolved)
        problems.append(Problem(node, place, Reason.CYCLE, message))
    outputs = [node for node, item in resolved.items() if is_sink(item.type)]
    if not outputs and not outdated and (expanded.nodes or not document.nodes):
        problems.append(Problem("", "nodes", Reason.NO_OUTPUT, "there is no output; add a FileOutput node"))
    if len(outputs) > MAX_OUTPUTS:
        message = f"there are {len(outputs)} outputs; the most is {MAX_OUTPUTS}"
        problems.append(Problem("", "nodes", Reason.LIMIT_EXCEEDED, message))
    problems.extend(_switched_off(resolved))
    # A mistake in a group is one mistake, however often the group is used.
    told = {
        (problem.path, problem.reason, "" if problem.path.startswith("groups.") else problem.message): problem
        for problem in reversed(problems)
    }
    return Checked(document, expanded, resolved, list(told.values())[::-1], outputs)


def _unlike(holds: Holds | None, info: media.MediaInfo) -> str:
    """Why an asset is not what a node's parameter must hold; empty where it is."""
    if holds == "look" and not info.HasField("look"):
        return "this asset is no look; give a .cube, .clf, .3dl, .spi1d, .spi3d or .csp file"
    if holds == "sequence" and not info.HasField("sequence"):
        return "this asset is no image sequence; give a folder of numbered stills, or a pattern such as shot.####.exr"
    if holds == "subtitles" and not info.HasField("subtitles"):
        return "this asset is no subtitle file; give an .srt or .vtt file"
    if holds == "media" and info.HasField("subtitles"):
        return "this asset is a subtitle file; read it with a SubtitleInput"
    if holds == "media" and info.HasField("look"):
        return "this asset is a look; apply it with a LUT"
    if holds == "media" and info.HasField("sequence"):
        return "this asset is an image sequence; read it with a SequenceInput"
    return ""


def is_sink(node_type: type[Node]) -> bool:
    return not node_type.schema.outputs


def asset_of(item: Resolved) -> str | None:
    """The well-formed name of the asset that the node reads."""
    name = item.schema.asset_parameter
    signal = item.signals.get(name) if name is not None else None
    return signal.value if isinstance(signal, Constant) else None


def passed_input(item: Resolved, output: Output) -> Connection | None:
    """What a bypassed node gives as `output`: its main input, or else the first connected one of that kind, as the type
    declares them; pictures and images are one kind here."""
    connections = item.connections
    for name in (item.type.main, *item.schema.inputs):
        connection = connections.get(name)
        if connection is not None and _passes(connection.port.kind, output.kind):
            return connection
    return None


def _passes(given: PortType, wanted: PortType) -> bool:
    return given == wanted or {given, wanted} == {VIDEO, IMAGE}


def _in_the_way(cycle: Sequence[str], resolved: Mapping[str, Resolved]) -> tuple[str, str]:
    """A node of a circle, and the place where it can be opened: best in the document itself, else in a group."""
    for node in cycle:
        if resolved[node].spec.origin is None:
            return node, resolved[node].spec.place("inputs")
    for source, node in zip([cycle[-1], *cycle], cycle, strict=False):
        for name, connection in resolved[node].connections.items():
            place = resolved[node].spec.place(f"inputs.{name}")
            if connection.source == source and place.startswith("nodes."):
                return node, place
    return cycle[0], resolved[cycle[0]].spec.place("inputs")


def _switched_off(resolved: Mapping[str, Resolved]) -> Iterator[Problem]:
    """Nodes that are bypassed or muted and cannot be."""
    for item in resolved.values():
        spec = item.spec
        if (spec.bypass or spec.mute) and is_sink(item.type):
            name, reason = ("bypass", Reason.CANNOT_BYPASS) if spec.bypass else ("mute", Reason.CANNOT_MUTE)
            yield Problem(spec.id, spec.place(name), reason, "an output cannot be switched off; take it out")
        for connection in item.connections.values():
            source = resolved.get(connection.source)
            if source is None or not (source.spec.bypass or source.spec.mute):
                continue
            output = connection.output
            if source.spec.mute:
                if output.kind not in Muted.schema.outputs:
                    message = f'its output "{output.name}" is {output.kind}, of which there is no silence'
                    yield Problem(source.spec.id, source.spec.place("mute"), Reason.CANNOT_MUTE, message)
            elif passed_input(source, output) is None and not is_sink(source.type):
                message = (
                    f'nothing is connected that could pass through as its output "{output.name}" ({output.kind}); '
                    "mute it instead"
                )
                yield Problem(source.spec.id, source.spec.place("bypass"), Reason.CANNOT_BYPASS, message)
