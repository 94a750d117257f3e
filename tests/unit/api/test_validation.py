from __future__ import annotations

import copy
from typing import Any

import pytest

from dohyo.api.resource import parse
from dohyo.api.unsupported import UNSUPPORTED, unsupported, unsupported_fields
from dohyo.api.validation import check, name_bindings
from dohyo.api.violations import InvalidResource, Violation, dotted

SMALLEST: dict[str, Any] = {
    "metadata": {"name": "satisfaction", "namespace": "shop"},
    "spec": {"champion": {"name": "v12", "bento": "m:v12", "image": "m:v12"}},
}


def a_resource(**spec: Any) -> dict[str, Any]:
    raw = copy.deepcopy(SMALLEST)
    raw["spec"].update(spec)
    return raw


def test_all_that_is_wrong_is_told_at_once() -> None:
    raw = a_resource(
        champion={"name": "V12", "bento": "m", "image": "m:v12"},
        challengers=[{"name": "v13", "bento": "m:v13", "weight": 120}],
        scaling={"minReplicas": "two"},
    )
    assert {v.path for v in check(raw).refused} == {
        "spec.champion.name",
        "spec.champion.bento",
        "spec.challengers[0].weight",
        "spec.scaling.minReplicas",
    }


@pytest.mark.parametrize(
    ("field", "near"),
    [("challenger", "challengers"), ("minReplica", "champion"), ("chamipon", "champion")],
)
def test_a_typo_gets_the_nearest_known_name(field: str, near: str) -> None:
    (unknown,) = check(a_resource(**{field: {}})).unknown
    assert unknown.path == f"spec.{field}"
    assert near in unknown.way_out


def test_an_unknown_field_is_told_and_left_out() -> None:
    checked = check(a_resource(champoin={}))
    assert checked.spec is not None
    assert checked.refused == ()


@pytest.mark.parametrize("raw", [{}, {"metadata": None, "spec": None}, {"spec": 3}, {"spec": []}])
def test_a_document_without_anything_is_refused_in_words(raw: dict[str, Any]) -> None:
    assert {"metadata.name", "spec"} <= {v.path for v in check(raw).refused}


def test_a_name_still_belongs_to_what_drains() -> None:
    status = {
        "versions": [
            {
                "name": "v13",
                "role": "previous",
                "bento": "m:v13",
                "state": "Draining",
                "content": "0123456789abcdef",
            }
        ]
    }
    raw = a_resource(challengers=[{"name": "v13", "bento": "m:other", "image": "m:other"}])
    with pytest.raises(InvalidResource, match=r"spec.challengers\[0\].name: 'v13' still belongs"):
        parse({**raw, "status": status})
    assert parse(raw).spec.challengers[0].name == "v13"


def test_a_name_may_come_back_with_its_own_content() -> None:
    raw = a_resource()
    md = parse(raw)
    status = md.status.model_validate(
        {
            "versions": [
                {
                    "name": "v12",
                    "role": "previous",
                    "bento": "m:v12",
                    "state": "Draining",
                    "content": md.spec.champion.content,
                }
            ]
        }
    )
    assert list(name_bindings(md.spec, status)) == []


def test_a_name_for_other_content_is_told_with_both() -> None:
    (violation,) = check(
        a_resource(champion={"name": "v12", "bento": "m:v12", "image": "m:new", "digest": None}),
        a_resource(champion={"name": "v12", "bento": "m:v12", "image": "m:old"}),
    ).refused
    assert violation.message.endswith(": v12 had image m:old, now m:new")
    assert violation.way_out == "give the new content a new name"


def test_what_replaces_no_resource_at_all_is_judged_by_itself() -> None:
    for spoilt in ({}, {"spec": {"champion": 3}}, {"spec": 3}):
        assert check(a_resource(), {"metadata": {"name": "m"}, **spoilt}).refused == ()


def test_a_violation_names_place_value_and_way_out() -> None:
    (violation,) = check(a_resource(scaling={"maxReplicas": 0})).refused[:1]
    assert str(violation) == "spec.scaling.maxReplicas: 0 is below 1; choose 1 to 1000"
    assert str(Violation("spec", None, "is missing")) == "spec: is missing"
    assert len(str(Violation("spec", "x" * 1000, "is long"))) < 120
    assert dotted(("spec", "challengers", 0, "weight")) == "spec.challengers[0].weight"


USES: dict[str, dict[str, Any]] = {
    "spec.scaling.minReplicas": {"scaling": {"minReplicas": 0}},
    "spec.scaling.idleSeconds": {"scaling": {"idleSeconds": 60}},
    "spec.traffic.routes": {"traffic": {"routes": {"gateway": {"name": "public"}}}},
    "spec.stopped": {"stopped": True},
}


@pytest.mark.parametrize(("place", "spec"), USES.items(), ids=USES)
def test_a_field_of_a_later_capability_is_told(place: str, spec: dict[str, Any]) -> None:
    raw = a_resource(**spec)
    found = unsupported(parse(raw).spec)
    assert place in {v.path for v in found}
    assert {v.path for v in unsupported_fields(raw["spec"])} == {v.path for v in found}


def test_every_such_field_is_used_above_and_none_else_is_told() -> None:
    told = {
        v.path.replace("[0]", "[]")
        for spec in USES.values()
        for v in unsupported_fields(a_resource(**spec)["spec"])
    }
    assert all(any(place in told for place in entry.places) for entry in UNSUPPORTED)
    assert unsupported(parse(a_resource()).spec) == ()
    assert unsupported(parse(a_resource(stopped=False, scaling={"minReplicas": 1})).spec) == ()
