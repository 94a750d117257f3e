"""A routing table → Envoy's routes: whom a request reaches, and what is stamped on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dohyo.contract import (
    BUCKETS,
    HEADER_ASSIGNMENT,
    HEADER_DEPLOYMENT,
    HEADER_ENTITY,
    HEADER_VERSION,
    MODE_PINNED,
    MODE_SHADOW,
    MODE_SPLIT,
    ROLE_PREVIOUS,
    Assignment,
    assignment_to_header,
)
from dohyo_gateway import feedback, line, witness_log, xds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from dohyo.contract import RoutingTable

# Filled in by Envoy from the cluster that it chose.
_ASSIGNED: Final = f"%CLUSTER_METADATA({xds.METADATA}:{xds.METADATA_ASSIGNED})%"
# Routes are named after the mode that they stand for, but a cluster may know better.
_MODE: Final = xds.coalesce(
    {"command": "CLUSTER_METADATA", "param": f"{xds.METADATA}:{xds.METADATA_MODE}"}, "ROUTE_NAME"
)

# Envoy ends a stream that nothing moves on for this long, unless the route allows more.
STREAM_IDLE_SECONDS: Final = 300

_RETRY_ON: Final = (
    "connect-failure,reset,reset-before-request,refused-stream,retriable-status-codes,unavailable"
)


@dataclass(frozen=True)
class Subject:
    """One ModelDeployment as routes need it.

    Attributes:
        key: "namespace/name".
        table: valid (see `validation`).
        ready: names of the versions with an endpoint.
        pin_allowed: whether a request may name its version.
        feedback: whether there is an evidence service to send feedback to.
    """

    key: str
    table: RoutingTable
    ready: AbstractSet[str]
    pin_allowed: bool
    feedback: bool = False


def virtual_host(subject: Subject, domains: list[str]) -> dict[str, Any]:
    """Answers the ModelDeployment's own hosts, HTTP and gRPC."""
    return {
        "name": subject.key,
        "domains": domains,
        **_stamping(subject),
        "routes": _routes(subject, "/", xds.PROTOCOLS),
    }


def by_path(subject: Subject) -> list[dict[str, Any]]:
    """Routes below /namespace/name/, which is cut off. A gRPC client cannot write such a path."""
    return _routes(subject, f"/{subject.key}/", (xds.HTTP,), _stamping(subject))


