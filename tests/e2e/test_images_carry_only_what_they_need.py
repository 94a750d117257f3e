"""The project's images: who they run as, what they leave out, and that they start read-only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dohyo.contract import BENTO_UID
from images import build

if TYPE_CHECKING:
    from cluster.engine import Engine

pytestmark = pytest.mark.timeout(120)
USERS = {"operator": "65532:65532", "gateway": "65532:65532", "runtime": f"{BENTO_UID}:{BENTO_UID}"}
ENTRYPOINTS = {
    "operator": "dohyo-operator",
    "gateway": "dohyo-gateway-agent",
    "runtime": "dohyo-serve",
}
MODULES = {
    "operator": "dohyo.main",
    "gateway": "dohyo_gateway.main",
    "runtime": "dohyo_serving.bento",
}


def configuration(engine: Engine, part: str) -> Any:
    return json.loads(engine.docker("image", "inspect", build.image_name(part)))[0]["Config"]


def read_only(engine: Engine, part: str, *command: str) -> str:
    return engine.docker(
        *("run", "--rm", "--read-only", "--cap-drop", "ALL", "--network", "none"),
        *("--tmpfs", "/tmp:mode=1777", "--tmpfs", f"/var/run/bentoml:uid={BENTO_UID}"),
        *("--entrypoint", command[0], build.image_name(part), *command[1:]),
    )


@pytest.mark.parametrize("part", USERS)
def test_it_runs_its_one_program_as_a_numbered_user(engine: Engine, part: str) -> None:
    config = configuration(engine, part)
    assert config["User"] == USERS[part]
    assert config["Entrypoint"] == [ENTRYPOINTS[part]]
    assert read_only(engine, part, "sh", "-c", f"command -v {ENTRYPOINTS[part]}").startswith(
        "/opt/dohyo/"
    )


@pytest.mark.parametrize("part", MODULES)
def test_its_program_is_compiled_and_imports_on_a_read_only_root(engine: Engine, part: str) -> None:
    script = f"import {MODULES[part]} as module; print(module.__cached__)"
    cached = read_only(engine, part, "python3", "-c", script).strip()
    assert read_only(engine, part, "ls", cached).strip() == cached


@pytest.mark.parametrize("part", USERS)
def test_wheels_and_installers_stay_behind(engine: Engine, part: str) -> None:
    found = read_only(engine, part, "sh", "-c", "ls -d / /wheels /project* /environment.sh || true")
    assert found.split() == ["/"]
    packages = read_only(engine, part, "sh", "-c", "ls /opt/dohyo/lib/python3*/site-packages")
    names = set(packages.split())
    assert names.isdisjoint({"pip", "setuptools", "pytest"})
    # The runtime also scores data sets, and draws what their report shows.
    assert (
        names >= {"bentoml", "matplotlib"}
        if part == "runtime"
        else (names.isdisjoint({"bentoml", "matplotlib"}))
    )
    assert ("kopf" in names) == (part == "operator")


def test_the_runtime_fetches_as_well_as_it_serves(engine: Engine) -> None:
    printed = read_only(engine, "runtime", "dohyo-fetch", "--help")
    assert printed.startswith("usage: dohyo-fetch")
    script = "import obstore.store, dohyo_serving.fetch.main"
    assert read_only(engine, "runtime", "python3", "-c", script) == ""
