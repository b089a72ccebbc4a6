"""The manifests' checker is itself checked: each rule must refuse what it is there for."""

from __future__ import annotations

import copy
import shutil

import pytest

from deploy.validate import OVERLAYS, Manifest, house_faults, render, schema_faults

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl renders the overlays")


@pytest.fixture(scope="module", params=["single-node", "cluster"])
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return render(OVERLAYS / request.param)


def deployment(manifests: list[Manifest], name: str) -> Manifest:
    return next(m for m in manifests if m["kind"] == "Deployment" and m["metadata"]["name"] == name)


def test_the_overlays_are_sound(manifests: list[Manifest]) -> None:
    assert [fault for m in manifests for fault in schema_faults(m)] == []
    assert list(house_faults(manifests)) == []


def test_an_unknown_field_is_named(manifests: list[Manifest]) -> None:
    broken = copy.deepcopy(deployment(manifests, "graph"))
    broken["spec"]["replica"] = 3
    assert any("replica" in fault for fault in schema_faults(broken))


def test_a_workload_without_its_fences_is_named(manifests: list[Manifest]) -> None:
    broken = copy.deepcopy(manifests)
    graph = deployment(broken, "graph")
    container = graph["spec"]["template"]["spec"]["containers"][0]
    del container["livenessProbe"]
    del container["resources"]["limits"]
    container["image"] = "artifex/service:latest"
    broken = [m for m in broken if not (m["kind"] == "PodDisruptionBudget" and m["metadata"]["name"] == "graph")]
    faults = "\n".join(house_faults(broken))
    for expected in ("livenessProbe", "limits", "names no version", "Deployment/graph: has no PodDisruptionBudget"):
        assert expected in faults


def test_services_run_once_on_one_node_and_twice_in_a_cluster() -> None:
    def replicas(overlay: str) -> dict[str, int]:
        found = [m for m in render(OVERLAYS / overlay) if m["kind"] == "Deployment"]
        return {m["metadata"]["name"]: m["spec"].get("replicas", 0) for m in found}

    assert replicas("single-node")["graph"] == 1
    assert replicas("cluster")["graph"] == 2
