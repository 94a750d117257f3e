"""`helm upgrade` never meets a field that Kubernetes forbids to change."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import yaml

from tests.charts.rendering import CRDS, DOHYO, Chart, Object, every_option, of_kind

if TYPE_CHECKING:
    from pathlib import Path

VERSIONED_LABELS = {"app.kubernetes.io/version", "helm.sh/chart"}


def at_version(chart: Chart, version: str, folder: Path) -> Chart:
    """The same chart under another version."""
    copy = folder / chart.folder.name
    shutil.copytree(chart.folder, copy)
    metadata = yaml.safe_load((copy / "Chart.yaml").read_text())
    metadata |= {"version": version, "appVersion": version}
    (copy / "Chart.yaml").write_text(yaml.safe_dump(metadata))
    return Chart(copy)


def immutable(objects: list[Object]) -> dict[str, Any]:
    """By object: what cannot be changed once it exists, and what selects by labels."""
    found: dict[str, Any] = {}
    for each in objects:
        name = f"{each['kind']} {each['metadata'].get('namespace')}/{each['metadata']['name']}"
        spec = each.get("spec", {})
        found[name] = {
            "selector": spec.get("selector") or spec.get("podSelector"),
            "clusterIP": spec.get("clusterIP"),
            "roleRef": each.get("roleRef"),
        }
    return found


def test_names_and_selectors_do_not_depend_on_the_version(tmp_path: Path) -> None:
    next_version = at_version(DOHYO, "9.8.7", tmp_path)

    for values in ({}, every_option()):
        assert immutable(next_version.render(values)) == immutable(DOHYO.render(values))


def test_selectors_do_not_depend_on_options() -> None:
    chosen = every_option()
    del chosen["nameOverride"], chosen["fullnameOverride"]
    before, after = immutable(DOHYO.render()), immutable(DOHYO.render(chosen))

    assert {n: after[n] for n in before.keys() & after.keys()} == {
        n: before[n] for n in before.keys() & after.keys()
    }
    assert "Deployment dohyo-system/dohyo-gateway" in before.keys() & after.keys()


def test_pods_carry_what_their_selectors_ask_for_and_no_version(tmp_path: Path) -> None:
    next_version = at_version(DOHYO, "9.8.7", tmp_path)
    for deployment in of_kind(next_version.render(every_option()), "Deployment"):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert not VERSIONED_LABELS & set(labels)


def test_the_image_follows_the_version_of_the_application(tmp_path: Path) -> None:
    next_version = at_version(DOHYO, "9.8.7", tmp_path)
    images = [
        c["image"]
        for d in of_kind(next_version.render(), "Deployment")
        for pod in [d["spec"]["template"]["spec"]]
        for c in [*pod.get("initContainers", []), *pod["containers"]]
    ]

    assert images == ["dohyo/gateway:9.8.7", "envoyproxy/envoy:v1.40.0", "dohyo/operator:9.8.7"]


def test_uninstalling_keeps_the_definitions_of_the_resources() -> None:
    definitions = of_kind(CRDS.render(), "CustomResourceDefinition")

    assert len(definitions) == 2
    for definition in definitions:
        assert definition["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
