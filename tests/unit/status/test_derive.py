"""What `kubectl get` and `kubectl describe` say after a pass."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.api.violations import Violation
from dohyo.plan.applied import Applied, Failure
from dohyo.plan.child_names import child_name
from dohyo.plan.desired import plan
from dohyo.plan.observed import ChildKey, Observed
from dohyo.plan.settings import Settings
from dohyo.status.derive import derive, invalid
from dohyo.status.events import events
from tests.builders import NAME, NOW, a_deployment, a_manifest, a_pod, an_observed, later


def status_of(
    observed: Observed,
    applied: Applied | None = None,
    challengers: dict[str, float] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    md = a_deployment(challengers=challengers, **fields)
    done = plan(md, observed, Settings(), NOW)
    return derive(md, done, observed, applied or Applied(), NOW)


def condition(status: dict[str, Any], kind: str) -> tuple[str, str]:
    found = next(c for c in status["conditions"] if c["type"] == kind)
    return found["status"], found["reason"]


def version(status: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(v for v in status["versions"] if v["name"] == name)
    return found


READY = an_observed({"v12": 1, "v13": 1}, epoch=1)
BROKEN = an_observed(
    {"v12": 1, "v13": 0},
    epoch=1,
    pods=(
        a_pod(
            "v13",
            {
                "containerStatuses": [
                    {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no x:1"}}}
                ]
            },
        ),
    ),
)


def test_all_is_well() -> None:
    first = status_of(an_observed({"v12": 1, "v13": 1}), challengers={"v13": 10})
    status = status_of(READY, challengers={"v13": 10}, status=first)
    assert condition(status, "Ready") == ("True", "Ready")
    assert status["phase"] == "Serving"
    assert (status["champion"], status["url"]) == ("v12", "http://satisfaction.shop")
    assert [(v["name"], v["role"], v["weight"], v["state"]) for v in status["versions"]] == [
        ("v12", "champion", 90, "Ready"),
        ("v13", "challenger", 10, "Ready"),
    ]


def test_nothing_is_there_yet() -> None:
    status = status_of(Observed())
    assert condition(status, "Ready") == ("False", "ChampionNotReady")
    assert version(status, "v12")["state"] == "Pending"


def test_a_broken_challenger_is_explained_and_the_champion_is_not_concerned() -> None:
    status = status_of(BROKEN, challengers={"v13": 10})
    broken = version(status, "v13")
    assert (broken["state"], broken["reason"]) == ("Failed", "ImageNotAvailable")
    assert broken["message"] == "0 of 1 replicas ready; ImagePullBackOff: no x:1"
    assert condition(status, "Available") == ("True", "ChampionServes")
    assert condition(status, "Ready") == ("False", "ImageNotAvailable")
    assert version(status, "v12")["weight"] == 100


def test_a_foreign_object_under_our_name_is_a_conflict() -> None:
    key = ChildKey("Service", NAME)
    status = status_of(READY, Applied(conflicts=frozenset({key})), challengers={"v13": 10})
    assert condition(status, "NameConflict") == ("True", "ForeignObject")
    assert condition(status, "Ready") == ("False", "ForeignObject")
    assert status["phase"] == "Conflict"


def test_a_foreign_child_names_the_version_it_blocks() -> None:
    child = child_name(NAME, "v13")
    blocked = Applied(conflicts=frozenset({ChildKey("Deployment", child)}))
    status = status_of(READY, blocked, challengers={"v13": 10})
    assert version(status, "v13")["message"] == (
        f"Deployment {child} exists and is not ours; delete or rename it"
    )


def test_what_the_api_server_refuses_is_told_in_its_words() -> None:
    key = ChildKey("Deployment", child_name(NAME, "v12"))
    status = status_of(Observed(), Applied(failures=(Failure(key, "exceeded quota: small"),)))
    assert "exceeded quota: small" in version(status, "v12")["message"]
    assert condition(status, "Degraded") == ("True", "ClusterError")


def test_a_gateway_behind_means_traffic_is_shifting() -> None:
    before = status_of(READY, challengers={"v13": 10})
    status = status_of(READY, challengers={"v13": 20}, status=before)
    assert condition(status, "Progressing") == ("True", "TrafficShifting")
    assert condition(status, "Available") == ("True", "ChampionServes")


def test_without_a_gateway_nothing_is_available() -> None:
    assert condition(status_of(an_observed({"v12": 1})), "Available") == (
        "False",
        "GatewayNotReady",
    )


def test_an_invalid_spec_keeps_what_was_there() -> None:
    before = status_of(READY, challengers={"v13": 10})
    raw = {**a_manifest(), "status": before}
    status = invalid(raw, [Violation("spec.champion.name", "V12", "is no DNS label")], later(5))
    assert condition(status, "Ready") == ("False", "SpecInvalid")
    assert status["routing"] == before["routing"]
    assert status["versions"] == before["versions"]
    assert condition(status, "Available") == ("True", "ChampionServes")


def test_a_refused_pod_template_is_told_apart_from_other_mistakes() -> None:
    found = [Violation("spec.champion.podTemplate.spec.hostNetwork", "true", "is not allowed")]
    status = invalid(a_manifest(), found, NOW)
    assert condition(status, "Invalid") == ("True", "PodTemplateRefused")


def test_a_field_of_a_later_release_is_named() -> None:
    status = status_of(READY, challengers={"v13": 10}, stopped=True)
    assert condition(status, "Unsupported") == ("True", "FieldUnsupported")
    message = next(c["message"] for c in status["conditions"] if c["type"] == "Unsupported")
    assert "spec.stopped" in message


def test_the_status_of_an_unchanged_world_is_the_same_later() -> None:
    before = status_of(READY, challengers={"v13": 10})
    md = a_deployment(challengers={"v13": 10}, status=before)
    done = plan(md, READY, Settings(), later(3600))
    assert derive(md, done, READY, Applied(), later(3600)) == before


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({"v13": 10}, {"v13": 20}, "v13 gets 20 % instead of 10 %", id="weight"),
        pytest.param({}, {"v13": 10}, "v13 is ready", id="a new version"),
        pytest.param({"v13": 10}, {}, "v13 has left the ring and drains", id="a version leaves"),
    ],
)
def test_events_tell_each_step(
    before: dict[str, float], after: dict[str, float], expected: str
) -> None:
    first = status_of(READY, challengers=before)
    second = status_of(READY, challengers=after, status=first)
    assert expected in [e.message for e in events(first, second)]


def test_no_change_no_event() -> None:
    status = status_of(READY, challengers={"v13": 10})
    assert events(status, status) == ()
