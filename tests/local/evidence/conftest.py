"""Databases that the service runs with."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.local.evidence.postgres import Postgres, postgres
from tests.local.evidence.running import Service, key_folder, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres(tmp_path_factory.mktemp("postgres")) as found:
        yield found


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    database = f"sqlite:///{folder}/evidence.db"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("server")
        database = server.fresh()
    limits = {"DOHYO_MOST_ROWS": "500", "DOHYO_DRIFT_WINDOW_SECONDS": "30"}
    with running(database, key_folder(folder / "keys"), **limits) as service:
        yield service


@pytest.fixture
def service(shared: Service) -> Service:
    """A service that may serve other tests as well, with a ModelDeployment of the test's own."""
    return replace(shared, name=f"model-{secrets.token_hex(4)}")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/evidence.db"
    server: Postgres = request.getfixturevalue("server")
    return server.fresh()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return key_folder(tmp_path / "keys")
