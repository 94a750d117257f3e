"""Every right of operator and agent at the API server, and what it is for."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDTH = 100


@dataclass(frozen=True)
class Right:
    """Verbs on one resource.

    Attributes:
        group: API group; empty is the core group.
        resource: plural, with a sub-resource after a slash.
        verbs: each verb with the reason for it.
        name: the one object that the right is limited to, as a Helm template; empty is no limit.
    """

    group: str
    resource: str
    verbs: Mapping[str, str]
    name: str = ""


@dataclass(frozen=True)
class Role:
    """Rights of one identity in one kind of namespace.

    Attributes:
        template: name of the Helm template that holds the rules.
        title: for the README.
        rights: in the order in which they are written.
    """

    template: str
    title: str
    rights: tuple[Right, ...]


def _child(noun: str) -> dict[str, str]:
    return {
        "get": f"reads {noun} again after a conflict, and sees whose it is",
        "list": f"learns of {noun} at the start, and finds what the plan no longer names",
        "watch": f"sees at once when somebody edits or deletes {noun}",
        "create": f"server-side apply of {noun} that does not exist yet",
        "patch": f"server-side apply of {noun} that exists",
        "delete": f"removes {noun} that the plan no longer names",
    }


OPERATOR_WATCHED = Role(
    "dohyo.rights.operator.watched",
    "Operator, in every namespace that it watches",
    (
        Right(
            "dohyo.dev",
            "modeldeployments",
            {
                "get": "reads one again whose status somebody else has changed",
                "list": "learns all of them at the start, and checks that the watch is alive",
                "watch": "learns of every change",
                "patch": "removes the annotation of a manual action that it has taken",
            },
        ),
        Right(
            "dohyo.dev",
            "modeldeployments/status",
            {"patch": "writes conditions, versions and the routing table"},
        ),
        Right("apps", "deployments", _child("a version's Deployment")),
        Right("", "services", _child("a version's Service or the entry Service")),
        Right("policy", "poddisruptionbudgets", _child("a version's PodDisruptionBudget")),
        Right("autoscaling", "horizontalpodautoscalers", _child("a version's autoscaler")),
        Right(
            "",
            "pods",
            {
                "list": "says in words why a version is not ready",
                "watch": "says so within a second",
            },
        ),
        Right(
            "",
            "secrets",
            {
                "get": "sees whether the namespace's keys are there, and whose the Secret is",
                "create": "server-side apply of the namespace's keys where there are none; it "
                "names the object, so that this right is limited by name, too",
                "patch": "server-side apply of keys after a rotation, or of another owner",
                "delete": "is never sent; clusters that guard owner references ask for it of "
                "whoever changes which ModelDeployments own the Secret",
            },
            name="dohyo-keys",
        ),
        Right(
            "",
            "events",
            {
                "create": "tells about every step where `kubectl describe` shows it",
                "patch": "counts a repeated event instead of writing it again",
            },
        ),
    ),
)

OPERATOR_BATCH = Role(
    "dohyo.rights.operator.batch",
    "Operator, in every namespace that it watches, for batch predictions (`batch.enabled`)",
    (
        Right(
            "dohyo.dev",
            "batchpredictions",
            {
                "get": "reads one again whose status somebody else has changed",
                "list": "learns all of them at the start, and checks that the watch is alive",
                "watch": "learns of every change",
            },
        ),
        Right(
            "dohyo.dev",
            "batchpredictions/status",
            {"patch": "writes conditions, progress and the last runs"},
        ),
        Right(
            "batch",
            "jobs",
            _child("a run's Job")
            | {"patch": "suspends, resumes or ends a Job that goes on, and creates it by apply"},
        ),
        Right("batch", "cronjobs", _child("a schedule's CronJob")),
        Right("", "configmaps", _child("the order for a run")),
        Right("", "serviceaccounts", _child("the account of a run's pods, which no Role names")),
    ),
)

OPERATOR_OWN = Role(
    "dohyo.rights.operator.own",
    "Operator, in its own namespace",
    (
        Right(
            "coordination.k8s.io",
            "leases",
            {"create": "the first operator makes the Lease by which one of them leads"},
        ),
        Right(
            "coordination.k8s.io",
            "leases",
            {
                "get": "sees who leads",
                "update": "takes, renews and gives up the lead",
            },
            name='{{ include "dohyo.operator" . }}',
        ),
        Right(
            "discovery.k8s.io",
            "endpointslices",
            {"list": "finds the gateway pods, to ask each what it has applied and counted"},
        ),
    ),
)

AGENT_WATCHED = Role(
    "dohyo.rights.agent.watched",
    "Gateway agent, in every namespace that is watched",
    (
        Right(
            "dohyo.dev",
            "modeldeployments",
            {
                "list": "learns every routing table before Envoy starts",
                "watch": "learns of every change of a routing table",
            },
        ),
        Right(
            "discovery.k8s.io",
            "endpointslices",
            {
                "list": "learns the endpoints of every version before Envoy starts",
                "watch": "learns when a version's pod comes or goes",
            },
        ),
    ),
)

AGENT_OWN = Role(
    "dohyo.rights.agent.own",
    "Gateway agent, in its own namespace",
    (
        Right(
            "discovery.k8s.io",
            "endpointslices",
            {
                "list": "finds its own pod among the gateway's endpoints",
                "watch": "sees that its own pod is leaving, and lets Envoy drain",
            },
        ),
    ),
)

ROLES = (OPERATOR_WATCHED, OPERATOR_BATCH, OPERATOR_OWN, AGENT_WATCHED, AGENT_OWN)


def rights_template() -> str:
    """The Helm templates with the rules of every role, a comment for every verb."""
    lines = [
        "{{/* Generated from charts/schema/rights.py; edit there and run `make generate`. */}}"
    ]
    for role in ROLES:
        lines.append(f'{{{{- define "{role.template}" }}}}')
        for right in role.rights:
            lines.extend(_rule(right))
        lines.append("{{- end }}")
    return "\n".join(lines) + "\n"


def rights_tables() -> str:
    """The same for people, in Markdown."""
    return "\n".join(f"### {role.title}\n\n{_table(role.rights)}" for role in ROLES)


def _rule(right: Right) -> list[str]:
    comments = [
        line
        for verb, reason in right.verbs.items()
        for line in textwrap.wrap(
            f"{verb}: {reason}", _WIDTH, initial_indent="# ", subsequent_indent="#   "
        )
    ]
    rule = [
        *comments,
        f'- apiGroups: ["{right.group}"]',
        f'  resources: ["{right.resource}"]',
    ]
    if right.name:
        rule.append(f"  resourceNames: ['{right.name}']")
    rule.append(f"  verbs: [{', '.join(right.verbs)}]")
    return rule


def _table(rights: Sequence[Right]) -> str:
    lines = ["| resource | verb | what for |", "|---|---|---|"]
    for right in rights:
        resource = f"`{right.resource}{'.' + right.group if right.group else ''}`"
        if right.name:
            own = "{{" in right.name
            resource += " (its own one only)" if own else f" (only `{right.name}`)"
        lines.extend(f"| {resource} | {verb} | {reason} |" for verb, reason in right.verbs.items())
    return "\n".join(lines) + "\n"
