"""Rollouts on a real API server, decided by a query of a real Prometheus.

No evidence service is needed for that: versions are pods that do nothing, and what moves is the
status, the routes and the pods.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from dohyo.verdict.orders import annotation
from tests.harness.live import Name
from tests.harness.manifests import model_deployment
from tests.harness.operator_process import OperatorProcess
from tests.harness.pausing import pausing
from tests.harness.prometheus import prometheus
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.live import Object
    from tests.harness.prometheus import Prometheus
    from tests.integration.conftest import Field

NAME = "churn"
GOOD = {"name": "custom", "metric": "prometheus", "query": "sum(up)", "min": 1}
BAD = {**GOOD, "min": 2}
STEPS = ({"shadow": 100, "for": "1s"}, {"weight": 10, "for": "1s"}, {"weight": 50, "for": "2s"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus(tmp_path_factory.mktemp("prometheus")) as running:
        yield running


@pytest.fixture
def asking(field: Field, server: Prometheus) -> Iterator[OperatorProcess]:
    """An operator that asks Prometheus twice a second."""
    variables = {"DOHYO_PROMETHEUS_URL": server.url, "DOHYO_EVIDENCE_SECONDS": "0.5"}
    station = dataclasses.replace(field.station, variables=variables)
    process = OperatorProcess(station).await_lead()
    try:
        yield process
    finally:
        if process.running:
            process.stop()


def churn(gate: Object, *challengers: str, **rollout: Any) -> Object:
    fields = {"steps": list(STEPS), "gates": [gate], "maxDuration": "1h", **rollout}
    versions = tuple(pausing(name) for name in challengers or ("v2",))
    return model_deployment(NAME, pausing("v1"), versions, rollout=fields)


def dohyo(field: Field, *arguments: str) -> tuple[int, str]:
    """The program as a user runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "dohyo.cli", *arguments, "--namespace", field.namespace],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env={**os.environ, "KUBECONFIG": str(field.station.kubeconfig)},
    )
    return done.returncode, done.stdout + done.stderr


def await_champion(field: Field, name: str) -> Object:
    return until(
        f"{name} serves",
        lambda: field.status(NAME),
        lambda status: status.get("champion") == name,
        seconds=90,
    )


def state(status: Object, challenger: str) -> str:
    found = [r["state"] for r in status.get("rollouts", ()) if r["challenger"] == challenger]
    return found[0] if found else ""


def events(field: Field) -> set[str]:
    found = field.live.listed("Event", field.namespace)
    return {e["reason"] for e in found if e["involvedObject"]["name"] == NAME}


def test_a_promotion_leaves_the_spec_and_survives_a_kill(
    field: Field, asking: OperatorProcess
) -> None:
    field.apply(churn(GOOD))
    until(
        "the last step is reached",
        lambda: field.status(NAME).get("rollouts", [{}])[0].get("step"),
        lambda step: step == 2,
        seconds=90,
    )
    asking.kill()
    heir = OperatorProcess(asking.station).await_lead(seconds=60)
    try:
        status = await_champion(field, "v2")
        assert [h["outcome"] for h in status["history"]] == ["Promoted"]
        assert status["ended"] == {"Promoted": 1}
        md = field.get("ModelDeployment", NAME)
        assert md is not None
        assert md["spec"]["champion"]["name"] == "v1"
        assert {"TrialStarted", "StepStarted", "Promoted", "GatePassed"} <= events(field)

        before = field.settled(NAME, heir)
        pods = {p["metadata"]["uid"] for p in pods_of(field, "v2")}
        followed = churn(GOOD)
        followed["spec"]["champion"] = pausing("v2")
        followed["spec"]["challengers"] = []
        field.apply(followed)
        after = field.settled(NAME, heir)
        assert after["champion"] == "v2"
        assert after["routing"]["salt"] == before["routing"]["salt"]
        assert {p["metadata"]["uid"] for p in pods_of(field, "v2")} == pods
        kept = {v["name"]: v["role"] for v in after["versions"]}
        assert kept == {"v2": "champion", "v1": "previous"}
        assert "dohyo_rollout_ended_total{" in heir.metrics()
    finally:
        heir.stop()


