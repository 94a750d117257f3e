from __future__ import annotations

import socket

import pytest

from dohyo_serving.endpoint import Endpoint
from dohyo_serving.errors import ServingError
from dohyo_serving.launcher import bind
from tests.unit.serving.serving_in_process import settle


def test_a_bound_port_is_taken_but_refuses_until_it_listens() -> None:
    with bind("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)
        bound.listen()
        socket.create_connection(("127.0.0.1", port), timeout=1).close()


def test_a_taken_port_is_told_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServingError, match=rf"port {port} on 127.0.0.1 .* --port"):
            bind("127.0.0.1", port)


async def test_a_taken_port_of_grpc_is_told_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        settle(monkeypatch, None, DOHYO_GRPC_PORT=port)
        endpoint = Endpoint("cells")
        endpoint.load(lambda matrix: matrix)
        with pytest.raises(ServingError, match=rf"gRPC port {port} .*workers=1.* DOHYO_GRPC_PORT"):
            await endpoint.start()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_without_a_host_both_families_are_served() -> None:
    with bind(None, 0) as bound:
        bound.listen()
        port = bound.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        socket.create_connection(("::1", port), timeout=1).close()
