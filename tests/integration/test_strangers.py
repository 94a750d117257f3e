"""Objects that are not ours are never touched, whatever they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dohyo.plan.child_names import child_name, version_labels
from tests.harness.live import Name
from tests.harness.manifests import model_deployment
from tests.harness.pausing import pausing
from tests.harness.until import until

if TYPE_CHECKING:
    from tests.harness.live import Object
    from tests.harness.operator_process import OperatorProcess
    from tests.integration.conftest import Field


def conflict(field: Field) -> dict[str, str]:
    conditions = field.status("churn").get("conditions", ())
    return next((c for c in conditions if c["type"] == "NameConflict"), {})


def test_a_service_with_our_name_is_left_alone_until_it_is_gone(
    field: Field, working: OperatorProcess
) -> None:
    spec = {"type": "ExternalName", "externalName": "somebody.example"}
    theirs = field.live.create(
        "Service", field.namespace, {"metadata": {"name": "churn"}, "spec": spec}
    )
    field.apply(model_deployment("churn", pausing("v1")))
    until("it is told", lambda: conflict(field).get("status") == "True", seconds=20)
    assert "Service churn" in conflict(field)["message"]
    field.settled("churn", working)
    assert ("Deployment", child_name("churn", "v1")) in field.children("churn")
    assert same(field, "Service", theirs)
    written = working.writes()
    # The next look is due after half a minute, or when something else changes.
    field.live.delete(Name("Service", "churn", field.namespace))
    until("it is ours now", lambda: ("Service", "churn") in field.children("churn"), seconds=45)
    until("it is no more told", lambda: not conflict(field), seconds=10)
    assert working.writes() - written <= 4


def test_a_deployment_with_all_our_labels_is_not_ours(
    field: Field, working: OperatorProcess
) -> None:
    name = child_name("churn", "v1")
    labels = version_labels("churn", "v1")
    container = {"name": "bento", "image": "registry.k8s.io/pause:3.10.1"}
    theirs = field.live.create(
        "Deployment",
        field.namespace,
        {
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": "theirs"}},
                "template": {
                    "metadata": {"labels": {"app": "theirs"}},
                    "spec": {"containers": [container]},
                },
            },
        },
    )
    field.apply(model_deployment("churn", pausing("v1")))
    until("it is told", lambda: conflict(field).get("status") == "True", seconds=20)
    field.settled("churn", working)
    assert same(field, "Deployment", theirs)


def test_children_of_a_namesake_that_is_gone_are_not_taken_over_but_replaced(
    field: Field, working: OperatorProcess
) -> None:
    field.apply(model_deployment("churn", pausing("v1")))
    field.settled("churn", working)
    old = field.child("churn", "Deployment", "v1")["metadata"]["uid"]
    field.live.delete(Name("ModelDeployment", "churn", field.namespace))
    field.apply(model_deployment("churn", pausing("v1")))
    new = field.get("ModelDeployment", "churn")
    assert new is not None

    def replaced() -> bool:
        children = field.children("churn").values()
        owners = {o["uid"] for c in children for o in c["metadata"]["ownerReferences"]}
        return len(children) == 4 and owners == {new["metadata"]["uid"]}

    until("every child belongs to the new one", replaced, seconds=60)
    assert field.child("churn", "Deployment", "v1")["metadata"]["uid"] != old


def test_names_that_could_be_read_two_ways_live_side_by_side(
    field: Field, working: OperatorProcess
) -> None:
    field.apply(model_deployment("a", pausing("b-c")))
    field.apply(model_deployment("a-b", pausing("c")))
    for name in ("a", "a-b"):
        field.settled(name, working)
        assert len(field.children(name)) == 4
    names = {name for md in ("a", "a-b") for _, name in field.children(md)}
    assert len(names) == 4


def same(field: Field, kind: str, theirs: Object) -> bool:
    """Whether an object is as it was, to its last field but for what its controller counts."""
    now = field.get(kind, theirs["metadata"]["name"])
    assert now is not None
    parts = ("labels", "annotations", "ownerReferences", "uid", "generation")
    return bool(now["spec"] == theirs["spec"]) and all(
        # The deployment controller notes its revision.
        _plain(now["metadata"].get(part)) == _plain(theirs["metadata"].get(part))
        for part in parts
    )


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {k: v for k, v in value.items() if k != "deployment.kubernetes.io/revision"} or None
    return value
