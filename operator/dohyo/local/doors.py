"""The port that requests come in by: free, or who has it."""

from __future__ import annotations

import socket

import psutil

from dohyo.local.failure import RingError

_HOST = "127.0.0.1"


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
