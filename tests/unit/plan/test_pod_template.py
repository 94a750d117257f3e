"""A user's pod template on ours."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.plan.pod_template import merged

BASE: dict[str, Any] = {
    "spec": {
        "securityContext": {"runAsUser": 1034},
        "containers": [
            {"name": "bento", "image": "b:1", "env": [{"name": "A", "value": "1"}]},
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
}


@pytest.mark.parametrize(
    ("patch", "path", "expected"),
    [
        pytest.param(
            {"spec": {"nodeSelector": {"gpu": "yes"}}},
            ("spec", "nodeSelector"),
            {"gpu": "yes"},
            id="new map",
        ),
        pytest.param(
            {"spec": {"containers": [{"name": "bento", "env": [{"name": "B", "value": "2"}]}]}},
            ("spec", "containers", 0, "env"),
            [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            id="env is merged by name",
        ),
        pytest.param(
            {"spec": {"containers": [{"name": "bento", "env": [{"name": "A", "value": "9"}]}]}},
            ("spec", "containers", 0, "env"),
            [{"name": "A", "value": "9"}],
            id="the user's value wins",
        ),
        pytest.param(
            {"spec": {"containers": [{"name": "proxy", "image": "p:1"}]}},
            ("spec", "containers", 1),
            {"name": "proxy", "image": "p:1"},
            id="another container is added",
        ),
        pytest.param(
            {"spec": {"tolerations": [{"key": "x"}]}},
            ("spec", "tolerations"),
            [{"key": "x"}],
            id="a list without names is replaced",
        ),
        pytest.param(
            {"spec": {"securityContext": {"runAsUser": None}}},
            ("spec", "securityContext"),
            {},
            id="null removes",
        ),
    ],
)
def test_patch(patch: dict[str, Any], path: tuple[str | int, ...], expected: Any) -> None:
    found: Any = merged(BASE, patch)
    for step in path:
        found = found[step]
    assert expected == found


def test_the_base_is_left_alone() -> None:
    merged(BASE, {"spec": {"containers": [{"name": "bento", "image": "b:2"}]}})
    assert BASE["spec"]["containers"][0]["image"] == "b:1"
