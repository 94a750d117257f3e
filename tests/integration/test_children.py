"""What the operator makes of a ModelDeployment, and how it keeps it so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dohyo.contract import ANNOTATION_APPLIED
from tests.harness.live import Name
from tests.harness.manifests import model_deployment
from tests.harness.operator_process import operator
from tests.harness.pausing import pausing
from tests.harness.until import always, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.harness.live import Object
    from tests.harness.operator_process import OperatorProcess
    from tests.integration.conftest import Field

REPAIR_SECONDS = 10


def churn(*challengers: Object, **spec: Any) -> Object:
    return model_deployment("churn", pausing("v1"), challengers, **spec)


def test_every_child_is_there_and_then_nothing_is_written(
    field: Field, working: OperatorProcess
) -> None:
    field.apply(churn(pausing("v2", weight=20)))
    status = field.ready("churn", working)
    assert [v["weight"] for v in status["versions"]] == [80, 20]
    children = field.children("churn")
    assert sorted(kind for kind, _ in children) == [
        "Deployment",
        "Deployment",
        "PodDisruptionBudget",
        "PodDisruptionBudget",
        "Service",
        "Service",
        "Service",
    ]
    md = field.get("ModelDeployment", "churn")
    assert md is not None
    for child in children.values():
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == (md["metadata"]["uid"], True)
        managers = {entry["manager"] for entry in child["metadata"]["managedFields"]}
        assert "dohyo" in managers
    assert "finalizers" not in md["metadata"]
    assert "annotations" not in md["metadata"]
    written = working.writes()
    always("nothing is written", working.writes, lambda n: n == written, seconds=6)


def test_a_new_process_finds_nothing_to_do(field: Field, working: OperatorProcess) -> None:
    field.apply(churn(pausing("v2", weight=20)))
    field.ready("churn", working)
    before = versions_of(field)
    assert working.stop() == 0
    with operator(field.station) as process:
        until("it has looked at everything", lambda: reconciles(process), seconds=20)
        always("nothing is written", process.writes, (0).__eq__, seconds=3)
    assert versions_of(field) == before


def reconciles(process: OperatorProcess) -> int:
    lines = process.metrics().splitlines()
    counts = [x for x in lines if x.startswith("dohyo_reconcile_duration_seconds_count")]
    return int(float(counts[0].rpartition(" ")[2]))


def versions_of(field: Field) -> dict[tuple[str, str], str]:
    """What identifies each child's content: pods and counts of others do not belong to it."""
    return {
        key: child["metadata"]["annotations"][ANNOTATION_APPLIED]
        + str(child["metadata"].get("generation"))
        for key, child in field.children("churn").items()
    }


def scale_away(field: Field) -> None:
    name = field.child("churn", "Deployment", "v1")["metadata"]["name"]
    field.live.patch(Name("Deployment", name, field.namespace), {"spec": {"replicas": 0}})


def swap_image(field: Field) -> None:
    name = field.child("churn", "Deployment", "v1")["metadata"]["name"]
    change = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}
    field.live.patch(Name("Deployment", name, field.namespace), change)


def redirect(field: Field) -> None:
    change = {"spec": {"externalName": "elsewhere.example"}}
    field.live.patch(Name("Service", "churn", field.namespace), change)


def unlabel(field: Field) -> None:
    change = {"metadata": {"labels": {"dohyo.dev/modeldeployment": None}}}
    field.live.patch(Name("Service", "churn", field.namespace), change)


def unstamp(field: Field) -> None:
    change = {"metadata": {"annotations": {ANNOTATION_APPLIED: None}}}
    field.live.patch(Name("Service", "churn", field.namespace), change)


def delete_service(field: Field) -> None:
    field.live.delete(Name("Service", "churn", field.namespace))


def delete_deployment(field: Field) -> None:
    name = field.child("churn", "Deployment", "v1")["metadata"]["name"]
    field.live.delete(Name("Deployment", name, field.namespace))


@pytest.mark.parametrize(
    "harm",
    [scale_away, swap_image, redirect, unlabel, unstamp, delete_service, delete_deployment],
    ids=lambda harm: harm.__name__,
)
def test_what_somebody_changes_by_hand_is_repaired(
    field: Field, working: OperatorProcess, harm: Callable[[Field], None]
) -> None:
    field.apply(churn())
    field.ready("churn", working)
    wanted = contents(field)
    harm(field)
    until("it is as before", lambda: contents(field), lambda c: c == wanted, seconds=REPAIR_SECONDS)
    field.settled("churn", working)


def contents(field: Field) -> dict[tuple[str, str], Any]:
    return {
        key: (
            child["spec"],
            child["metadata"]["labels"],
            child["metadata"].get("annotations", {}).get(ANNOTATION_APPLIED),
        )
        for key, child in field.children("churn").items()
    }


def test_what_others_add_is_theirs(field: Field, working: OperatorProcess) -> None:
    field.apply(churn())
    field.ready("churn", working)
    written = working.writes()
    change = {"metadata": {"labels": {"team": "retention"}, "annotations": {"note": "ours"}}}
    field.live.patch(Name("Service", "churn", field.namespace), change)
    always("nothing is written", working.writes, lambda n: n == written, seconds=3)
    service = field.get("Service", "churn")
    assert service is not None
    assert service["metadata"]["labels"]["team"] == "retention"


def test_a_removed_challenger_loses_its_children(field: Field, working: OperatorProcess) -> None:
    field.apply(churn(pausing("v2")))
    field.ready("churn", working)
    field.apply(churn())
    until(
        "v2 is gone",
        lambda: field.children("churn"),
        lambda children: not any("-v2-" in name for _, name in children),
        seconds=40,
    )
    assert len(field.children("churn")) == 4


def test_deletion_takes_everything_along_even_without_an_operator(
    field: Field, working: OperatorProcess
) -> None:
    field.apply(churn())
    field.apply(model_deployment("stay", pausing("v1")))
    field.ready("churn", working)
    field.ready("stay", working)
    assert working.stop() == 0
    field.live.delete(Name("ModelDeployment", "churn", field.namespace))
    until("its children are gone", lambda: not field.children("churn"), seconds=40)
    with operator(field.station) as process:
        field.settled("stay", process)
        assert process.writes() == 0
        field.live.delete(Name("ModelDeployment", "stay", field.namespace))
        until("its children are gone", lambda: not field.children("stay"), seconds=40)
        until("its metrics are gone", lambda: 'modeldeployment="stay"' not in process.metrics(),
              seconds=5)  # fmt: skip
