"""One Secret of keys in every namespace with ModelDeployments, as the master's keys say."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dohyo.contract import KEYS_SECRET
from dohyo.contract.keys import parse_keys, read_keys
from tests.harness.live import Name
from tests.harness.manifests import model_deployment
from tests.harness.operator_process import operator
from tests.harness.pausing import pausing
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.live import Object
    from tests.harness.operator_process import OperatorProcess
    from tests.integration.conftest import Field


def write_key(folder: Path, name: str) -> None:
    """Adds a key that signs from now on; `current` last, as a plain folder wants it."""
    (folder / name).write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    (folder / "current").write_text(name)


@pytest.fixture
def master(tmp_path: Path) -> Path:
    folder = tmp_path / "master"
    folder.mkdir()
    (folder / "entity").write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    write_key(folder, "k1")
    return folder


@pytest.fixture
def keyed(field: Field, master: Path) -> Iterator[OperatorProcess]:
    station = replace(field.station, variables={"DOHYO_MASTER_KEYS": str(master)})
    with operator(station) as process:
        yield process


def secret(field: Field) -> Object | None:
    return field.get("Secret", KEYS_SECRET)


def holds_what_the_master_says(field: Field, master: Path) -> bool:
    found = secret(field)
    if found is None:
        return False
    files = {name: base64.b64decode(text).decode() for name, text in found["data"].items()}
    derived = read_keys(master).for_namespace(field.namespace)
    return parse_keys(files, field.namespace) == derived


def owners(field: Field) -> set[str]:
    found = secret(field) or {"metadata": {}}
    return {owner["name"] for owner in found["metadata"].get("ownerReferences", ())}


def test_keys_come_are_rotated_and_go_with_the_last_model(
    field: Field, keyed: OperatorProcess, master: Path
) -> None:
    field.apply(model_deployment("churn", pausing("v1")))
    until("keys are there", lambda: holds_what_the_master_says(field, master), seconds=20)
    field.apply(model_deployment("spam", pausing("v1")))
    until("both own them", lambda: owners(field) == {"churn", "spam"}, seconds=20)
    write_key(master, "k2")
    until("the rotation is there", lambda: holds_what_the_master_says(field, master), seconds=20)
    found = secret(field)
    assert found is not None
    assert {"k1", "k2", "current", "entity"} == set(found["data"])
    for name in ("churn", "spam"):
        field.live.delete(Name("ModelDeployment", name, field.namespace))
    until("nobody is left", lambda: secret(field) is None, seconds=60)
    assert keyed.running


def test_a_secret_of_somebody_else_is_left_alone(field: Field, keyed: OperatorProcess) -> None:
    theirs = {"metadata": {"name": KEYS_SECRET}, "data": {"mine": "bWluZQ=="}}
    before = field.live.create("Secret", field.namespace, theirs)
    field.apply(model_deployment("churn", pausing("v1")))
    field.settled("churn", keyed)
    condition = next(c for c in field.status("churn")["conditions"] if c["type"] == "NameConflict")
    assert condition["status"] == "True"
    assert f"Secret {KEYS_SECRET}" in condition["message"]
    now = secret(field)
    assert now is not None
    assert now["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert any(kind == "Deployment" for kind, _ in field.children("churn"))
