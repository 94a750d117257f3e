"""Means, changes and paired tests, from sums of shards."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dohyo.contract.batch import BatchReportOrder
from dohyo_batch import tally as subject
from dohyo_batch.merging import PairSums, VersionSums, pairs_of
from dohyo_batch.page import page_of
from dohyo_batch.report import Totals, mean_of, report_of
from dohyo_batch.tally import OTHER_GROUPS, GroupSums, PairTally
from tests.unit.batch.test_manifest import ORDER

NUMBERS = st.lists(st.floats(-100, 100), min_size=2, max_size=50)


def sums_of(rows: list[tuple[str, str, float]]) -> GroupSums:
    sums = GroupSums(("product",), "day", "week")
    _add(sums, rows)
    return sums


def _add(sums: GroupSums, rows: list[tuple[str, str, float]]) -> None:
    products, days, numbers = zip(*rows, strict=True)
    keys = sums.keys_of({"product": list(products), "day": list(days)}, np.ones(len(rows), bool))
    zeros = np.zeros(len(rows))
    sums.add(keys, np.array(numbers), zeros, zeros)


def report(sums: GroupSums, previous: dict[str, Any] | None = None, run: str = "r1") -> Any:
    order = ORDER.__class__(
        **{**ORDER.__dict__, "report": BatchReportOrder(("product",), "day", "week")}
    )
    totals = Totals(run, "2026-11-23T06:00:00+00:00", "2026-11-23T06:01:00+00:00", 4, 1)
    return report_of(order, totals, {"v12": VersionSums(sums)}, {}, previous)


@settings(deadline=None)
@given(NUMBERS)
def test_an_interval_is_the_normal_one(numbers: list[float]) -> None:
    values = np.array(numbers)
    mean = mean_of(len(values), float(values.sum()), float((values**2).sum()))

    assert mean.value == pytest.approx(values.mean(), abs=1e-9)
    assert mean.error == pytest.approx(stats.sem(values), abs=1e-4)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.just("2026-11-25"), st.floats(0, 1)), min_size=2)
)
def test_sums_of_parts_are_sums_of_the_whole(rows: list[tuple[str, str, float]]) -> None:
    whole = sums_of(rows)
    merged = GroupSums(("product",), "day", "week")
    for part in (rows[:1], rows[1:]):
        merged.merge(json.loads(json.dumps(sums_of(part).to_json())))

    one, other = whole.to_json(), merged.to_json()
    assert [row[:3] for row in one] == [row[:3] for row in other]
    assert [row[3] for row in one] == pytest.approx([row[3] for row in other])


def test_a_period_is_called_after_its_first_day() -> None:
    sums = sums_of([("a", "2026-11-25", 1.0), ("a", "2026-11-29T23:00:00", 0.0), ("a", "?", 1.0)])

    assert [(row[1], row[2]) for row in sums.to_json()] == [("(none)", 1), ("2026-11-23", 2)]


def test_groups_beyond_the_most_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "MOST_GROUPS", 2)
    sums = sums_of([(name, "2026-11-25", 1.0) for name in "abcd"])

    assert [(row[0][0], row[2]) for row in sums.to_json()] == [
        (OTHER_GROUPS, 2),
        ("a", 1),
        ("b", 1),
    ]


def test_the_change_is_told_with_its_interval() -> None:
    before = report(sums_of([("a", "2026-11-16", x) for x in (0.1, 0.2, 0.3, 0.4)]))
    now = report(sums_of([("a", "2026-11-23", x) for x in (0.6, 0.7, 0.8, 0.9)]), before, "r2")

    (group,) = now["versions"][0]["groups"]
    assert group["change"]["value"] == pytest.approx(0.5)
    assert 0 < group["change"]["low"] < 0.5 < group["change"]["high"]
    assert now["previous"]["run"] == "r1"
    assert [each["run"] for each in now["history"]] == ["r1", "r2"]


def test_the_page_shows_groups_change_and_courses() -> None:
    rows = [("<b>", day, x) for day in ("2026-11-09", "2026-11-16") for x in (0.1, 0.2)]
    page = page_of(report(sums_of(rows), report(sums_of(rows)), "r2"))

    assert "&lt;b&gt;" in page
    assert "<b>0.15" not in page
    assert page.count("<svg") == 2 - (page.count("Runs</h2>") == 0)
    assert "Compared with run r1" in page


def outcome(worse: int, alike: int, better: int) -> Any:
    tally = PairTally(["no", "yes"])
    first = np.array([1] * worse + [0] * alike + [0] * better)
    other = np.array([0] * worse + [0] * alike + [1] * better)
    labels = ["yes"] * (worse + alike + better)
    numbers = (np.eye(2)[first], np.eye(2)[other])
    tally.add(numbers, (first, other), 1, labels)
    return {"pairs": {"v13": json.loads(json.dumps(tally.to_json()))}}


def compared(*shards: Any) -> Any:
    order = ORDER.__class__(
        **{
            **ORDER.__dict__,
            "versions": (*ORDER.versions, ORDER.versions[0].__class__("v13", "s:13", "/b")),
        }
    )
    pairs: dict[str, PairSums] = pairs_of(shards, ["v12", "v13"])
    totals = Totals("r", "2026-11-23T06:00:00+00:00", "", 1, 0)
    versions = {name: VersionSums(GroupSums((), None, "week")) for name in ("v12", "v13")}
    return report_of(order, totals, versions, pairs, None)["comparisons"][0]


@pytest.mark.parametrize(
    ("shards", "verdict"),
    [
        ([(10, 400, 90), (10, 400, 90)], "better"),
        ([(90, 400, 10), (90, 400, 10)], "worse"),
        ([(50, 400, 50), (50, 400, 50)], "undecided"),
    ],
)
def test_the_paired_test_is_of_rows_where_versions_differ(
    shards: list[tuple[int, int, int]], verdict: str
) -> None:
    found = compared(*(outcome(*each) for each in shards))

    assert found["labels"]["verdict"] == verdict
    assert found["rows"] == 1_000
    assert found["agreement"] == pytest.approx(1 - sum(a + c for a, _, c in shards) / 1_000)


def test_labels_of_no_class_are_left_out_and_told() -> None:
    tally = PairTally([0, 1])
    both = np.array([0, 1, 1])
    tally.add((np.eye(2)[both],) * 2, (both, both), 1, [True, None, "maybe"])

    told = tally.to_json()
    assert (told["labelled"], told["strange"], told["outcomes"]) == (1, 1, [[0, 1, 0]])
