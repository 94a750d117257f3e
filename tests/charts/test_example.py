"""The example is a ModelDeployment that this release carries out, of bentos that exist."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.api.unsupported import unsupported_fields
from dohyo.api.validation import check
from dohyo_training.contenders import CHALLENGER, CHAMPION
from dohyo_training.model_store import MODEL_NAME
from tests.charts.rendering import EXAMPLE, Object

CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "champion alone": {"challenger": {"enabled": False}},
    "no stickiness": {"stickyHeader": ""},
    "scaled by CPU": {"scaling": {"metric": "cpu", "target": 70}},
    "a fine weight": {"challenger": {"weight": 0.01}},
}


def example(values: dict[str, Any] | None = None) -> Object:
    (found,) = EXAMPLE.render(values)
    return found


@pytest.mark.parametrize("values", CASES.values(), ids=list(CASES))
def test_it_breaks_no_rule_and_asks_for_nothing_that_is_not_there_yet(
    values: dict[str, Any],
) -> None:
    found = check(example(values))

    assert (found.refused, found.unknown) == ((), ())
    assert list(unsupported_fields(example(values)["spec"])) == []


def test_its_versions_are_the_sample_bentos() -> None:
    spec = example()["spec"]
    versions = (spec["champion"], *spec["challengers"])

    assert [v["bento"] for v in versions] == [
        f"{MODEL_NAME}:{contender.bento_version}" for contender in (CHAMPION, CHALLENGER)
    ]
    assert [v["image"] for v in versions] == [f"dohyo/bento-{v['bento']}" for v in versions]


def test_the_champion_alone_names_no_challenger() -> None:
    assert "challengers" not in example({"challenger": {"enabled": False}})["spec"]
