"""Ports of this machine: free ones, and who holds one that is wanted."""

from __future__ import annotations

import socket
from contextlib import suppress

import psutil

from dohyo.local.failure import RingError

_HOST = "127.0.0.1"


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on now; who takes it may still come too late."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def free_pair() -> int:
    """The first of two neighbouring ports: `dohyo-serve` answers gRPC at the port after its own."""
    while True:
        port = free_port()
        with socket.socket() as probe, suppress(OSError, OverflowError):
            probe.bind((_HOST, port + 1))
            return port


def ensure_free(port: int) -> None:
    """Makes sure that nobody listens on a port of this machine.

    Envoy itself would not notice: it shares a port with whoever else shares it.

    Raises:
        RingError: somebody does, by name if this user may see it; or the port is not for users.
    """
    with socket.socket() as probe:
        # Connections of a former ring that linger are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
            probe.listen(1)
        except PermissionError:
            raise RingError(f"port {port} is not for users; choose one by --port") from None
        except OSError as error:
            holder = _holder(port)
            who = f"is taken by {holder}" if holder else f"cannot be taken: {error.strerror}"
            raise RingError(
                f"port {port} on {_HOST} {who}; end that program or choose another by --port"
            ) from None


def _holder(port: int) -> str:
    """Who listens on the port, in words; empty when this user may not see it."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return ""
    for connection in connections:
        address = connection.laddr
        listens = connection.status == psutil.CONN_LISTEN and address and address.port == port
        if listens and connection.pid:
            try:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
            except psutil.Error:
                return f"process {connection.pid}"
    return ""
