"""Why a version is not ready, from its pods."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.api.conditions import Reason
from dohyo.status.pods import next_look, trouble
from tests.builders import NOW, a_pod


def waiting(reason: str, message: str = "", **container: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"containerStatuses": [{"name": "bento", "state": state, **container}]}


def running(started: bool, at: str, **container: Any) -> dict[str, Any]:
    state = {"running": {"startedAt": at}}
    return {"containerStatuses": [{"started": started, "state": state, **container}]}


def initializing(name: str = "fetch", **container: Any) -> dict[str, Any]:
    """An init container, and the bento's container that waits for it."""
    waiting_for_it = {"name": "bento", "state": {"waiting": {"reason": "PodInitializing"}}}
    return {
        "initContainerStatuses": [{"name": name, **container}],
        "containerStatuses": [waiting_for_it],
    }


def ran_since(at: str) -> dict[str, Any]:
    return {"running": {"startedAt": at}}


UNSCHEDULABLE = {
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/3 nodes are available: 3 Insufficient memory.",
        }
    ]
}
NOT_FETCHED = {
    "terminated": {
        "exitCode": 1,
        "message": "dohyo-fetch: https://h/a: answered 503; again in 1 s\n"
        "dohyo-fetch: https://h/a: its digest is sha256:1, not sha256:2\n",
    }
}
CRASHED = {"terminated": {"exitCode": 3, "message": "Traceback\n  ...\nValueError: no model\n"}}


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        pytest.param(
            waiting("ImagePullBackOff", 'Back-off pulling image "x:1"'),
            Reason.IMAGE_NOT_AVAILABLE,
            'ImagePullBackOff: Back-off pulling image "x:1"',
            id="image",
        ),
        pytest.param(
            waiting("CrashLoopBackOff", lastState=CRASHED),
            Reason.CONTAINER_CRASHES,
            "CrashLoopBackOff: exit code 3: ValueError: no model",
            id="crash with its last line",
        ),
        pytest.param(
            waiting("CrashLoopBackOff", lastState={"terminated": {"reason": "OOMKilled"}}),
            Reason.OUT_OF_MEMORY,
            "OOMKilled: raise resources.limits.memory",
            id="memory",
        ),
        pytest.param(
            UNSCHEDULABLE,
            Reason.UNSCHEDULABLE,
            "Unschedulable: 0/3 nodes are available: 3 Insufficient memory.",
            id="no node",
        ),
        pytest.param(
            running(started=True, at="2026-11-22T11:59:50Z"),
            Reason.PROBE_FAILS,
            "NotReady: runs since 2026-11-22T11:59:50Z, but its readiness probe GET /readyz fails",
            id="readiness probe",
        ),
        pytest.param(
            running(started=False, at="2026-11-22T11:50:00Z"),
            Reason.PROBE_FAILS,
            "NotStarted: runs since 2026-11-22T11:50:00Z, but its startup probe GET /readyz "
            "has not passed yet",
            id="startup probe",
        ),
        pytest.param(
            waiting("CreateContainerConfigError", 'secret "s" not found'),
            Reason.CONTAINER_CRASHES,
            'CreateContainerConfigError: secret "s" not found',
            id="configuration",
        ),
        pytest.param(
            initializing(state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=NOT_FETCHED),
            Reason.BENTO_NOT_AVAILABLE,
            "CrashLoopBackOff: exit code 1: "
            "dohyo-fetch: https://h/a: its digest is sha256:1, not sha256:2",
            id="bento not fetched",
        ),
        pytest.param(
            initializing(state=NOT_FETCHED),
            Reason.BENTO_NOT_AVAILABLE,
            "Error: exit code 1: dohyo-fetch: https://h/a: its digest is sha256:1, not sha256:2",
            id="bento just not fetched",
        ),
        pytest.param(
            initializing(
                state=ran_since("2026-11-22T11:59:58Z"), lastState=NOT_FETCHED, started=True
            ),
            Reason.BENTO_NOT_AVAILABLE,
            "Error: exit code 1: dohyo-fetch: https://h/a: its digest is sha256:1, not sha256:2",
            id="fetching again",
        ),
        pytest.param(
            initializing(state=ran_since("2026-11-22T11:50:00Z"), started=True),
            Reason.BENTO_NOT_AVAILABLE,
            "Fetching: fetches its bento since 2026-11-22T11:50:00Z",
            id="a long fetch",
        ),
        pytest.param(
            initializing(state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
            Reason.OUT_OF_MEMORY,
            "OOMKilled: raise resources.limits.memory",
            id="memory of the fetch",
        ),
        pytest.param(
            initializing(
                state={"waiting": {"reason": "ImagePullBackOff", "message": "no image r:1"}}
            ),
            Reason.IMAGE_NOT_AVAILABLE,
            "ImagePullBackOff: no image r:1",
            id="runtime image",
        ),
        pytest.param(
            initializing("users-own", state=CRASHED),
            Reason.CONTAINER_CRASHES,
            "Error: exit code 3: ValueError: no model",
            id="init container of the user",
        ),
    ],
)
def test_trouble(status: dict[str, Any], reason: Reason, words: str) -> None:
    found = trouble([a_pod("v13", status)], NOW)
    assert found is not None
    assert (reason, words) == (found.reason, found.message)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(running(started=False, at="2026-11-22T11:59:30Z"), id="still starting"),
        pytest.param(running(started=True, at="2026-11-22T11:50:00Z", ready=True), id="ready"),
        pytest.param(waiting("ContainerCreating"), id="being made"),
        pytest.param({}, id="just made"),
        pytest.param(
            initializing(state=ran_since("2026-11-22T11:59:30Z"), started=True), id="fetching"
        ),
        pytest.param(
            initializing(state={"terminated": {"exitCode": 0}}, ready=True, lastState=NOT_FETCHED),
            id="fetched in the end",
        ),
    ],
)
def test_no_trouble(status: dict[str, Any]) -> None:
    assert trouble([a_pod("v13", status)], NOW) is None


def test_the_worst_pod_speaks() -> None:
    pods = [
        a_pod("v13", running(started=True, at="2026-11-22T11:50:00Z")),
        a_pod("v13", waiting("ErrImagePull", "not found")),
    ]
    found = trouble(pods, NOW)
    assert found is not None
    assert found.reason == Reason.IMAGE_NOT_AVAILABLE


def test_a_pod_on_its_way_out_is_no_trouble() -> None:
    pod = a_pod("v13", waiting("ErrImagePull", "not found"))
    leaving = {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": "2026-11-22T12:00:00Z"}}
    assert trouble([leaving], NOW) is None


def test_a_starting_pod_is_looked_at_again_when_it_is_slow() -> None:
    pods = [a_pod("v13", running(started=False, at="2026-11-22T11:59:30Z"))]
    assert next_look(pods, NOW) == 30
    assert next_look([a_pod("v13", running(started=True, at="2026-11-22T11:59:30Z"))], NOW) is None


def test_a_pod_that_fetches_is_looked_at_again_when_it_is_slow() -> None:
    pods = [a_pod("v13", initializing(state=ran_since("2026-11-22T11:59:50Z"), started=True))]
    assert next_look(pods, NOW) == 50
