"""Routing tables and endpoints → all of Envoy's dynamic resources, each ModelDeployment by itself.

What one ModelDeployment becomes depends on nothing else, so it is compiled once per change and kept
as text; the files are put together from these texts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from dohyo.contract import HEADER_DEPLOYMENT, HEADER_VERSION
from dohyo_gateway import clusters, routes, validation, xds
from dohyo_gateway.endpoints import Endpoints, ServiceName

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dohyo.contract import RoutingTable

_ROUTE: Final = "envoy.config.route.v3."

_BARE_HOST: Final = (
    "421: the host '%REQ(:AUTHORITY)%' names no namespace. Call <name>.<namespace>, "
    "for instance %REQ(:AUTHORITY)%.default, with the namespace of the ModelDeployment.\n"
)
_UNKNOWN: Final = (
    "404: no ModelDeployment answers to host '%REQ(:AUTHORITY)%'. Name it by the host "
    "<name>.<namespace>, by the path /<namespace>/<name>/..., "
    "or by the header x-dohyo-deployment: <namespace>/<name>.\n"
)


@dataclass(frozen=True)
class World:
    """All that the gateway is told, from wherever it comes.

    Attributes:
        tables: by "namespace/name" of the ModelDeployment.
        endpoints: by Service.
        leaving: this gateway is about to end.
    """

    tables: Mapping[str, RoutingTable] = field(default_factory=dict)
    endpoints: Mapping[ServiceName, Endpoints] = field(default_factory=dict)
    leaving: bool = False


@dataclass(frozen=True)
class Compiled:
    """One ModelDeployment in Envoy's words.

    Attributes:
        clusters: resources as JSON, by name.
        empty: those of them without an endpoint.
        virtual_host: JSON; answers its hosts.
        by_path: JSON of a list of routes; answers the path /namespace/name/.
    """

    clusters: Mapping[str, bytes]
    empty: frozenset[str]
    virtual_host: bytes
    by_path: bytes


@dataclass(frozen=True)
class Policy:
    """What holds for every ModelDeployment.

    Attributes:
        cluster_domain: of the cluster's names.
        pin_allowed: whether a request may name its version.
        feedback: whether there is an evidence service to send feedback to.
    """

    cluster_domain: str = "cluster.local"
    pin_allowed: bool = True
    feedback: bool = False


class Compiler:
    """Compiles, and remembers what has not changed since.

    A table that Envoy would refuse changes nothing: its predecessor stays, if there is one.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._known: dict[str, tuple[object, Compiled, RoutingTable]] = {}
        self.objections: tuple[str, ...] = ()

    def compile(self, world: World) -> Snapshot:
        found: dict[str, Compiled] = {}
        tables: dict[str, RoutingTable] = {}
        objections: list[str] = []
        for key, given in sorted(world.tables.items()):
            table: RoutingTable | None = self._known[key][2] if key in self._known else None
            if given != table:
                refused = validation.objections(key, given)
                objections += refused
                table = table if refused else given
            if table is not None:
                found[key] = self._compiled(key, table, world.endpoints)
                tables[key] = table
        self._known = {key: self._known[key] for key in found}
        self.objections = tuple(objections)
        return Snapshot(found, tables)

    def _compiled(
        self, key: str, table: RoutingTable, endpoints: Mapping[ServiceName, Endpoints]
    ) -> Compiled:
        namespace = key.partition("/")[0]
        own = {
            version.service: found
            for version in table.versions
            if (found := endpoints.get(ServiceName(namespace, version.service))) is not None
        }
        known = self._known.get(key)
        if known is not None and known[0] == (table, own):
            return known[1]
        compiled = compiled_deployment(key, table, own, self._policy)
        self._known[key] = ((table, own), compiled, table)
        return compiled


@dataclass(frozen=True)
class Snapshot:
    """Everything that Envoy is to have."""

    deployments: Mapping[str, Compiled]
    tables: Mapping[str, RoutingTable]

    @property
    def clusters(self) -> dict[str, bytes]:
        return {
            name: resource
            for compiled in self.deployments.values()
            for name, resource in compiled.clusters.items()
        }

    @property
    def empty(self) -> frozenset[str]:
        return frozenset().union(*(compiled.empty for compiled in self.deployments.values()))

    @property
    def epochs(self) -> dict[str, int]:
        return {key: table.epoch for key, table in self.tables.items()}

    @property
    def roles(self) -> dict[str, dict[str, str]]:
        return {
            key: {version.name: version.role for version in table.versions}
            for key, table in self.tables.items()
        }


