"""Render every Kubernetes overlay and check it offline: `python -m deploy.validate`. Run by `make lint`.

1. `kubectl kustomize` must render the overlay.
2. Every object must fit the schema of the Kubernetes version named below, without unknown fields.
3. The house's own rules: probes, limits, an unprivileged user, a disruption budget and a network policy for everything
   that runs, images by version, and settings that exist.

No cluster is asked. That an apply succeeds on a real one is not proved here.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

KUBERNETES = "1.34"
OVERLAYS = Path(__file__).resolve().parent / "k8s" / "overlays"
WORKLOADS = ("Deployment", "StatefulSet")

Manifest = dict[str, Any]


class KubectlMissing(Exception):
    """`kubectl` is not on PATH."""


def render(overlay: Path) -> list[Manifest]:
    """The overlay's objects. Raises KubectlMissing, or CalledProcessError with kustomize's own message on stderr."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise KubectlMissing("kubectl renders the overlays and is not on PATH: install any version from 1.30 on")
    done = subprocess.run([kubectl, "kustomize", str(overlay)], check=True, capture_output=True, text=True)
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def schema_faults(manifest: Manifest) -> Iterator[str]:
    try:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        path = ".".join(str(part) for part in error.path)
        yield f"{name_of(manifest)}: {path}: {error.message}"


def container_faults(workload: Manifest) -> Iterator[str]:
    pod = workload["spec"]["template"]["spec"]
    where = name_of(workload)
    if not pod.get("securityContext", {}).get("runAsNonRoot"):
        yield f"{where}: runs as whatever user the image names; set runAsNonRoot"
    for container in pod["containers"]:
        place = f"{where}: container {container['name']}"
        limits = container.get("resources", {}).get("limits", {})
        if not {"cpu", "memory"} <= set(limits):
            yield f"{place}: has no limits of cpu and memory"
        if "livenessProbe" not in container:
            yield f"{place}: has no livenessProbe"
        if container.get("ports") and "readinessProbe" not in container:
            yield f"{place}: has ports and no readinessProbe"
        security = container.get("securityContext", {})
        if security.get("allowPrivilegeEscalation") is not False or not security.get("readOnlyRootFilesystem"):
            yield f"{place}: may escalate or write its own image"
        if ":" not in container["image"] or container["image"].endswith(":latest"):
            yield f"{place}: image {container['image']} names no version"


def house_faults(manifests: list[Manifest]) -> Iterator[str]:
    """The rules that hold between objects."""
    budgets = [m["spec"]["selector"]["matchLabels"] for m in manifests if m["kind"] == "PodDisruptionBudget"]
    policies = [m["spec"]["podSelector"] for m in manifests if m["kind"] == "NetworkPolicy"]
    for workload in manifests:
        if workload["kind"] not in WORKLOADS:
            continue
        yield from container_faults(workload)
        labels = workload["spec"]["template"]["metadata"]["labels"]
        if not any(budget.items() <= labels.items() for budget in budgets):
            yield f"{name_of(workload)}: has no PodDisruptionBudget"
        if not any(policy and selects(policy, labels) for policy in policies):
            yield f"{name_of(workload)}: is named by no NetworkPolicy"


def selects(selector: Manifest, labels: Manifest) -> bool:
    """True when a label selector of matchLabels and `In` expressions picks these labels."""
    exact = selector.get("matchLabels", {}).items() <= labels.items()
    return exact and all(labels.get(e["key"]) in e["values"] for e in selector.get("matchExpressions", []))


def main() -> int:
    faults: list[str] = []
    for overlay in sorted(path.parent for path in OVERLAYS.glob("*/kustomization.yaml")):
        try:
            manifests = render(overlay)
        except KubectlMissing as error:
            faults.append(str(error))
            break
        except subprocess.CalledProcessError as error:
            faults.append(f"{overlay.name}: {error.stderr.strip()}")
            continue
        found = [fault for manifest in manifests for fault in schema_faults(manifest)]
        found += house_faults(manifests)
        faults += [f"{overlay.name}: {fault}" for fault in found]
        sys.stdout.write(f"{overlay.name}: {len(manifests)} objects, {len(found)} faults\n")
    for fault in faults:
        sys.stderr.write(fault + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
