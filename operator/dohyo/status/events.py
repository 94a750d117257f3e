"""Two statuses → what happened between them, as Kubernetes events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo.status.bouts import bouts, orders, trials
from dohyo.status.event import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Conditions whose appearance is bad news, and those whose appearance is good.
_BAD_WHEN_TRUE = ("Degraded", "Invalid", "NameConflict", "Unsupported")
_GOOD_WHEN_TRUE = ("Available", "Ready")


__all__ = ["Event", "events"]


def events(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Event, ...]:
    """What a reader of the object's history wants to know about this step."""
    return (
        *orders(before, after),
        *bouts(before, after),
        *trials(before, after),
        *_champions(before, after),
        *_versions(before, after),
        *_conditions(before, after),
    )


def _champions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Event]:
    old, new = before.get("champion"), after.get("champion")
    if old and new and old != new:
        yield Event("Normal", "ChampionReplaced", f"{new} serves in place of {old}")


def _versions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Event]:
    old = {v["name"]: v for v in before.get("versions", ())}
    new = {v["name"]: v for v in after.get("versions", ())}
    for name, version in new.items():
        was = old.get(name, {})
        if version.get("firstReadyAt") and not was.get("firstReadyAt"):
            yield Event("Normal", "VersionReady", f"{name} is ready")
        if was and version["weight"] != was["weight"] and version["role"] == "challenger":
            shift = f"{name} gets {version['weight']:g} % instead of {was['weight']:g} %"
            yield Event("Normal", "TrafficShifted", shift)
        if was and version["replicas"] != was["replicas"] and version["role"] != "previous":
            change = f"{name}: {was['replicas']} → {version['replicas']} replicas"
            yield Event("Normal", "Scaled", change)
        if version["state"] == "Draining" and was.get("state") != "Draining":
            yield Event("Normal", "VersionDraining", f"{name} has left the ring and drains")
    for name in old.keys() - new.keys():
        yield Event("Normal", "VersionRemoved", f"{name} is gone")


def _conditions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Event]:
    old = {c["type"]: c for c in before.get("conditions", ())}
    for condition in after.get("conditions", ()):
        kind, was = condition["type"], old.get(condition["type"], {})
        same = (was.get("status"), was.get("reason")) == (condition["status"], condition["reason"])
        if same or condition["status"] != "True":
            continue
        if kind in _BAD_WHEN_TRUE:
            yield Event("Warning", condition["reason"], condition.get("message", ""))
        elif kind in _GOOD_WHEN_TRUE and was.get("status") != "True":
            yield Event("Normal", kind, condition.get("message", ""))
