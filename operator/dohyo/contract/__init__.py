"""All that crosses a process boundary: names, ports, headers, metrics and the routing table.

Operator, gateway agent, serving runtime, evidence service and tests import this package and
nothing else of each other. It needs the standard library alone, so that every image can carry it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# The resource.
GROUP: Final = "dohyo.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "ModelDeployment"
PLURAL: Final = "modeldeployments"
BATCH_KIND: Final = "BatchPrediction"
BATCH_PLURAL: Final = "batchpredictions"

# Who owns what the operator writes.
FIELD_MANAGER: Final = "dohyo"
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
LABEL_DEPLOYMENT: Final = "dohyo.dev/modeldeployment"
LABEL_VERSION: Final = "dohyo.dev/version"
LABEL_BATCH: Final = "dohyo.dev/batchprediction"
# What a Job of a batch prediction was made of, as JSON.
ANNOTATION_RUN: Final = "dohyo.dev/run"
ANNOTATION_BENTO: Final = "dohyo.dev/bento"
ANNOTATION_APPLIED: Final = "dohyo.dev/applied"
MANAGED_BY: Final = "dohyo"

# Ports. Containers listen above 1024, so that nobody needs a capability.
BENTO_HTTP_PORT: Final = 3000
BENTO_GRPC_PORT: Final = 3001
GATEWAY_PORT: Final = 8080
GATEWAY_SERVICE_PORT: Final = 80
AGENT_PORT: Final = 8081
OPERATOR_PORT: Final = 8081

# Where a bento lies in its pod, and the init container that puts it there.
BENTO_FOLDER: Final = "/bento"
FETCH_CONTAINER: Final = "fetch"

# The Secret with a namespace's keys, in every namespace with ModelDeployments, and where its pods
# find it (DOHYO_KEYS).
KEYS_SECRET: Final = "dohyo-keys"  # noqa: S105 - its name, not what is in it
KEYS_FOLDER: Final = "/var/run/secrets/dohyo.dev/keys"

# The user that bentos run as; the same number as in images made by `bentoml containerize`.
BENTO_UID: Final = 1034

# Headers, written in lower case as HTTP/2 wants them.
HEADER_VERSION: Final = "x-dohyo-version"
HEADER_ASSIGNMENT: Final = "x-dohyo-assignment"
HEADER_ENTITY: Final = "x-dohyo-entity"
HEADER_DEPLOYMENT: Final = "x-dohyo-deployment"
HEADER_REQUEST_ID: Final = "x-request-id"
HEADER_PREDICTION_ID: Final = "x-dohyo-prediction-id"

# One request in ten thousand is the finest share that can be routed.
BUCKETS: Final = 10_000

# Paths that the gateway agent answers on AGENT_PORT.
AGENT_REPORT_PATH: Final = "/v1/report"
AGENT_METRICS_PATH: Final = "/metrics"
AGENT_READY_PATH: Final = "/readyz"
AGENT_LIVE_PATH: Final = "/livez"

# Prometheus names. Labels of the gateway's: namespace, modeldeployment, version, role, code.
METRIC_REQUESTS: Final = "dohyo_gateway_requests_total"
METRIC_DURATION: Final = "dohyo_gateway_request_duration_seconds"
METRIC_RETRIES: Final = "dohyo_gateway_retries_total"

ROLE_CHAMPION: Final = "champion"
ROLE_CHALLENGER: Final = "challenger"
ROLE_PREVIOUS: Final = "previous"


@dataclass(frozen=True)
class RoutedVersion:
    """One version in the ring, as the gateway needs to know it.

    Attributes:
        name: the version's name, unique in its ModelDeployment.
        service: the Service in the same namespace whose EndpointSlices are its endpoints.
        role: champion, challenger or previous (answers pinned requests only until it is gone).
        buckets: half-open intervals of the BUCKETS line that a challenger owns; the champion
            owns all that nobody else does.
        shadow: share of the requests to be mirrored to it, in 1/BUCKETS.
    """

    name: str
    service: str
    role: str
    buckets: tuple[tuple[int, int], ...] = ()
    shadow: int = 0

    @property
    def weight(self) -> int:
        """The share it owns by its buckets, in 1/BUCKETS (0 for the champion)."""
        return sum(end - start for start, end in self.buckets)


@dataclass(frozen=True)
class RoutingTable:
    """The whole input of the gateway about one ModelDeployment: ``status.routing``.

    Attributes:
        epoch: grows by one with every change of anything below.
        trial: names the comparison that assignments belong to, or all of them (`trials_of`).
        salt: of the entity hash; the bucket is ``xxh64(f"{salt}/{entity}") % BUCKETS``.
        sticky_header: the request header that holds the entity; None splits by chance.
        timeout_seconds: until the first byte and the last one of an answer.
        retries: attempts beyond the first, on another pod of the same version.
        versions: the champion first, then the challengers in the order of the spec.
        slow_seconds: answers that take longer are told to the evidence service; None for none.
        bad_codes: HTTP statuses and gRPC codes that are, beside the gateway's own list.
    """

    epoch: int
    trial: str
    salt: str
    sticky_header: str | None
    timeout_seconds: float
    retries: int
    versions: tuple[RoutedVersion, ...]
    slow_seconds: float | None = None
    bad_codes: tuple[str, ...] = ()

    @property
    def champion(self) -> RoutedVersion:
        return next(v for v in self.versions if v.role == ROLE_CHAMPION)

    def share(self, name: str) -> int:
        """The share of live requests that the version gets, in 1/BUCKETS."""
        if name == self.champion.name:
            return BUCKETS - sum(v.weight for v in self.versions)
        return next((v.weight for v in self.versions if v.name == name), 0)


def routing_to_status(table: RoutingTable) -> dict[str, Any]:
    """The table as it stands in ``status.routing`` (camelCase, empty fields left out)."""
    versions: list[dict[str, Any]] = []
    for version in table.versions:
        entry: dict[str, Any] = {
            "name": version.name,
            "service": version.service,
            "role": version.role,
        }
        if version.buckets:
            entry["buckets"] = [{"from": start, "to": end} for start, end in version.buckets]
        if version.shadow:
            entry["shadow"] = version.shadow
        versions.append(entry)
    status: dict[str, Any] = {
        "epoch": table.epoch,
        "trial": table.trial,
        "salt": table.salt,
        "timeoutSeconds": table.timeout_seconds,
        "retries": table.retries,
        "versions": versions,
    }
    if table.sticky_header is not None:
        status["stickyHeader"] = table.sticky_header
    if table.slow_seconds is not None:
        status["slowSeconds"] = table.slow_seconds
    if table.bad_codes:
        status["badCodes"] = list(table.bad_codes)
    return status


def routing_from_status(status: Mapping[str, Any]) -> RoutingTable:
    """The inverse of `routing_to_status`.

    Raises:
        KeyError: a field that the gateway cannot do without is missing.
    """
    return RoutingTable(
        epoch=int(status["epoch"]),
        trial=str(status["trial"]),
        salt=str(status["salt"]),
        sticky_header=status.get("stickyHeader"),
        timeout_seconds=float(status["timeoutSeconds"]),
        retries=int(status["retries"]),
        versions=tuple(
            RoutedVersion(
                name=entry["name"],
                service=entry["service"],
                role=entry["role"],
                buckets=tuple((b["from"], b["to"]) for b in entry.get("buckets", ())),
                shadow=int(entry.get("shadow", 0)),
            )
            for entry in status["versions"]
        ),
        slow_seconds=float(status["slowSeconds"]) if "slowSeconds" in status else None,
        bad_codes=tuple(status.get("badCodes", ())),
    )


@dataclass(frozen=True)
class VersionCounters:
    """What one gateway pod has counted of one version since its Envoy started.

    Attributes:
        requests: answers sent, cumulative.
        seconds: the sum of their durations, cumulative; its growth over time is the concurrency.
        active: requests in flight now.
    """

    requests: int
    seconds: float
    active: int


@dataclass(frozen=True)
class GatewayReport:
    """One gateway pod's word: GET AGENT_REPORT_PATH.

    Attributes:
        pod: the pod's name.
        incarnation: changes when Envoy's counters start anew.
        epochs: by "namespace/name", the epoch of the routing table that Envoy has applied.
        counters: by "namespace/name", then by version.
    """

    pod: str
    incarnation: str
    epochs: Mapping[str, int]
    counters: Mapping[str, Mapping[str, VersionCounters]]


def report_to_json(report: GatewayReport) -> dict[str, Any]:
    return {
        "pod": report.pod,
        "incarnation": report.incarnation,
        "epochs": dict(report.epochs),
        "counters": {
            key: {name: [c.requests, c.seconds, c.active] for name, c in versions.items()}
            for key, versions in report.counters.items()
        },
    }


def report_from_json(document: Mapping[str, Any]) -> GatewayReport:
    """The inverse of `report_to_json`.

    Raises:
        KeyError: the document is not a report.
    """
    return GatewayReport(
        pod=document["pod"],
        incarnation=document["incarnation"],
        epochs={key: int(epoch) for key, epoch in document["epochs"].items()},
        counters={
            key: {
                name: VersionCounters(int(c[0]), float(c[1]), int(c[2]))
                for name, c in versions.items()
            }
            for key, versions in document["counters"].items()
        },
    )


# How a request came to its version. Only MODE_SPLIT is evidence.
MODE_SPLIT: Final = "split"
MODE_PINNED: Final = "pinned"
MODE_FALLBACK: Final = "fallback"
MODE_SHADOW: Final = "shadow"


# A request may be evidence in several trials at once: one for each challenger.
TRIALS_JOINED_BY: Final = "+"


def trials_of(text: str) -> tuple[str, ...]:
    """The trials that a table, an assignment or a prediction id names: ``a+b`` → ``("a", "b")``."""
    return tuple(text.split(TRIALS_JOINED_BY))


@dataclass(frozen=True)
class Assignment:
    """What the gateway stamps on a request: HEADER_ASSIGNMENT.

    Attributes:
        trial: names the comparison that the assignment belongs to, or all of them (`trials_of`).
        epoch: of the routing table that made it.
        version: the assigned one; with MODE_FALLBACK the champion answered in its place.
        mode: split, pinned, fallback or shadow.
        champion: name and share in 1/BUCKETS.
        challengers: names and shares in 1/BUCKETS, in the order of the table.
    """

    trial: str
    epoch: int
    version: str
    mode: str
    champion: tuple[str, int]
    challengers: tuple[tuple[str, int], ...] = ()


def assignment_to_header(assignment: Assignment) -> str:
    """The header's text, such as ``trial=t1;epoch=3;version=b;mode=split;shares=a:9000,b:1000``.

    The champion's share stands first. A version may be a placeholder that Envoy fills in.
    """
    shares = ",".join(
        f"{name}:{share}" for name, share in (assignment.champion, *assignment.challengers)
    )
    return (
        f"trial={assignment.trial};epoch={assignment.epoch};version={assignment.version};"
        f"mode={assignment.mode};shares={shares}"
    )


def assignment_from_header(text: str) -> Assignment:
    """The inverse of `assignment_to_header`.

    Raises:
        ValueError: the text is no assignment.
    """
    fields = dict(part.partition("=")[::2] for part in text.split(";"))
    try:
        shares = [share.rpartition(":")[::2] for share in fields["shares"].split(",")]
        champion, *challengers = [(name, int(share)) for name, share in shares]
        return Assignment(
            trial=fields["trial"],
            epoch=int(fields["epoch"]),
            version=fields["version"],
            mode=fields["mode"],
            champion=champion,
            challengers=tuple(challengers),
        )
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{HEADER_ASSIGNMENT}: {text!r} is no assignment; "
            "expected trial=…;epoch=…;version=…;mode=…;shares=champion:n,challenger:n"
        ) from error
