"""What counts as drift, and what the API server merely writes in its own way."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.cluster.likeness import contains

CONTAINER = {"name": "bento", "image": "churn:1", "ports": [{"containerPort": 3000}]}

ALIKE: list[tuple[str, Any, Any]] = [
    ("defaults are filled in", {"a": 1, "b": 2}, {"a": 1}),
    ("a quantity in another unit", {"requests": {"cpu": "500m"}}, {"requests": {"cpu": 0.5}}),
    ("a whole quantity", {"limits": {"memory": "1Gi"}}, {"limits": {"memory": "1024Mi"}}),
    ("a volume's size", {"emptyDir": {"sizeLimit": "1Gi"}}, {"emptyDir": {"sizeLimit": "1024Mi"}}),
    ("an empty map is no map", {"spec": {}}, {"spec": {"annotations": {}}}),
    ("an empty list is no list", {"spec": {}}, {"spec": {"args": []}}),
    ("null asks for nothing", {"spec": {"x": 1}}, {"spec": {"x": None}}),
    (
        "a container that a webhook added",
        {"containers": [{"name": "mesh"}, {**CONTAINER, "tty": False}]},
        {"containers": [CONTAINER]},
    ),
    (
        "a port's protocol filled in",
        {"ports": [{"containerPort": 3000, "protocol": "TCP"}]},
        {"ports": [{"containerPort": 3000}]},
    ),
    (
        "a variable more",
        {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        {"env": [{"name": "B", "value": "2"}]},
    ),
]
DIFFERENT: list[tuple[str, Any, Any]] = [
    ("another value", {"replicas": 3}, {"replicas": 2}),
    ("a value gone", {}, {"replicas": 2}),
    ("an amount", {"requests": {"cpu": "501m"}}, {"requests": {"cpu": "500m"}}),
    ("text that looks like a quantity", {"env": [{"name": "A", "value": "1000m"}]},
     {"env": [{"name": "A", "value": "1"}]}),
    ("a container gone", {"containers": [{"name": "mesh"}]}, {"containers": [CONTAINER]}),
    ("an image", {"containers": [{**CONTAINER, "image": "x"}]}, {"containers": [CONTAINER]}),
    ("a port of another protocol", {"ports": [{"port": 1, "protocol": "UDP"}]},
     {"ports": [{"port": 1}]}),
    ("one more in a plain list", {"drop": ["ALL", "CHOWN"]}, {"drop": ["ALL"]}),
    ("a plain list in another order", {"command": ["b", "a"]}, {"command": ["a", "b"]}),
    ("one more in an unkeyed list", {"metrics": [{"type": "A"}, {"type": "B"}]},
     {"metrics": [{"type": "A"}]}),
    ("a map where a scalar was", {"a": {"b": 1}}, {"a": 1}),
    ("a list where a map was", {"a": []}, {"a": {"b": 1}}),
]  # fmt: skip


@pytest.mark.parametrize(("why", "live", "desired"), ALIKE, ids=[a[0] for a in ALIKE])
def test_no_drift(why: str, live: Any, desired: Any) -> None:
    assert contains(live, desired), why


@pytest.mark.parametrize(("why", "live", "desired"), DIFFERENT, ids=[d[0] for d in DIFFERENT])
def test_drift(why: str, live: Any, desired: Any) -> None:
    assert not contains(live, desired), why


@pytest.mark.parametrize(("why", "live", "desired"), [*ALIKE, *DIFFERENT])
def test_everything_is_like_itself(why: str, live: Any, desired: Any) -> None:
    assert contains(live, live), why
    assert contains(desired, desired), why
