from __future__ import annotations

import socket

import pytest

from dohyo_serving.errors import ServingError
from dohyo_serving.launcher import bind


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


def test_without_a_host_every_family_of_the_machine_is_served() -> None:
    hosts = ("127.0.0.1", "::1") if socket.has_dualstack_ipv6() else ("127.0.0.1",)
    with bind(None, 0) as bound:
        bound.listen()
        for host in hosts:
            socket.create_connection((host, bound.getsockname()[1]), timeout=1).close()
