"""What others added to a child's lists is found, and nothing else is touched."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.cluster.strangers import without_strangers

Json = dict[str, Any]


def pod(*containers: Json) -> Json:
    return {"spec": {"template": {"spec": {"containers": list(containers)}}}}


@pytest.mark.parametrize(
    ("live", "desired", "patch"),
    [
        pytest.param(
            {"spec": {"ports": [{"name": "http", "port": 1}], "type": "ClusterIP"}},
            {"spec": {"ports": [{"name": "http", "port": 3000}]}},
            {"spec": {"ports": []}},
            id="a port in the place of ours",
        ),
        pytest.param(
            {"spec": {"ports": [{"port": 3000, "protocol": "TCP"}, {"port": 9}]}},
            {"spec": {"ports": [{"port": 3000}]}},
            {"spec": {"ports": [{"port": 3000, "protocol": "TCP"}]}},
            id="a port beside ours, which keeps its defaults",
        ),
        pytest.param(
            pod({"name": "a", "image": "x", "env": [{"name": "E"}, {"name": "F"}]}),
            pod({"name": "a", "image": "y", "env": [{"name": "E", "value": "1"}]}),
            pod({"name": "a", "image": "x", "env": [{"name": "E"}]}),
            id="a variable within a container, whose other fields stay as they are",
        ),
        pytest.param(
            pod({"name": "a"}, {"name": "b"}),
            pod({"name": "a"}),
            pod({"name": "a"}),
            id="a sidecar",
        ),
        pytest.param(
            {"metadata": {"labels": {"a": "1", "theirs": "2"}}, "spec": {"args": ["x"]}},
            {"metadata": {"labels": {"a": "1"}}, "spec": {"args": ["y"], "replicas": 2}},
            {},
            id="labels, values and plain lists are an apply's own business",
        ),
    ],
)
def test_strangers_are_taken_out(live: Json, desired: Json, patch: Json) -> None:
    assert without_strangers(live, desired) == patch
