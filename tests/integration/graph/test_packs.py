"""Node packs, installed as users install them, in processes of their own: the same results as in this one, and what
happens when they go wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Frame, installed_packs, load
from services.graph.domain.compile.analyses import decode, with_analysed
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import Compiled, check, compile
from services.graph.domain.compile.plan import Analysed
from services.graph.domain.evaluate import analysis, plans
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.mixdown import SoundPuller
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.domain.evaluate.sources import SourceFile, open_sources
from services.graph.nodes import BUILTIN
from services.graph.packs.process import PackFailed, PackProcess
from services.graph.packs.proxy import PackNode, node_types
from tests.support.packs import TEMPLATE, TROUBLESOME, install
from tests.unit.services.graph.support import document, footage, footage_info, output

TITLE: dict[str, Any] = {"type": "TextInput", "params": {"text": "안녕", "size": 20, "position": [0.5, 0.5]}}
MOVING: dict[str, Any] = {
    "type": "Transform2D",
    "inputs": {"video": "title"},
    "params": {"translate": {"keys": [[0, [0, 0]], [1, [20, 9]]]}},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Both packs, installed in a folder that this process and its children look into."""
    folder = tmp_path_factory.mktemp("packs") / "site"
    for source in (TEMPLATE, TROUBLESOME):
        install(source, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", str(folder))
        yield folder


@pytest.fixture(scope="module")
def packs(site: Path) -> Iterator[dict[str, PackProcess]]:
    processes = {pack.name: PackProcess(pack.name, call_seconds=20) for pack in installed_packs()}
    yield processes
    for process in processes.values():
        process.close()


@pytest.fixture(scope="module")
def apart(packs: dict[str, PackProcess]) -> Catalogue:
    """The packs' types in processes of their own."""
    versions = {pack.name: pack.version for pack in installed_packs()}
    found = [node for name, process in packs.items() for node in node_types(name, versions[name], process)]
    return Catalogue([*BUILTIN, *found])


@pytest.fixture(scope="module")
def within(site: Path) -> Catalogue:
    """The same types imported here: what the others must equal."""
    return Catalogue([*BUILTIN, *(node for pack in installed_packs() for node in load(pack))])


def compiled(catalogue: Catalogue, nodes: dict[str, Any], **sources: Any) -> Compiled:
    return compile(document({"title": TITLE, "moving": MOVING, **nodes}), catalogue, "out", sources)


def frame(catalogue: Catalogue, nodes: dict[str, Any], index: int = 7, scale: Fraction = Fraction(1)) -> Frame:
    made = compiled(catalogue, {**nodes, "out": output("x")})
    return FramePuller(made, {}, WorkingColour("ACEScg"), scale=scale).frame(index)


def test_a_pack_brings_its_old_nodes_forward(apart: Catalogue, within: Catalogue) -> None:
    def moved(half: object) -> dict[str, Any]:
        node = {"type": "Moved", "version": "1.3.0", "inputs": {"video": "moving"}, "params": {"half": half}}
        return {"x": node, "out": output("x.picture")}

    for types in (apart, within):
        last = compiled(types, moved(2.5)).steps[-1]
        assert last.at(Fraction(0)).schema.type in ("Moved", "MotionRun")
        assert next(signal for name, signal in last.signals.items() if name.endswith("by")).at(Fraction(0)) == 5.0
        missing = {**moved(1), "x": {**moved(1)["x"], "params": {}}}
        (problem,) = check(document({"title": TITLE, "moving": MOVING, **missing}), types).problems
        assert (problem.path, problem.reason) == ("nodes.x.version", "unsupported_version")
        (problem,) = check(document({"title": TITLE, "moving": MOVING, **moved([1, 2])}), types).problems
        assert (problem.path, problem.reason) == ("nodes.x.params.by", "parameter_type")


def test_packs_are_found_with_their_versions(site: Path) -> None:
    found = {pack.name: pack.version for pack in installed_packs()}
    assert found == {"artifex-film-looks": "1.0.0", "troublesome": "0.3.1"}


def test_a_type_is_described_as_it_declares_itself(apart: Catalogue, within: Catalogue) -> None:
    ours = {node.schema.type for node in BUILTIN}
    for name in within.keys() - ours:
        told, declared = apart[name], within[name]
        assert issubclass(told, PackNode)
        for attribute in ("version", "category", "summary", "documentation"):
            assert getattr(told.schema, attribute) == getattr(declared.schema, attribute)
        for ports in ("inputs", "outputs"):
            pairs = zip(getattr(told.schema, ports).values(), getattr(declared.schema, ports).values(), strict=True)
            for one, other in pairs:
                assert (one.name, one.kind, one.doc) == (other.name, other.kind, other.doc)
        for one, other in zip(told.schema.parameters.values(), declared.schema.parameters.values(), strict=True):
            assert type(one) is type(other)
            for attribute in ("name", "default", "doc", "unit", "minimum", "maximum", "animatable", "choices"):
                assert getattr(one, attribute) == getattr(other, attribute)


@pytest.mark.parametrize("scale", [Fraction(1), Fraction(1, 2)])
@pytest.mark.parametrize(
    ("node_type", "params"),
    [
        ("Vignette", {"strength": {"keys": [[0, 0.2], [1, 2]]}}),
        ("Grain", {"amount": 0.3, "seed": 9}),
        ("Grain", {"amount": 0}),
        ("Echo", {"reach": 2, "label": "wide"}),
        ("Smeared", {"level": {"keys": [[0, 0.5], [0.3, 2]]}, "reach": 3}),
        ("Smeared", {"level": 0.5}),
        ("Smeared", {"level": {"keys": [[0, 0.5], [0.3, 2]]}, "reach": 0}),
        ("Halved", {}),
        ("Moved", {"by": 4.25}),
        ("Shaken", {"by": {"keys": [[0, 0], [0.3, 20]]}}),
    ],
)
def test_a_frame_is_the_same_as_in_this_process(
    apart: Catalogue, within: Catalogue, node_type: str, params: dict[str, Any], scale: Fraction
) -> None:
    nodes = {"x": {"type": node_type, "inputs": {"video": "moving"}, "params": params}}
    for index in (7, 0):
        one, other = frame(apart, nodes, index, scale), frame(within, nodes, index, scale)
        assert one.filled(other.window).any()
        np.testing.assert_array_equal(one.filled(other.window), other.pixels)


def test_many_requests_of_one_node(apart: Catalogue, within: Catalogue) -> None:
    """More than a node remembers the answers to: what is forgotten is asked again, and not in the middle of a call."""
    nodes = {"x": {"type": "Echo", "inputs": {"video": "moving"}}, "out": output("x")}
    pullers = [FramePuller(compiled(types, nodes), {}, WorkingColour("ACEScg")) for types in (apart, within)]
    for index in range(150):
        one, other = (puller.frame(index) for puller in pullers)
        np.testing.assert_array_equal(one.filled(other.window), other.pixels)


def test_packs_and_built_in_nodes_mix(apart: Catalogue, within: Catalogue) -> None:
    nodes = {
        "a": {"type": "Vignette", "inputs": {"video": "moving"}},
        "b": {"type": "ColorCorrector", "inputs": {"video": "a"}, "params": {"exposure": 1}},
        "c": {"type": "Halved", "inputs": {"video": "b"}},
        "d": {"type": "Moved", "inputs": {"video": "c"}},
        "x": {"type": "Merge", "inputs": {"a": "d", "b": "moving"}},
    }
    one, other = frame(apart, nodes), frame(within, nodes)
    np.testing.assert_allclose(one.filled(other.window), other.pixels, atol=1e-5)


def test_a_pack_reads_its_media_through_the_engine(apart: Catalogue, within: Catalogue) -> None:
    nodes = {
        "x": {"type": "Reads", "params": {"asset": "assets/clip"}},
        "loud": {
            "type": "Louder",
            "inputs": {"audio": "x.audio", "audio.1": "x.audio"},
            "params": {"gain": {"keys": [[0, 0], [1, 1]]}, "gain.1": 0.5},
        },
        "out": output("x", audio="loud"),
    }
    pictures, sounds = [], []
    for catalogue in (apart, within):
        made = compiled(catalogue, nodes, x=footage_info())
        colour = WorkingColour("ACEScg")
        with open_sources({"x": SourceFile(footage(), footage_info())}, colour, threads=1) as opened:
            pictures.append(FramePuller(made, dict(opened), colour).frame(3).pixels)
            sounds.append(SoundPuller(made, dict(opened)).block(4800, 9600).samples)
    np.testing.assert_array_equal(pictures[0], pictures[1])
    np.testing.assert_array_equal(sounds[0], sounds[1])
    assert np.abs(sounds[0]).max() > 0


def test_a_pack_looks_at_the_whole_clip(
    apart: Catalogue, within: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind nodes of the same pack, one of which looks at the clip, too."""
    nodes = {
        "title": TITLE,
        "moving": MOVING,
        "reads": {"type": "Reads", "params": {"asset": "assets/clip"}},
        "echo": {"type": "Echo", "inputs": {"video": "moving"}},
        "first": {"type": "Even", "inputs": {"video": "echo"}, "params": {"level": 0.25}},
        "second": {"type": "Even", "inputs": {"video": "first"}, "params": {"level": 0.5}},
        "loud": {
            "type": "Peak",
            "inputs": {"audio": "reads.audio", "audio.1": "reads.audio"},
            "params": {"gain": {"keys": [[0, 0], [1, 1]]}, "gain.1": 0.5},
        },
        "out": {**output("second", audio="loud"), "params": {"path": "x.mov", "audio_codec": "pcm"}},
    }
    made = document(nodes, duration="6/25")
    media = {"reads": SourceFile(footage(), footage_info(), "c0ffee")}
    results = []
    for types in (apart, within):
        monkeypatch.setattr(plans, "catalogue", lambda types=types: types)
        found: dict[str, Analysed] = {}
        for node in ("first", "second", "loud"):
            path = tmp_path / node
            analysis.analyse(plans.plan(made, "", media), media, node, found, path, 1, lambda done: None)
            found[node] = decode(path.read_text())
        key = analysis.analysis_key(plans.plan(made, "", media), media, "second")
        bound = with_analysed(compile(made, types, "", {"reads": footage_info()}), found)
        colour = WorkingColour("ACEScg")
        with open_sources(media, colour, threads=1) as opened:
            seen = FramePuller(bound, dict(opened), colour).frame(3)
            heard = SoundPuller(bound, dict(opened)).block(0, 9600)
        results.append((found, key, seen.pixels, heard.samples))
    (found, key, pixels, samples), (its_found, its_key, its_pixels, its_samples) = results
    assert found == its_found
    assert found["first"].value["frames"] == 6
    assert found["second"].value["mean"] == pytest.approx(0.25, rel=1e-4)
    assert key == its_key
    np.testing.assert_array_equal(pixels, its_pixels)
    np.testing.assert_array_equal(samples, its_samples)


@pytest.mark.parametrize(("how", "words"), [("wrong", "ValueError: Out of range float"), ("undeclared", "KeyError")])
def test_what_a_pack_must_not_find_is_its_error(
    apart: Catalogue, how: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "catalogue", lambda: apart)
    even = {"type": "Even", "inputs": {"video": "moving"}, "params": {"how": how}}
    made = document({"title": TITLE, "moving": MOVING, "x": even, "out": output("x")})
    with pytest.raises(PackFailed, match=words) as caught:
        analysis.analyse(plans.plan(made, "", {}), {}, "x", {}, tmp_path / "x", 1, lambda done: None)
    assert (caught.value.metadata["pack"], caught.value.metadata["node"]) == ("troublesome", "x")


def test_values_that_do_not_go_together_are_refused(apart: Catalogue) -> None:
    echo = apart["Echo"]
    values = {name: parameter.default for name, parameter in echo.schema.parameters.items()} | {"label": "wide"}
    assert list(echo(values).misfits(100, 200)) == [("label", "a wide document is wider than high")]
    assert not list(echo(values).misfits(200, 100))
    assert not list(echo(values).misconnected(["video"]))
    assert list(echo({**values, "label": "blind"}).misconnected(["video"])) == [("video", "who is blind needs none")]
    stills = media.MediaInfo(format="zip", sequence=media.StillSequence(still_count=9))
    assert list(echo(values).mismatched(stills)) == [("label", "there are 9 stills without labels")]
    assert not list(echo(values).mismatched(media.MediaInfo(format="mov")))


def test_an_error_names_pack_node_and_frame(apart: Catalogue) -> None:
    with pytest.raises(PackFailed, match="RuntimeError: the emulsion is gone") as caught:
        frame(apart, {"x": {"type": "Raises", "inputs": {"video": "moving"}}})
    assert caught.value.reason == "ERROR_REASON_NODE_PACK_FAILED"
    assert caught.value.metadata["pack"] == "troublesome"
    assert (caught.value.metadata["node"], caught.value.metadata["frame"]) == ("x", "7")


def test_a_crash_is_told_and_the_next_call_begins_anew(apart: Catalogue, within: Catalogue) -> None:
    halved = {"x": {"type": "Halved", "inputs": {"video": "moving"}}}
    expected = frame(within, halved)
    for _ in range(2):
        with pytest.raises(PackFailed, match="troublesome was ended by SIGSEGV"):
            frame(apart, {"x": {"type": "Dies", "inputs": {"video": "moving"}}})
        np.testing.assert_array_equal(frame(apart, halved).filled(expected.window), expected.pixels)


def test_a_node_that_hangs_is_ended(site: Path) -> None:
    before = set(psutil.Process().children())
    process = PackProcess("troublesome", call_seconds=3)
    try:
        impatient = Catalogue([*BUILTIN, *node_types("troublesome", "0.3.1", process)])
        with pytest.raises(PackFailed, match="gave no answer within 3 s"):
            frame(impatient, {"x": {"type": "Hangs", "inputs": {"video": "moving"}}})
        assert frame(impatient, {"x": {"type": "Halved", "inputs": {"video": "moving"}}}).pixels.any()
    finally:
        process.close()
    assert set(psutil.Process().children()) <= before


def test_a_pack_that_cannot_be_imported_is_told(site: Path, tmp_path: Path) -> None:
    source = tmp_path / "broken"
    (source / "src" / "broken").mkdir(parents=True)
    (source / "pyproject.toml").write_text(
        '[project]\nname = "broken"\nversion = "1.0.0"\n[project.entry-points."artifex.nodes"]\nall = "broken"\n'
    )
    (source / "src" / "broken" / "__init__.py").write_text('raise OSError("no licence dongle")\n')
    install(source, tmp_path / "site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path / "site"))
        process = PackProcess("broken")
        with pytest.raises(PackFailed, match="OSError: no licence dongle"):
            node_types("broken", "1.0.0", process)
        process.close()


def test_the_code_of_a_pack_stays_out_of_the_platform(site: Path) -> None:
    """The catalogue that the services use, in a process that imported nothing of the packs before."""
    script = (
        "import sys; from services.graph.domain.compile.catalogue import catalogue; c = catalogue();"
        "print('Vignette' in c, 'Echo' in c, any(n.startswith(('artifex_film', 'troublesome')) for n in sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["True", "True", "False"]