def _routes(
    subject: Subject,
    prefix: str,
    protocols: tuple[str, ...],
    stamping: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    found = [
        *([feedback.route(prefix)] if subject.feedback else []),
        *_pinned(subject, prefix, protocols),
        *(
            _forward(
                subject, MODE_SPLIT, _match(prefix, None, protocol), _shares(subject, protocol)
            )
            for protocol in protocols
        ),
    ]
    told = {"filter_metadata": {xds.METADATA: witness_log.limits(subject.key, subject.table)}}
    return [{**route, "metadata": told, **(stamping or {})} for route in found]


def _pinned(subject: Subject, prefix: str, protocols: tuple[str, ...]) -> list[dict[str, Any]]:
    names = [version.name for version in subject.table.versions]
    anything = _match(prefix, {"name": HEADER_VERSION, "present_match": True})
    if not subject.pin_allowed:
        text = f"This gateway does not let a request choose its version by {HEADER_VERSION}.\n"
        return [_answer(anything, 403, text)]
    pins = [
        _forward(
            subject,
            MODE_PINNED,
            _match(prefix, {"name": HEADER_VERSION, "string_match": {"exact": name}}, protocol),
            {"cluster": xds.cluster_name(subject.key, name, protocol)},
        )
        for name in names
        for protocol in protocols
    ]
    text = (
        f"ModelDeployment {subject.key} has no version of the name in {HEADER_VERSION}; "
        f"its versions: {', '.join(names)}.\n"
    )
    return [*pins, _answer(anything, 404, text)]


def _shares(subject: Subject, protocol: str) -> dict[str, Any]:
    table = subject.table
    shares = line.stretches(table, subject.ready)
    action: dict[str, Any]
    if len(shares) == 1 and not shares[0].fallback:
        action = {"cluster": xds.cluster_name(subject.key, shares[0].version, protocol)}
    else:
        entries = [_entry(subject.key, protocol, share) for share in shares]
        weighted: dict[str, Any] = {"clusters": entries}
        action = {"weighted_clusters": weighted}
        if table.sticky_header is not None:
            weighted["use_hash_policy"] = True
            action["hash_policy"] = [_entity_hash(table.sticky_header, table.salt)]
    mirrors = [
        _mirror(subject, protocol, version.name, version.shadow)
        for version in table.versions
        if version.shadow and version.name in subject.ready
    ]
    return {**action, "request_mirror_policies": mirrors} if mirrors else action


def _entry(key: str, protocol: str, share: line.Stretch) -> dict[str, Any]:
    purpose = xds.FALLBACK if share.fallback else xds.LIVE
    name = xds.cluster_name(key, share.version, protocol, purpose)
    return {"name": name, "weight": share.length}


def _entity_hash(header: str, salt: str) -> dict[str, Any]:
    r"""Makes the hash xxh64(f"{salt}/{entity}"); \C takes bytes that are no UTF-8 as well."""
    rewrite = {"pattern": {"regex": r"^(\C*)$"}, "substitution": rf"{salt}/\1"}
    return {"header": {"header_name": header, "regex_rewrite": rewrite}}


def _mirror(subject: Subject, protocol: str, version: str, shadow: int) -> dict[str, Any]:
    stamp = _stamp(subject.table, version, MODE_SHADOW)
    return {
        "cluster": xds.cluster_name(subject.key, version, protocol, xds.SHADOW),
        "runtime_fraction": {"default_value": {"numerator": shadow, "denominator": "TEN_THOUSAND"}},
        "disable_shadow_host_suffix_append": True,
        "request_headers_mutations": [{"append": xds.overwrite(HEADER_ASSIGNMENT, stamp)}],
    }


def _forward(
    subject: Subject, mode: str, match: dict[str, Any], action: dict[str, Any]
) -> dict[str, Any]:
    seconds = subject.table.timeout_seconds
    route = {**action, "timeout": f"{seconds:g}s"}
    if subject.table.retries:
        route["retry_policy"] = _retry_policy(subject.table)
        # The attempt that takes long is not given up: it may be slow rather than lost.
        route["hedge_policy"] = {"hedge_on_per_try_timeout": True}
    if match["prefix"] != "/":
        route["prefix_rewrite"] = "/"
    if seconds >= STREAM_IDLE_SECONDS:
        route["idle_timeout"] = f"{seconds + 1:g}s"
    return {"name": mode, "match": match, "route": route}


def _retry_policy(table: RoutingTable) -> dict[str, Any]:
    predicate = xds.typed(
        "envoy.retry_host_predicates.previous_hosts",
        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
    )
    return {
        "retry_on": _RETRY_ON,
        "retriable_status_codes": [503],
        "num_retries": table.retries,
        # A pod that hangs answers nothing and refuses nothing: after its part of the time another
        # one is asked as well, and the first answer counts.
        "per_try_timeout": f"{table.timeout_seconds / (table.retries + 1):.3f}s",
        "retry_host_predicate": [predicate],
        # The dead pod looks idle, so the balancer proposes it three times out of four.
        "host_selection_retry_max_attempts": 50,
        "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.1s"},
    }


def _stamping(subject: Subject) -> dict[str, Any]:
    """The headers that tell a version how the request came to it; a client's own are removed."""
    table = subject.table
    removed = [HEADER_ASSIGNMENT, HEADER_VERSION, HEADER_DEPLOYMENT]
    added = [xds.append(HEADER_ASSIGNMENT, _stamp(table, _ASSIGNED, _MODE))]
    if table.sticky_header != HEADER_ENTITY:
        removed.append(HEADER_ENTITY)
        if table.sticky_header is not None:
            added.append(xds.append(HEADER_ENTITY, f"%REQ({table.sticky_header})%"))
    return {"request_headers_to_remove": removed, "request_headers_to_add": added}


def _stamp(table: RoutingTable, version: str, mode: str) -> str:
    champion = table.champion.name
    return assignment_to_header(
        Assignment(
            trial=table.trial,
            epoch=table.epoch,
            version=version,
            mode=mode,
            champion=(champion, table.share(champion)),
            challengers=tuple(
                (v.name, v.weight)
                for v in table.versions
                if v.name != champion and v.role != ROLE_PREVIOUS
            ),
        )
    )


def _match(
    prefix: str, header: dict[str, Any] | None, protocol: str | None = None
) -> dict[str, Any]:
    match: dict[str, Any] = {"prefix": prefix}
    if header is not None:
        match["headers"] = [header]
    if protocol == xds.GRPC:
        match["grpc"] = {}
    return match


def _answer(match: dict[str, Any], status: int, text: str) -> dict[str, Any]:
    return {
        "match": match,
        "direct_response": {"status": status, "body": {"inline_string": text}},
    }


assert BUCKETS == 10_000, "Envoy's fractions have the denominator TEN_THOUSAND"
