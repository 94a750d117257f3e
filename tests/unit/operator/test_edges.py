"""Small pure parts of the edges: paths, endpoints, hashes, and whom an event concerns."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.cluster.apply import stamped
from dohyo.cluster.errors import error_from
from dohyo.cluster.feed import Feed
from dohyo.cluster.gateways import ready_pods
from dohyo.cluster.kinds import (
    DEPLOYMENT,
    MODEL_DEPLOYMENT,
    SERVICE,
    kind_named,
    selector_of,
)
from dohyo.cluster.store import Key, Store
from dohyo.contract import ANNOTATION_APPLIED, KIND, LABEL_DEPLOYMENT


def test_paths_of_the_core_group_and_of_others() -> None:
    assert SERVICE.path("shop", "churn") == "/api/v1/namespaces/shop/services/churn"
    assert DEPLOYMENT.path(None) == "/apis/apps/v1/deployments"
    assert MODEL_DEPLOYMENT.path("shop", "churn", "status") == (
        "/apis/dohyo.dev/v1alpha1/namespaces/shop/modeldeployments/churn/status"
    )


def test_a_kind_outside_the_plan_is_unknown() -> None:
    with pytest.raises(KeyError):
        kind_named("Ingress")


def test_only_model_deployments_are_watched_without_a_label() -> None:
    assert selector_of(MODEL_DEPLOYMENT) == ""
    assert LABEL_DEPLOYMENT in selector_of(DEPLOYMENT)


def test_only_endpoints_that_take_requests_are_asked() -> None:
    endpoints = [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": True}, "targetRef": {"name": "a"}},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": False}, "targetRef": {"name": "b"}},
        {"addresses": ["fd00::1"], "targetRef": {"name": "c"}},
        {"addresses": ["10.0.0.4"], "conditions": {}},
    ]
    assert ready_pods([{"endpoints": endpoints}, {"endpoints": None}]) == {
        "a": "10.0.0.1:8081",
        "c": "[fd00::1]:8081",
        "10.0.0.4": "10.0.0.4:8081",
    }


def test_the_stamp_follows_the_content_and_nothing_else() -> None:
    manifest = {"kind": "Service", "metadata": {"name": "a"}, "spec": {"x": 1, "y": 2}}
    reordered = {"spec": {"y": 2, "x": 1}, "metadata": {"name": "a"}, "kind": "Service"}
    other = {**manifest, "spec": {"x": 1, "y": 3}}

    def stamp(of: dict[str, Any]) -> str:
        return str(stamped(of)["metadata"]["annotations"][ANNOTATION_APPLIED])

    assert stamp(manifest) == stamp(reordered) != stamp(other)
    assert "annotations" not in manifest["metadata"]


def test_a_refusal_is_told_in_the_servers_words() -> None:
    body = b'{"kind":"Status","reason":"Forbidden","message":"no quota left"}'
    error = error_from(403, body, "PATCH /x")
    assert str(error) == "PATCH /x: 403 Forbidden: no quota left"
    assert not error.passing
    assert error_from(503, b"<html>", "GET /x").passing


def event_of(kind: str, name: str, owner: str | None, label: str | None) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "namespace": "shop",
        "name": name,
        "uid": f"{kind}-{name}",
        "resourceVersion": "1",
    }
    if owner:
        metadata["ownerReferences"] = [
            {"kind": KIND, "name": owner, "uid": "u", "controller": True}
        ]
    if label:
        metadata["labels"] = {LABEL_DEPLOYMENT: label}
    return {"metadata": metadata}


@pytest.mark.parametrize(
    ("owner", "label", "concerned"),
    [
        ("churn", "churn", {"churn"}),
        ("churn", None, {"churn"}),
        (None, "churn", {"churn"}),
        ("churn", "other", {"churn", "other"}),
        (None, None, set()),
    ],
)
def test_an_event_concerns_owner_and_label(
    owner: str | None, label: str | None, concerned: set[str]
) -> None:
    asked: list[Key] = []
    feed = Feed(Store(), lambda key, _: asked.append(key))
    feed.take(DEPLOYMENT, "ADDED", event_of("d", "x", owner, label))
    assert {key.name for key in asked} == concerned


def test_an_event_that_changes_nothing_concerns_nobody() -> None:
    asked: list[Key] = []
    feed = Feed(Store(), lambda key, _: asked.append(key))
    raw = event_of("d", "x", "churn", "churn")
    feed.take(DEPLOYMENT, "ADDED", raw)
    feed.take(DEPLOYMENT, "MODIFIED", raw)
    assert len(asked) == 1
    feed.take(DEPLOYMENT, "DELETED", raw)
    assert len(asked) == 2
