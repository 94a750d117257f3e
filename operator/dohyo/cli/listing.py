"""`dohyo get`: every ModelDeployment in a line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dohyo.api.resource import parse_metadata, parse_status
from dohyo.api.violations import InvalidResource
from dohyo.cli.access import cluster
from dohyo.cli.tables import table
from dohyo.contract import ROLE_CHALLENGER

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

_HEADING = ("NAMESPACE", "NAME", "CHAMPION", "CHALLENGERS", "WEIGHTS", "READY", "REASON", "MESSAGE")


@dataclass(frozen=True)
class Line:
    """One ModelDeployment.

    Attributes:
        weights: percent of the requests, by challenger.
        ready: True, False or Unknown, as of the condition.
    """

    namespace: str
    name: str
    champion: str
    challengers: tuple[str, ...]
    weights: tuple[float, ...]
    ready: str
    reason: str
    message: str

    def cells(self) -> tuple[str, ...]:
        return (
            self.namespace,
            self.name,
            self.champion,
            ",".join(self.challengers),
            ",".join(f"{weight:g}" for weight in self.weights),
            self.ready,
            self.reason,
            self.message if self.ready != "True" else "",
        )


def run(arguments: Namespace) -> int:
    """Prints the list."""
    found = cluster(arguments)
    namespace = None if arguments.all_namespaces else arguments.namespace or found.namespace
    lines = sorted(
        (line_of(raw) for raw in found.all(namespace)), key=lambda li: (li.namespace, li.name)
    )
    if arguments.output == "json":
        print(json.dumps([asdict(line) for line in lines], indent=2))
    elif lines:
        print(table(_HEADING, (line.cells() for line in lines)))
    else:
        where = f"namespace {namespace}" if namespace else "any namespace"
        print(f"no ModelDeployments in {where}")
    return 0


def line_of(raw: Mapping[str, Any]) -> Line:
    """The line of one resource, also of one whose spec or status cannot be read."""
    metadata = parse_metadata(raw)
    try:
        status = parse_status(raw)
    except InvalidResource as error:
        spoilt = ("Unknown", "StatusUnreadable", str(error))
        return Line(metadata.namespace, metadata.name, "", (), (), *spoilt)
    ready = status.condition("Ready")
    challengers = [v for v in status.versions if v.role == ROLE_CHALLENGER]
    return Line(
        namespace=metadata.namespace,
        name=metadata.name,
        champion=status.champion or "",
        challengers=tuple(v.name for v in challengers),
        weights=tuple(v.weight for v in challengers),
        ready=ready.status if ready else "Unknown",
        reason=ready.reason if ready else "NotSeenYet",
        message=ready.message if ready else "the operator has not looked at it; is it running?",
    )
