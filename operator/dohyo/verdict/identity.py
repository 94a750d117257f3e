"""What a trial compares, as one digest: while it stays the same, the trial goes on."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dohyo.api.modeldeployment import ModelDeploymentSpec, VersionSpec
    from dohyo.api.rollout import RolloutSpec

# What a name is bound to, and what else makes a version behave differently.
_BEHAVIOUR: Final = ("bento", "image", "uri", "digest", "podTemplate", "resources")


def identity(spec: ModelDeploymentSpec, champion: VersionSpec, challenger: VersionSpec) -> str:
    """The digest of both versions, the gates' nulls, the labels and the unit.

    Steps, weights, durations, error budgets, pauses and scaling are no part of it: they change how
    fast evidence comes, and not what it is about.
    """
    rollout = spec.rollout
    parts: list[Any] = [
        _behaviour(champion),
        _behaviour(challenger),
        spec.traffic.sticky_by.header.lower() if spec.traffic.sticky_by else None,
    ]
    if rollout is not None:
        parts += [
            [gate.as_raw() for gate in rollout.gates if gate.metric != "prometheus"],
            rollout.labels.as_raw(),
            _floor(rollout),
        ]
    return _digest(parts)


def trial_name(uid: str, digest: str, number: int, stamp: str) -> str:
    """The name of the `number`-th trial of a ModelDeployment, and its salt: new for each.

    The time of its beginning is part of it, so that it is new also where a status was lost.
    """
    return _digest([uid, digest, number, stamp])[:10]


def _behaviour(version: VersionSpec) -> dict[str, Any]:
    raw = version.as_raw()
    return {"name": version.name, **{key: raw.get(key) for key in _BEHAVIOUR}}


def _floor(rollout: RolloutSpec) -> float | None:
    return rollout.bandit.floor if rollout.allocation == "bandit" else None


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
