"""A cache that is fed by watches and by answers to writes, in whatever order they come."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from dohyo.cluster.kinds import AUTOSCALER, DEPLOYMENT, MODEL_DEPLOYMENT, POD, SERVICE
from dohyo.cluster.store import Key, Store, older
from dohyo.contract import KIND, LABEL_DEPLOYMENT
from dohyo.plan.observed import ChildKey

CHURN = Key("shop", "churn")


def md(version: int, uid: str = "m1", **fields: Any) -> dict[str, Any]:
    metadata = {
        "namespace": "shop",
        "name": "churn",
        "uid": uid,
        "resourceVersion": str(version),
        "managedFields": [{"manager": "kubectl"}],
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "team": "retention",
        },
    }
    return {"metadata": metadata, **fields}


def child(version: int, uid: str = "c1", owner: str = "m1", **fields: Any) -> dict[str, Any]:
    metadata = {
        "namespace": "shop",
        "name": "churn-v1-00000",
        "uid": uid,
        "resourceVersion": str(version),
        "labels": {LABEL_DEPLOYMENT: "churn"},
        "ownerReferences": [{"kind": KIND, "name": "churn", "uid": owner, "controller": True}],
    }
    return {"metadata": metadata, "spec": {"replicas": 1}, **fields}


def pod(version: int, uid: str = "p1", name: str = "churn-v1-00000-x") -> dict[str, Any]:
    metadata = {
        "namespace": "shop",
        "name": name,
        "uid": uid,
        "resourceVersion": str(version),
        "labels": {LABEL_DEPLOYMENT: "churn"},
        "annotations": {"secret": "hidden"},
    }
    status = {"phase": "Pending", "podIP": "10.0.0.1", "containerStatuses": [
        {"name": "bento", "ready": False, "imageID": "sha256:0", "state": {"running": {}}},
    ]}  # fmt: skip
    return {"metadata": metadata, "spec": {"nodeName": "n1", "containers": [1]}, "status": status}


def test_objects_are_kept_without_what_nobody_needs() -> None:
    store = Store()
    store.put(MODEL_DEPLOYMENT, md(1, spec={"champion": {}}))
    kept = store.deployment(CHURN)
    assert kept is not None
    assert "managedFields" not in kept["metadata"]
    assert kept["metadata"]["annotations"] == {"team": "retention"}
    assert kept["kind"] == KIND
    store.put(POD, pod(2))
    (slim,) = store.pods(CHURN)
    assert slim["spec"] == {"nodeName": "n1"}
    assert slim["status"]["containerStatuses"] == [
        {"name": "bento", "ready": False, "state": {"running": {}}}
    ]
    assert "annotations" not in slim["metadata"]


def test_children_are_found_by_who_controls_them() -> None:
    store = Store()
    store.put(DEPLOYMENT, child(1))
    store.put(SERVICE, child(2, uid="c2", owner="somebody-else"))
    assert set(store.children("m1")) == {ChildKey("Deployment", "churn-v1-00000")}
    assert set(store.children("somebody-else")) == {ChildKey("Service", "churn-v1-00000")}


def test_a_reference_that_does_not_control_owns_nothing() -> None:
    store, orphan = Store(), child(1)
    del orphan["metadata"]["ownerReferences"][0]["controller"]
    store.put(DEPLOYMENT, orphan)
    assert store.children("m1") == {}


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_the_newest_version_stays_in_any_order(order: tuple[int, ...]) -> None:
    store = Store()
    for version in order:
        store.put(DEPLOYMENT, child(version, spec={"replicas": version}))
    (live,) = store.children("m1").values()
    assert live["spec"]["replicas"] == 3


def test_a_deleted_object_does_not_come_back_by_a_late_answer() -> None:
    store = Store()
    store.put(DEPLOYMENT, child(1))
    store.remove(DEPLOYMENT, child(3))
    assert not store.put(DEPLOYMENT, child(2))
    assert store.children("m1") == {}
    assert store.seen(DEPLOYMENT, "c1")


def test_an_object_that_only_lost_its_label_can_come_back() -> None:
    store = Store()
    store.put(DEPLOYMENT, child(1))
    store.remove(DEPLOYMENT, child(2))  # what a watch by label says of it
    assert store.put(DEPLOYMENT, child(2))
    assert store.children("m1")


def test_the_deletion_of_a_predecessor_leaves_the_successor() -> None:
    store = Store()
    store.put(MODEL_DEPLOYMENT, md(1, uid="old"))
    store.put(DEPLOYMENT, child(1, uid="c-old"))
    store.put(MODEL_DEPLOYMENT, md(5, uid="new"))
    store.put(DEPLOYMENT, child(5, uid="c-new"))
    store.remove(MODEL_DEPLOYMENT, md(2, uid="old"))
    store.remove(DEPLOYMENT, child(2, uid="c-old"))
    kept = store.deployment(CHURN)
    assert kept is not None
    assert kept["metadata"]["uid"] == "new"
    assert [c["metadata"]["uid"] for c in store.children("m1").values()] == ["c-new"]


def test_only_what_is_kept_counts_as_a_change() -> None:
    store = Store()
    assert store.put(DEPLOYMENT, child(1))
    assert not store.put(DEPLOYMENT, child(1))
    assert not store.put(DEPLOYMENT, child(2))
    assert store.versions(DEPLOYMENT) == {"c1": "2"}
    assert store.put(DEPLOYMENT, child(3, status={"readyReplicas": 1}))
    assert store.put(AUTOSCALER, child(1, uid="h1"))
    assert not store.put(AUTOSCALER, child(2, uid="h1", status={"currentReplicas": 9}))


def test_a_label_that_somebody_removes_takes_the_pod_out() -> None:
    store = Store()
    store.put(POD, pod(1))
    bare = pod(2)
    del bare["metadata"]["labels"]
    store.put(POD, bare)
    assert store.pods(CHURN) == ()


def test_pods_come_by_name() -> None:
    store = Store()
    for number, name in enumerate(("b", "c", "a")):
        store.put(POD, pod(number, uid=name, name=name))
    assert [p["metadata"]["name"] for p in store.pods(CHURN)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("9", "10", True), ("10", "9", False), ("9", "9", False), ("x9", "10", False)],
)
def test_versions_are_compared_as_numbers(one: str, other: str, expected: bool) -> None:
    assert older(one, other) is expected
