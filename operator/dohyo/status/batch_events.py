"""Two statuses of a BatchPrediction → what happened between them, as Kubernetes events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo.api.batch_status import GOING_ON
from dohyo.status.event import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BAD_WHEN_TRUE = ("Degraded", "Invalid", "NameConflict")


def batch_events(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Event, ...]:
    """What a reader of the object's history wants to know about this step."""
    return (*_versions(before, after), *_runs(before, after), *_conditions(before, after))


def _versions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Event]:
    old, new = before.get("nextVersion"), after.get("nextVersion")
    if old and new and old != new:
        yield Event("Normal", "VersionChanged", f"the next run is of {new} in place of {old}")


def _runs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Event]:
    old = {run["name"]: run["state"] for run in before.get("runs") or ()}
    for run in reversed(after.get("runs") or ()):
        name, state, was = run["name"], run["state"], old.get(run["name"])
        if state == was:
            continue
        names = ",".join(version["name"] for version in run.get("versions") or ())
        if was is None or (was not in GOING_ON and state in GOING_ON):
            shards = run.get("shards", {}).get("total", 0)
            yield Event("Normal", "RunStarted", f"{name}: {names} over {shards} shards")
        if state == "Suspended":
            yield Event("Normal", "RunSuspended", f"{name}: its pods are stopped")
        elif state == "Finishing":
            yield Event("Normal", "RunScored", f"{name}: every shard is done")
        elif state == "Succeeded":
            counts = f"{run.get('rows', 0)} rows, {run.get('badRows', 0)} bad"
            yield Event("Normal", "RunSucceeded", f"{name}: {counts}; {run.get('report')}")
        elif state == "Failed":
            yield Event("Warning", "RunFailed", f"{name}: {run.get('message')}")


def _conditions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Event]:
    old = {c["type"]: c for c in before.get("conditions", ())}
    for condition in after.get("conditions", ()):
        was = old.get(condition["type"], {})
        same = (was.get("status"), was.get("reason")) == (condition["status"], condition["reason"])
        if condition["type"] in _BAD_WHEN_TRUE and condition["status"] == "True" and not same:
            yield Event("Warning", condition["reason"], condition.get("message", ""))
