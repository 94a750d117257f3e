"""A bento that was built anew under its old tag: on a running ring, and for the next one."""

from __future__ import annotations

import asyncio
import json
import shutil
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest
import yaml

from tests.harness.http1 import Connection
from tests.harness.until import until
from tests.local.ring.house import NAME, House, a_request, a_spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(240)

ROLLOUT = {
    "steps": [{"weight": 20, "for": "1h"}],
    "gates": [{"name": "errors", "metric": "error-rate", "harmRatio": 2.0}],
}


@pytest.fixture
def house(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A ring with a store of its own, whose bentos may be built anew."""
    folder = tmp_path_factory.mktemp("r")
    shutil.copytree(home, folder / "home")
    own = House(folder, folder / "home")
    try:
        yield own
    finally:
        own.end()


def rebuild(house: House, tag: str, word: str) -> None:
    file = house.home / "bentos" / "service" / tag / "bento.yaml"
    description = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**description, "args": {"word": word}}))


async def heard(house: House) -> str:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", house.port)
    try:
        return (await connection.ask(a_request(1))).body.decode()
    finally:
        connection.close()


def test_a_name_stands_for_one_build_as_long_as_the_ring_runs(house: House) -> None:
    house.write(a_spec("one"))
    house.up()
    rebuild(house, "one", "uno")
    (replica,) = house.processes("one")
    psutil.Process(replica).kill()
    until(
        "the replica is not started on the new build",
        lambda: json.dumps(house.resource()["status"]["versions"]),
        lambda text: "when it was taken" in text,
        seconds=60,
    )
    house.write(a_spec("one", ("two", 10)))
    until("both builds are named", house.said, lambda said: ": one had image" in said, seconds=30)
    assert "--fresh" in house.said()
    assert set(house.shares()) == {"one"}

    house.end()
    house.up()
    assert ":6: warning: spec.champion: a version's name is bound to" in house.said()
    assert f"{NAME}: begins anew" in house.said()
    house.until_shares(one=90, two=10)
    assert {asyncio.run(heard(house)) for _ in range(3)} <= {"uno", "two"}


def test_what_was_decided_about_a_build_is_not_given_up_unasked(house: House) -> None:
    house.write(a_spec("one", ("two", 0), rollout=ROLLOUT))
    house.launch()
    house.until_shares(one=80, two=20)
    given = ("--state", str(house.state))
    assert house.command("promote", NAME, *given).returncode == 0
    until("two serves", partial(champion, house), ("two").__eq__, seconds=60)
    house.end()
    kept = decisions(house)
    assert kept["history"]

    rebuild(house, "two", "due")
    port = ("--port", str(house.port))
    refused = house.command("up", str(house.file), *given, *port)
    assert refused.returncode == 1, refused.stdout
    first, last = refused.stderr.splitlines()
    assert first.startswith(f"{house.file}:9: error: spec.challengers: a version's name is bound")
    assert "two had image file://" in first
    assert last.startswith(f"dohyo: nothing is started: {house.state} keeps what was decided")
    assert "--fresh" in last
    assert "--state" in last
    assert decisions(house) == kept

    house.launch("--fresh")
    house.until_shares(one=80, two=20)
    assert champion(house) == "one"


def champion(house: House) -> str:
    return str(house.resource()["status"]["champion"])


def decisions(house: House) -> dict[str, object]:
    """What the record for the next ring says of who serves and why."""
    (kept,) = json.loads((house.state / "objects.json").read_text())
    status = kept["status"]
    return {part: status[part] for part in ("champion", "promotion", "history")}
