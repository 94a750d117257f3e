"""What the contract allows, refuses and says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dohyo_form.contract import Contract, Field, contract_from_json, contract_to_json
from dohyo_form.errors import FormError, RefusedError
from dohyo_form.intake import Intake

CONTRACT = Contract(
    (
        Field("age", "number", nullable=True, hard=(0, 130), warn=(18, 90), unit="years"),
        Field("visits", "integer"),
        Field("member", "boolean", default=False),
        Field(
            "plan",
            "category",
            categories=("basic", "pro"),
            unknown="reject",
            strip=True,
            case="lower",
        ),
        Field("country", "category", categories=("de", "fr")),
        Field("since", "date", nullable=True, time_zone="Europe/Berlin"),
    )
)
USUAL: dict[str, Any] = {
    "age": 41.5,
    "visits": 3,
    "member": True,
    "plan": " PRO ",
    "country": "nowhere",
    "since": "2026-11-25T23:30:00Z",
}


def refused(record: Any, contract: Contract = CONTRACT) -> list[tuple[Any, str, str]]:
    with pytest.raises(RefusedError) as told:
        Intake(contract).records([record])
    return [(each.place[2:], each.kind, each.message) for each in told.value.findings]


def test_values_come_in_the_order_of_the_fields_and_in_one_form() -> None:
    age, visits, member, plan, country, since = Intake(CONTRACT).record(USUAL)
    assert (age, visits, member, plan, country) == (41.5, 3.0, 1.0, "pro", "nowhere")
    assert since.isoformat() == "2026-11-26T00:30:00"


def test_null_and_defaults() -> None:
    record = {**USUAL, "age": None, "since": None}
    del record["member"]
    assert Intake(CONTRACT).record(record)[:3] == (None, 3.0, 0.0)


@pytest.mark.parametrize(
    ("change", "place", "kind", "words"),
    [
        ({"age": -1}, "age", "range", "a number from 0 to 130 years"),
        ({"age": float("inf")}, "age", "range", "a finite number"),
        ({"age": 10**400}, "age", "range", "a finite number"),
        ({"visits": 3.5e38}, "visits", "range", "a number from -3.4e+38 to 3.4e+38"),
        ({"age": "41"}, "age", "type", "a number"),
        ({"age": True}, "age", "type", "a number"),
        ({"visits": None}, "visits", "type", "an integer"),
        ({"visits": 1.5}, "visits", "type", "an integer"),
        ({"member": 1}, "member", "type", "true or false"),
        ({"plan": "gold"}, "plan", "category", "one of 'basic', 'pro'"),
        ({"country": 5}, "country", "type", "a text"),
        ({"country": None}, "country", "type", "a text"),
        ({"since": "yesterday"}, "since", "format", "a date such as"),
        ({"since": 20261125}, "since", "type", "a date such as"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "since", "format", "a date such as"),
        ({"extra": 1}, "extra", "unknown", "is no field; known are age, visits"),
    ],
)
def test_a_wrong_value_is_refused(
    change: dict[str, Any], place: str, kind: str, words: str
) -> None:
    ((where, what, message),) = refused({**USUAL, **change})
    assert (where, what) == ((place,), kind)
    assert words in message


def test_every_wrong_field_of_a_record_is_told() -> None:
    assert [where for where, _, _ in refused({"age": "x", "more": 1})] == [
        ("age",),
        ("visits",),
        ("plan",),
        ("country",),
        ("since",),
        ("more",),
    ]
    assert refused([1])[0][2] == "must be an object of fields"


def test_unknown_fields_may_be_ignored() -> None:
    lenient = Contract(CONTRACT.fields, "ignore")
    assert len(Intake(lenient).record({**USUAL, "extra": 1})) == 6


def test_many_wrong_rows_give_the_first_findings() -> None:
    with pytest.raises(RefusedError) as told:
        Intake(CONTRACT).records([{}] * 10_000)
    assert len(told.value.findings) == 20


def test_columns_are_read_like_records() -> None:
    intake = Intake(CONTRACT)
    columns = [[USUAL[name]] * 3 for name in CONTRACT.names]
    assert intake.columns(columns) == intake.records([USUAL] * 3)
    columns[1] = [1, 2, "x"]
    with pytest.raises(RefusedError) as told:
        intake.columns(columns)
    assert told.value.findings[0].place == ("inputs", "visits", 2)


NUMBERS = Contract(
    (
        Field("a", "number", hard=(0, 10)),
        Field("b", "number", nullable=True),
        Field("c", "integer"),
        Field("d", "boolean"),
    )
)


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ([11, 0, 0, 0], "a"),
        ([np.nan, 0, 0, 0], "a"),
        ([0, np.inf, 0, 0], "b"),
        ([0, -3.5e38, 0, 0], "b"),
        ([0, 0, 0.5, 0], "c"),
        ([0, 0, np.nan, 0], "c"),
        ([0, 0, 0, 2], "d"),
    ],
)
def test_a_wrong_number_of_a_matrix_is_refused(row: list[float], place: str) -> None:
    matrix = np.array([[1.0, np.nan, 2.0, 1.0], row])
    with pytest.raises(RefusedError) as told:
        Intake(NUMBERS).matrix(matrix)
    assert [each.place for each in told.value.findings] == [("inputs", 1, place)]
    assert Intake(NUMBERS).matrix(matrix[:1]) is not None


def test_a_matrix_of_another_shape_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"shape \[1, 3\]; send \[rows, 4\]"):
        Intake(NUMBERS).matrix(np.zeros((1, 3)))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from((*CONTRACT.names, "extra")), anything) | anything)
def test_nothing_that_json_can_hold_fails_otherwise(record: Any) -> None:
    try:
        values = Intake(CONTRACT).record(record)
    except RefusedError as told:
        findings = told.findings
    else:
        findings = list(values)
    assert findings


def test_the_contract_is_read_as_it_is_written() -> None:
    assert contract_from_json(contract_to_json(CONTRACT)) == CONTRACT


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "format 2 is unknown"),
        ({"fields": []}, "none given"),
        ({"fields": [{"name": "a", "kind": "number"}] * 2}, "a given; name each once"),
        ({"fields": [{"name": "a", "kind": "colour"}]}, r"fields\[0\] \(a\).kind: 'colour'"),
        ({"fields": [{"kind": "number"}]}, r"fields\[0\].name: None is no name"),
        ({"fields": [{"name": "a", "kind": "number", "hard": [1]}]}, r"hard: \[1\] is no range"),
        ({"fields": [{"name": "a", "kind": "number", "default": None}]}, "needs nullable"),
        ({"unknownFields": "drop"}, "unknownFields: 'drop'; choose one of reject, ignore"),
    ],
)
def test_a_wrong_contract_is_told(change: dict[str, Any], words: str) -> None:
    with pytest.raises(FormError, match=words):
        contract_from_json({**contract_to_json(CONTRACT), **change})


def test_a_time_zone_that_is_none_is_told() -> None:
    with pytest.raises(FormError, match="'Atlantis' is no time zone"):
        Intake(Contract((Field("at", "date", time_zone="Atlantis"),)))
