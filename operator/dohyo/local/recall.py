"""A ModelDeployment as a former ring has left it → as the next one takes it up.

What was decided stays: who serves, which trial goes on, what is over. What was seen is gone with
the processes that it was seen of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dohyo.api.resource import parse_status
from dohyo.api.transition_rules import NAME_BOUND
from dohyo.api.validation import check, name_bindings
from dohyo.api.violations import InvalidResource

if TYPE_CHECKING:
    from collections.abc import Mapping


class NotKeptError(ValueError):
    """No ring has left that."""


_PARTS: Final = ("metadata", "spec")
# What took evidence or somebody's word to come about, and is lost with the status.
_DECISIONS: Final = ("history", "promotion", "rejections")


def kept(document: Any) -> list[dict[str, Any]]:
    """The resources of what a ring has left.

    Raises:
        NotKeptError: it is something else.
    """
    if not isinstance(document, list):
        raise NotKeptError
    for raw in document:
        metadata, spec = (raw.get(part) if isinstance(raw, dict) else None for part in _PARTS)
        if not (isinstance(metadata, dict) and isinstance(spec, dict)):
            raise NotKeptError
        if not all(isinstance(metadata.get(key), str) for key in ("namespace", "name")):
            raise NotKeptError
        try:
            parse_status(raw)
        except InvalidResource:
            raise NotKeptError from None
    return document


def is_rebound(raw: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether a name of the resource stood for other content in the one before."""
    checked = check(raw, before)
    if checked.spec is not None:
        return any(name_bindings(checked.spec, parse_status(before)))
    return any(violation.rule.startswith(NAME_BOUND) for violation in checked.refused)


def is_decided(raw: Mapping[str, Any]) -> bool:
    """Whether a former ring has decided anything about the resource, or has begun to."""
    status = raw.get("status") or {}
    begun = any(trial.get("startedAt") for trial in status.get("rollouts", ()))
    return begun or any(status.get(decision) for decision in _DECISIONS)


def recalled(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The resource without what its former status says of processes."""
    status = raw.get("status")
    if not status:
        return dict(raw)
    versions = [{**version, "readyReplicas": 0} for version in status.get("versions", ())]
    return {**raw, "status": {**status, "versions": versions, "conditions": []}}
