"""The example of satisfaction: what is trained is what its ring serves."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from cluster.paths import REPOSITORY
from dohyo.api.validation import check
from dohyo_training.config import RunConfig, load

FOLDER = REPOSITORY / "examples" / "satisfaction"
SEATS = ("champion", "challenger")


def configuration(seat: str) -> RunConfig:
    return load(FOLDER / f"{seat}.yaml")


def ring() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / "ring.yaml").read_text())
    return document


def claim() -> str:
    found, _ = yaml.safe_load_all((FOLDER / "job.yaml").read_text())
    return str(found["metadata"]["name"])


def test_its_ring_breaks_no_rule() -> None:
    found = check(ring())
    assert (found.refused, found.unknown) == ((), ())


@pytest.mark.parametrize("seat", SEATS)
def test_the_ring_names_what_training_leaves(seat: str) -> None:
    spec, output = ring()["spec"], configuration(seat).output
    version = spec["champion"] if seat == "champion" else spec["challengers"][0]
    assert version["bento"] == f"{output.name}:{output.version}"
    assert version["uri"] == f"pvc://{claim()}/{output.archive}"


def test_both_are_judged_alike() -> None:
    """Another target, other rows or another value would make the comparison worthless."""
    first, second = map(configuration, SEATS)
    assert first.task == second.task
    assert first.data == second.data
    assert first.value == second.value
    assert first.folds == second.folds


def test_both_take_the_same_requests_though_they_use_different_fields() -> None:
    assert {configuration(seat).features.unknown_fields for seat in SEATS} == {"ignore"}


def test_the_challenger_may_use_what_the_champion_did_not_have() -> None:
    first, second = map(configuration, SEATS)
    forbidden = [
        {name for name, column in each.columns.items() if column.use == "forbidden"}
        for each in (first, second)
    ]
    assert forbidden[1] < forbidden[0]
    assert {"score", "courtesy_call", "call_propensity"} <= forbidden[1]
