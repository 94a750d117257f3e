"""EndpointSlices → the addresses that may get requests, by Service."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LABEL_SERVICE: Final = "kubernetes.io/service-name"
PORT_HTTP: Final = "http"
PORT_GRPC: Final = "grpc"


class Address(NamedTuple):
    host: str
    port: int


class ServiceName(NamedTuple):
    namespace: str
    name: str


@dataclass(frozen=True)
class Endpoints:
    """The addresses of one Service, sorted, each once.

    Attributes:
        http, grpc: of pods that are ready.
        closing_http, closing_grpc: of pods that are about to end and still answer; a last resort.
    """

    http: tuple[Address, ...] = ()
    grpc: tuple[Address, ...] = ()
    closing_http: tuple[Address, ...] = ()
    closing_grpc: tuple[Address, ...] = ()


NOWHERE: Final = Endpoints()


@dataclass(frozen=True)
class Slice:
    """What counts of one EndpointSlice: its Service, and its addresses as `Endpoints`."""

    service: ServiceName
    family: str
    endpoints: Endpoints


def read_slice(manifest: Mapping[str, Any]) -> Slice | None:
    """The slice, or None when it belongs to no Service or names no IP addresses."""
    metadata = manifest["metadata"]
    service = (metadata.get("labels") or {}).get(LABEL_SERVICE)
    family = manifest.get("addressType")
    if not service or family not in ("IPv4", "IPv6"):
        return None
    ready, closing = _hosts(manifest.get("endpoints") or ())
    ports = {port.get("name"): port.get("port") for port in manifest.get("ports") or ()}
    return Slice(
        service=ServiceName(metadata["namespace"], service),
        family=family,
        endpoints=Endpoints(
            http=_addresses(ready, ports.get(PORT_HTTP)),
            grpc=_addresses(ready, ports.get(PORT_GRPC)),
            closing_http=_addresses(closing, ports.get(PORT_HTTP)),
            closing_grpc=_addresses(closing, ports.get(PORT_GRPC)),
        ),
    )


def by_service(slices: Iterable[Slice]) -> dict[ServiceName, Endpoints]:
    """All slices of each Service in one.

    A dual-stack Service has every pod in slices of both families: one family is enough.
    """
    grouped: defaultdict[ServiceName, list[Slice]] = defaultdict(list)
    for piece in slices:
        grouped[piece.service].append(piece)
    return {service: _joined(pieces) for service, pieces in grouped.items()}


def is_terminating(manifest: Mapping[str, Any], pod: str) -> bool:
    """Whether the slice says that the pod of this name is about to end."""
    return any(
        (endpoint.get("targetRef") or {}).get("name") == pod
        and bool((endpoint.get("conditions") or {}).get("terminating"))
        for endpoint in manifest.get("endpoints") or ()
    )


def _hosts(endpoints: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Ready and closing hosts. An absent `ready` means ready, says the API."""
    ready: list[str] = []
    closing: list[str] = []
    for endpoint in endpoints:
        conditions = endpoint.get("conditions") or {}
        addresses = endpoint.get("addresses") or ()
        if conditions.get("terminating"):
            closing += addresses[:1] if conditions.get("serving") else ()
        elif conditions.get("ready", True) is not False:
            ready += addresses[:1]
    return ready, closing


def _addresses(hosts: Iterable[str], port: int | None) -> tuple[Address, ...]:
    return () if port is None else tuple(sorted({Address(host, port) for host in hosts}))


def _joined(pieces: list[Slice]) -> Endpoints:
    family = min(piece.family for piece in pieces)
    chosen = [piece.endpoints for piece in pieces if piece.family == family]
    if len(chosen) == 1:
        return chosen[0]
    return Endpoints(
        http=_merged(e.http for e in chosen),
        grpc=_merged(e.grpc for e in chosen),
        closing_http=_merged(e.closing_http for e in chosen),
        closing_grpc=_merged(e.closing_grpc for e in chosen),
    )


def _merged(groups: Iterable[tuple[Address, ...]]) -> tuple[Address, ...]:
    return tuple(sorted({address for group in groups for address in group}))
