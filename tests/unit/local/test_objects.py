"""Objects in memory mean by versions, conflicts and owners what an API server means."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.cluster.apply import Applier
from dohyo.cluster.errors import ApiError
from dohyo.cluster.kinds import DEPLOYMENT, MODEL_DEPLOYMENT, SERVICE
from dohyo.cluster.store import Store
from dohyo.contract import KIND, LABEL_DEPLOYMENT
from dohyo.local.objects import LocalObjects, merged

Change = tuple[str, str, str]


@pytest.fixture
def changes() -> list[Change]:
    return []


@pytest.fixture
def objects(changes: list[Change]) -> LocalObjects:
    return LocalObjects(
        lambda kind, event, raw: changes.append((kind.name, event, raw["metadata"]["name"]))
    )


def a_child(owner: str, replicas: int = 1) -> dict[str, Any]:
    reference = {"kind": KIND, "name": "m", "uid": owner, "controller": True}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "m-v1",
            "namespace": "default",
            "labels": {LABEL_DEPLOYMENT: "m"},
            "ownerReferences": [reference],
        },
        "spec": {"replicas": replicas},
    }


def an_owner(objects: LocalObjects) -> dict[str, Any]:
    return objects.put(
        MODEL_DEPLOYMENT, {"metadata": {"name": "m", "namespace": "default"}, "spec": {"a": 1}}
    )


async def test_a_generation_grows_with_the_spec_alone(objects: LocalObjects) -> None:
    first = an_owner(objects)
    told = await objects.replace_status(first, MODEL_DEPLOYMENT, {"phase": "Serving"})
    assert told["metadata"]["generation"] == 1
    assert told["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]
    again = objects.put(MODEL_DEPLOYMENT, {**told, "spec": {"a": 2}})
    assert (again["metadata"]["generation"], again["metadata"]["uid"]) == (
        2,
        first["metadata"]["uid"],
    )


async def test_who_writes_on_something_stale_is_refused(objects: LocalObjects) -> None:
    first = an_owner(objects)
    await objects.replace_status(first, MODEL_DEPLOYMENT, {"phase": "Serving"})
    for write in (
        objects.replace_status(first, MODEL_DEPLOYMENT, {}),
        objects.delete(MODEL_DEPLOYMENT, first),
    ):
        with pytest.raises(ApiError) as refusal:
            await write
        assert refusal.value.conflict
    with pytest.raises(ApiError) as refusal:
        await objects.get(MODEL_DEPLOYMENT, "default", "nobody")
    assert refusal.value.absent


async def test_the_operators_own_applier_writes_once(objects: LocalObjects) -> None:
    owner = an_owner(objects)["metadata"]["uid"]
    store = Store()
    applier = Applier(objects, store)
    assert (await applier.apply(owner, [a_child(owner)])).changed == 1
    assert (await applier.apply(owner, [a_child(owner)])).changed == 0
    assert (await applier.apply(owner, [a_child(owner, 3)])).changed == 1
    live = await objects.get(DEPLOYMENT, "default", "m-v1")
    assert (live["spec"]["replicas"], live["metadata"]["generation"]) == (3, 2)


async def test_children_go_with_their_owner_and_nobody_elses(
    objects: LocalObjects, changes: list[Change]
) -> None:
    owner = an_owner(objects)["metadata"]["uid"]
    await objects.apply(a_child(owner))
    stranger = {"metadata": {"name": "other", "namespace": "default"}, "spec": {}}
    objects.put(SERVICE, stranger)
    objects.drop(MODEL_DEPLOYMENT, "default", "m")
    assert [c for c in changes if c[1] == "DELETED"] == [
        (KIND, "DELETED", "m"),
        ("Deployment", "DELETED", "m-v1"),
    ]
    assert objects.find(SERVICE, "default", "other") is not None


async def test_lists_go_by_labels(objects: LocalObjects) -> None:
    await objects.apply(a_child("u"))
    for labels, count in ((f"{LABEL_DEPLOYMENT}=m", 1), (LABEL_DEPLOYMENT, 1), ("a=b", 0)):
        pages = [page async for page in objects.list_pages(DEPLOYMENT, "default", labels)]
        assert [len(page) for page in pages] == [count]


def test_a_merge_patch_removes_by_null() -> None:
    base = {"a": {"b": 1, "c": 2}, "d": [1]}
    assert merged(base, {"a": {"b": None, "e": 3}, "d": [2]}) == {"a": {"c": 2, "e": 3}, "d": [2]}
    assert base == {"a": {"b": 1, "c": 2}, "d": [1]}