def pods_of(field: Field, version: str) -> list[Object]:
    labels = {"dohyo.dev/modeldeployment": NAME, "dohyo.dev/version": version}
    return field.live.listed("Pod", field.namespace, labels)


def test_a_limit_that_is_missed_rolls_back_and_says_by_how_much(
    field: Field, asking: OperatorProcess
) -> None:
    field.apply(churn(BAD))
    status = until(
        "v2 is out",
        lambda: field.status(NAME),
        lambda status: state(status, "v2") == "Rejected",
        seconds=90,
    )
    (entry,) = status["history"]
    assert entry["outcome"] == "GateFailed"
    assert "the query gives 1 < min 2" in entry["evidence"]["verdict"]["message"]
    assert status["champion"] == "v1"
    code, told = dohyo(field, "history", NAME)
    assert code == 0
    assert "the query gives 1 < min 2" in told
    assert asking.running


def test_orders_are_followed_once_and_their_annotations_go(
    field: Field, asking: OperatorProcess
) -> None:
    field.apply(churn(BAD, onFail="Pause"))
    until(
        "v2 is paused",
        lambda: field.status(NAME),
        lambda status: state(status, "v2") == "Paused",
        seconds=90,
    )
    code, told = dohyo(field, "promote", NAME, "v9")
    assert code == 1
    assert "promote v9: is no challenger; there are: v2" in told
    code, told = dohyo(field, "promote", NAME)
    assert (code, told.strip()) == (0, "v2 is promoted by hand")
    await_champion(field, "v2")
    name = Name("ModelDeployment", NAME, field.namespace)
    field.live.patch(name, {"metadata": {"annotations": {annotation("undo"): "true"}}})
    await_champion(field, "v1")
    until(
        "no annotation is left",
        lambda: (field.get("ModelDeployment", NAME) or {})["metadata"].get("annotations") or {},
        lambda left: not left,
        seconds=30,
    )
    status = field.settled(NAME, asking)
    assert [h["outcome"] for h in status["history"]] == ["Undone", "PromotedByHand"]
    assert {"OrderTaken", "OrderRefused", "Undone", "PromotedByHand"} <= {
        reason.removeprefix("RolledBack") for reason in events(field)
    }


@pytest.mark.parametrize("mode", ["Parallel", "Queue", "Replace"])
def test_a_new_challenger_comes_as_configured(
    field: Field, asking: OperatorProcess, mode: str
) -> None:
    undecided = {"name": "custom", "metric": "prometheus", "query": "up == 0", "max": 1}
    slow = [{"weight": 10, "for": "1h"}]
    field.apply(churn(undecided, "v2", steps=slow, onNewChallenger=mode))
    until(
        "v2 is on trial",
        lambda: field.status(NAME),
        lambda status: state(status, "v2") == "Running",
        seconds=90,
    )
    field.apply(churn(undecided, "v2", "v3", steps=slow, onNewChallenger=mode))
    expected = {
        "Parallel": {"v2": "Running", "v3": "Running"},
        "Queue": {"v2": "Running", "v3": "Queued"},
        "Replace": {"v2": "Rejected", "v3": "Running"},
    }[mode]
    until(
        f"{expected}",
        lambda: {name: state(field.status(NAME), name) for name in expected},
        lambda seen: seen == expected,
        seconds=90,
    )
    assert asking.running


def test_a_prometheus_that_is_away_decides_nothing(field: Field, tmp_path: Path) -> None:
    variables = {"DOHYO_PROMETHEUS_URL": "http://127.0.0.1:9", "DOHYO_EVIDENCE_SECONDS": "0.5"}
    station = dataclasses.replace(
        field.station, variables=variables, log=tmp_path / "asking-nobody.log"
    )
    process = OperatorProcess(station).await_lead()
    try:
        field.apply(churn(GOOD))
        status = until(
            "the verdict is an error",
            lambda: field.status(NAME),
            lambda s: (s.get("rollouts") or [{}])[0].get("verdict", {}).get("outcome") == "error",
            seconds=90,
        )
        assert status["rollouts"][0].get("step", 0) == 0
        assert "Prometheus at http://127.0.0.1:9" in status["rollouts"][0]["verdict"]["message"]
    finally:
        process.stop()
