from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from dohyo.cli import main

if TYPE_CHECKING:
    from pathlib import Path

RING = """\
apiVersion: dohyo.dev/v1alpha1
kind: ModelDeployment
metadata: {name: satisfaction}
spec:
  champion: {name: v12, bento: "satisfaction:v12", image: "satisfaction:v12"}
  challengers:
    - {name: v13, bento: "satisfaction:v13", image: "satisfaction:v13", weight: 10}
  scaling: {minReplicas: 2}
"""


@pytest.fixture
def ring(tmp_path: Path) -> str:
    path = tmp_path / "ring.yaml"
    path.write_text(RING)
    return str(path)


def planned(output: str) -> set[tuple[str, str]]:
    return {(m["kind"], m["metadata"]["name"]) for m in yaml.safe_load_all(output)}


def test_the_objects_of_each_version_are_printed(
    ring: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "-f", ring]) == 0
    kinds = [kind for kind, _ in planned(capsys.readouterr().out)]
    assert kinds.count("Deployment") == 2
    assert kinds.count("Service") == 3
    assert kinds.count("PodDisruptionBudget") == 2


def test_what_is_printed_can_be_applied_without_an_owner(
    ring: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "-f", ring, "-n", "shop", "--output", "json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert document["kind"] == "List"
    metadata = [item["metadata"] for item in document["items"]]
    assert {m["namespace"] for m in metadata} == {"shop"}
    assert not any("ownerReferences" in m for m in metadata)


def test_the_same_file_gives_the_same_plan(ring: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["plan", "-f", ring])
    first = capsys.readouterr().out
    main(["plan", "-f", ring])
    assert capsys.readouterr().out == first


def test_the_way_in_leads_to_the_gateway_that_is_named(
    ring: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["plan", "-f", ring, "--gateway-namespace", "ring", "--cluster-domain", "example"])
    services = [m for m in yaml.safe_load_all(capsys.readouterr().out) if m["kind"] == "Service"]
    assert [s["spec"]["externalName"] for s in services if "externalName" in s["spec"]] == [
        "dohyo-gateway.ring.svc.example"
    ]


def test_nothing_is_planned_for_a_file_with_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ring.yaml"
    path.write_text(RING.replace("weight: 10", "weight: 110"))
    assert main(["plan", "-f", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    remark, last = captured.err.splitlines()
    assert "spec.challengers[0].weight: 110 is above 100" in remark
    assert last == "dohyo: nothing is planned for a file with errors"


def test_what_is_not_carried_out_is_told_beside_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ring.yaml"
    path.write_text(RING.replace("{minReplicas: 2}", "{minReplicas: 0}"))
    assert main(["plan", "-f", str(path)]) == 0
    captured = capsys.readouterr()
    assert "warning: spec.scaling.minReplicas: 0 is not carried out" in captured.err
    assert planned(captured.out)
