from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from dohyo_serving.endpoint import Endpoint
from dohyo_serving.errors import ServingError
from dohyo_serving.launcher import bind, main
from tests.unit.serving.serving_in_process import settle

if TYPE_CHECKING:
    from pathlib import Path


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


def test_an_address_of_another_machine_is_told_with_the_way_out() -> None:
    with pytest.raises(ServingError, match=r"on 192\.0\.2\.77 .*; name an address .* --host"):
        bind("192.0.2.77", 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--port", "99999"), "--port 99999: choose 0 to 65535"),
        (("--port", "-1", "--grpc-port", "1"), "--port -1: choose 0 to 65535"),
        (("--grpc-port", "70000"), "--grpc-port 70000: choose 0 to 65535, or off"),
        (("--grace", "-5"), "--grace -5: choose 0 to 86400"),
        (("--grace", "nan"), "--grace nan: choose 0 to 86400"),
        (("--keep-alive", "-1"), "--keep-alive -1: choose 0 to 86400"),
        (("--digest", "sha256:12"), "--digest sha256:12: no digest; write sha256: and 64"),
    ],
)
def test_an_option_out_of_range_is_told(
    options: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit) as told:
        main(["some:bento", *options])
    assert str(told.value).startswith(f"dohyo-serve: {words}")


def test_without_a_host_every_family_of_the_machine_is_served() -> None:
    hosts = ("127.0.0.1", "::1") if socket.has_dualstack_ipv6() else ("127.0.0.1",)
    with bind(None, 0) as bound:
        bound.listen()
        for host in hosts:
            socket.create_connection((host, bound.getsockname()[1]), timeout=1).close()
