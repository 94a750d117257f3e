"""`dohyo status NAME`: who serves what, and why not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dohyo.api.conditions import parsed_time
from dohyo.api.resource import parse_metadata, parse_status
from dohyo.api.violations import InvalidResource
from dohyo.cli.access import cluster
from dohyo.cli.batch_standing import batch_lines
from dohyo.cli.complaint import Complaint
from dohyo.cli.tables import table

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Mapping

    from dohyo.api.conditions import Condition
    from dohyo.api.status import ModelDeploymentStatus, RolloutStatus, VersionStatus


def run(arguments: Namespace) -> int:
    """Prints the standing of one ModelDeployment."""
    found = cluster(arguments)
    namespace = arguments.namespace or found.namespace
    raw = found.one(namespace, arguments.name)
    if arguments.output == "json":
        metadata = parse_metadata(raw)
        print(
            json.dumps(
                {
                    "namespace": metadata.namespace,
                    "name": metadata.name,
                    "generation": metadata.generation,
                    "status": raw.get("status") or {},
                },
                indent=2,
            )
        )
    else:
        batches = batch_lines(found.batches(namespace), arguments.name)
        print("\n".join([*described(raw, datetime.now(UTC)), *batches]))
    return 0


def described(raw: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """The standing in lines.

    Raises:
        Complaint: the status cannot be read.
    """
    metadata = parse_metadata(raw)
    status = read_status(raw)
    ready = status.condition("Ready")
    yield f"{metadata.name} in {metadata.namespace}: {_headline(ready)}"
    if status.url:
        yield f"answers at {status.url}"
    if ready and status.observed_generation < metadata.generation:
        yield (
            f"the spec was changed since: it is at generation {metadata.generation}, "
            f"what follows speaks of {status.observed_generation}"
        )
    if status.versions:
        yield ""
        yield _versions(status)
    if status.rollouts:
        yield ""
        heading = ("CHALLENGER", "STATE", "STEP", "VERDICT", "WHY")
        yield table(heading, map(_rollout, status.rollouts))
        yield from _gates(status.rollouts)
        yield from _advice(status.rollouts)
    if status.conditions:
        yield ""
        heading = ("CONDITION", "STATUS", "FOR", "REASON", "MESSAGE")
        yield table(heading, (_condition(c, now) for c in status.conditions))


def _headline(ready: Condition | None) -> str:
    if ready is None:
        return "the operator has not looked at it yet; is it running?"
    word = {"True": "ready", "False": "not ready"}.get(ready.status, "unknown")
    return f"{word} ({ready.reason}: {ready.message})" if ready.message else word


def _versions(status: ModelDeploymentStatus) -> str:
    heading = ["VERSION", "ROLE", "SHARE", "READY", "STATE", "BENTO", "WHY"]
    rows = [list(_version(v)) for v in status.versions]
    if any(v.shadow for v in status.versions):
        heading.insert(3, "SHADOW")
        for row, version in zip(rows, status.versions, strict=True):
            row.insert(3, f"{version.shadow:g} %")
    return table(heading, rows)


def _version(version: VersionStatus) -> tuple[str, ...]:
    why = ": ".join(word for word in (version.reason, version.message) if word)
    return (
        version.name,
        version.role,
        f"{version.weight:g} %",
        f"{version.ready_replicas}/{version.replicas}",
        version.state,
        version.bento,
        why,
    )


def _rollout(rollout: RolloutStatus) -> tuple[str, ...]:
    verdict = rollout.verdict
    state = f"{rollout.state} ({rollout.paused_by})" if rollout.paused_by else rollout.state
    step = str(rollout.step + 1) if rollout.trial else ""
    why = rollout.message or (verdict.message if verdict else "") or ""
    return rollout.challenger, state, step, verdict.outcome if verdict else "", why


def _gates(rollouts: tuple[RolloutStatus, ...]) -> Iterator[str]:
    """What each gate of each trial says."""
    rows = [
        (
            rollout.challenger,
            f"{gate.name} (dry run)" if gate.dry_run else gate.name,
            gate.outcome,
            "" if gate.e_harm is None else f"{gate.e_harm:g}",
            "" if gate.e_pass is None else f"{gate.e_pass:g}",
            gate.message or "",
        )
        for rollout in rollouts
        if rollout.trial and rollout.verdict is not None
        for gate in rollout.verdict.gates
    ]
    if rows:
        yield ""
        yield table(("CHALLENGER", "GATE", "SAYS", "E-HARM", "E-PASS", "WHY"), rows)


def _advice(rollouts: tuple[RolloutStatus, ...]) -> Iterator[str]:
    for rollout in rollouts:
        if rollout.trial and rollout.verdict is not None and rollout.verdict.advice:
            yield ""
            yield f"{rollout.challenger}: {rollout.verdict.advice}"


def _condition(condition: Condition, now: datetime) -> tuple[str, ...]:
    return (
        condition.type,
        condition.status,
        age(condition.last_transition_time, now),
        condition.reason,
        condition.message,
    )


def read_status(raw: Mapping[str, Any]) -> ModelDeploymentStatus:
    """The typed status of a ModelDeployment.

    Raises:
        Complaint: somebody else has written one that cannot be read.
    """
    try:
        return parse_status(raw)
    except InvalidResource as error:
        name = parse_metadata(raw).name
        raise Complaint(f"the status of {name} cannot be read: {error}") from None


def age(stamp: str, now: datetime) -> str:
    """How long ago, in the largest unit that fits: ``12s``, ``5m``, ``3h``, ``9d``."""
    try:
        seconds = max(0, int((now - parsed_time(stamp)).total_seconds()))
    except ValueError:
        return "?"
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