def compiled_deployment(
    key: str, table: RoutingTable, endpoints: Mapping[str, Endpoints], policy: Policy
) -> Compiled:
    """Compiles one valid table.

    Args:
        key: "namespace/name".
        table: its routing table.
        endpoints: by Service name in its namespace.
        policy: of the whole gateway.
    """
    found = clusters.clusters(key, table, endpoints)
    ready = frozenset(
        version.name
        for version in table.versions
        if any(clusters.addresses(version, table, endpoints).values())
    )
    # The champion has no stand-in: without endpoints its cluster answers 503.
    subject = routes.Subject(
        key, table, ready | {table.champion.name}, policy.pin_allowed, policy.feedback
    )
    return Compiled(
        clusters={name: orjson.dumps(cluster.resource) for name, cluster in found.items()},
        empty=frozenset(name for name, cluster in found.items() if not cluster.size),
        virtual_host=orjson.dumps(routes.virtual_host(subject, hosts(key, policy.cluster_domain))),
        by_path=orjson.dumps(routes.by_path(subject)),
    )


def hosts(key: str, cluster_domain: str) -> list[str]:
    """The names that a ModelDeployment answers to, without ports."""
    namespace, name = key.split("/")
    short = f"{name}.{namespace}"
    # The last is what HEADER_DEPLOYMENT says: the listener puts one or the other in one header.
    return [short, f"{short}.svc", f"{short}.svc.{cluster_domain}", key]


def cluster_file(clusters_by_name: Mapping[str, bytes], version: str) -> bytes:
    """The file that Envoy's CDS reads."""
    return _response(version, clusters_by_name.values())


def route_file(snapshot: Snapshot, version: str) -> bytes:
    """The file that Envoy's RDS reads: one route configuration with all virtual hosts."""
    virtual_hosts = [
        orjson.Fragment(compiled.virtual_host) for compiled in snapshot.deployments.values()
    ]
    configuration = {
        "@type": xds.TYPE + _ROUTE + "RouteConfiguration",
        "name": xds.ROUTE_CONFIGURATION,
        "vhost_header": HEADER_DEPLOYMENT,
        "request_headers_to_remove": ["x-envoy-internal", "x-envoy-external-address"],
        "response_headers_to_add": [
            xds.overwrite(
                HEADER_VERSION, f"%CLUSTER_METADATA({xds.METADATA}:{xds.METADATA_ANSWERS})%"
            )
        ],
        "virtual_hosts": [*virtual_hosts, _any_host(snapshot)],
    }
    return _response(version, [orjson.dumps(configuration)])


def _any_host(snapshot: Snapshot) -> dict[str, Any]:
    """Answers hosts that nobody owns: by path, else by an explanation."""
    explained = _route_list([_explanation(421, _BARE_HOST), _explanation(404, _UNKNOWN)])
    if not snapshot.deployments:
        return _virtual_host({"on_no_match": {"action": explained}})
    by_path = {
        f"/{key}/": {"action": _route_list(orjson.Fragment(compiled.by_path))}
        for key, compiled in snapshot.deployments.items()
    }
    path = xds.typed(
        "path", "envoy.type.matcher.v3.HttpRequestHeaderMatchInput", header_name=":path"
    )
    return _virtual_host(
        {
            "matcher_tree": {"input": path, "prefix_match_map": {"map": by_path}},
            "on_no_match": {"action": explained},
        }
    )


def _virtual_host(matcher: dict[str, Any]) -> dict[str, Any]:
    return {"name": "any", "domains": ["*"], "matcher": matcher}


def _route_list(entries: object) -> dict[str, Any]:
    return xds.typed("routes", _ROUTE + "RouteList", routes=entries)


def _explanation(status: int, text: str) -> dict[str, Any]:
    match: dict[str, Any] = {"prefix": "/"}
    if status == 421:
        bare = {"safe_regex": {"regex": "[^.]+"}}
        match["headers"] = [{"name": ":authority", "string_match": bare}]
    body = {"text_format_source": {"inline_string": text}, "content_type": "text/plain"}
    return {"match": match, "direct_response": {"status": status, "body_format": body}}


def _response(version: str, resources: Iterable[bytes]) -> bytes:
    return orjson.dumps(
        {"version_info": version, "resources": [orjson.Fragment(entry) for entry in resources]}
    )
