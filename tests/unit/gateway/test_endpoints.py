"""Which addresses of an EndpointSlice may get requests."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo_gateway.endpoints import (
    Address,
    Endpoints,
    ServiceName,
    by_service,
    is_terminating,
    read_slice,
)

SERVICE = ServiceName("shop", "satisfaction-v12-aaaaa")


def a_slice(*endpoints: dict[str, Any], family: str = "IPv4", **fields: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "slice",
            "namespace": SERVICE.namespace,
            "labels": {"kubernetes.io/service-name": SERVICE.name},
        },
        "addressType": family,
        "ports": [{"name": "http", "port": 3000}, {"name": "grpc", "port": 3001}],
        "endpoints": list(endpoints),
        **fields,
    }


def an_endpoint(address: str, **conditions: bool | None) -> dict[str, Any]:
    return {"addresses": [address], "conditions": conditions, "targetRef": {"name": f"p-{address}"}}


def hosts(addresses: tuple[Address, ...]) -> list[str]:
    return [address.host for address in addresses]


@pytest.mark.parametrize(
    ("conditions", "ready", "closing"),
    [
        ({"ready": True}, True, False),
        ({}, True, False),
        ({"ready": None}, True, False),
        ({"ready": False}, False, False),
        ({"ready": False, "serving": True, "terminating": True}, False, True),
        ({"ready": False, "serving": False, "terminating": True}, False, False),
        ({"ready": True, "serving": True, "terminating": True}, False, True),
    ],
)
def test_conditions(conditions: dict[str, bool | None], ready: bool, closing: bool) -> None:
    found = by_service(
        [s for s in [read_slice(a_slice(an_endpoint("10.0.0.1", **conditions)))] if s]
    )
    endpoints = found[SERVICE]
    assert hosts(endpoints.http) == ["10.0.0.1"] * ready
    assert hosts(endpoints.closing_http) == ["10.0.0.1"] * closing


def test_ports_go_by_their_names() -> None:
    piece = read_slice(a_slice(an_endpoint("10.0.0.1"), ports=[{"name": "grpc", "port": 9001}]))
    assert piece is not None
    assert piece.endpoints == Endpoints(grpc=(Address("10.0.0.1", 9001),))


def test_slices_of_one_service_are_joined_and_families_are_not() -> None:
    manifests = [
        a_slice(an_endpoint("10.0.0.2"), an_endpoint("10.0.0.1")),
        a_slice(an_endpoint("10.0.0.3"), an_endpoint("10.0.0.1")),
        a_slice(an_endpoint("fd00::1"), family="IPv6"),
    ]
    found = by_service([piece for manifest in manifests if (piece := read_slice(manifest))])
    assert hosts(found[SERVICE].http) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_slices_without_a_service_or_without_addresses_do_not_count() -> None:
    assert read_slice(a_slice(family="FQDN")) is None
    metadata = {"name": "slice", "namespace": "shop"}
    assert read_slice(a_slice(an_endpoint("10.0.0.1"), metadata=metadata)) is None
    assert read_slice(a_slice(endpoints=None, ports=None)) is not None


def test_a_pod_finds_its_own_end() -> None:
    leaving = an_endpoint("10.0.0.1", ready=False, terminating=True)
    manifest = a_slice(leaving, an_endpoint("10.0.0.2"))
    assert is_terminating(manifest, "p-10.0.0.1")
    assert not is_terminating(manifest, "p-10.0.0.2")
    assert not is_terminating(manifest, "p-10.0.0.3")
