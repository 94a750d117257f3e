"""Lint's half of what BatchPredictions may say, their schema, and when schedules are due."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from dohyo.api.batch_resource import check_batch, parse_batch
from dohyo.api.batch_rules import BATCH_RULES
from dohyo.api.crd import MAX_BYTES, crd_template, crd_yaml
from dohyo.api.cron import schedule_of
from dohyo.api.definition import BATCH_PREDICTION
from dohyo.api.violations import InvalidResource
from tests.batches import a_batch, a_batch_manifest
from tests.unit.api.batch_judged import INVALID, VALID, Judged


@pytest.mark.parametrize("judged", VALID, ids=lambda j: j.name)
def test_a_valid_manifest_is_taken(judged: Judged) -> None:
    checked = check_batch(judged.document)
    assert (checked.refused, checked.unknown) == ((), ())


@pytest.mark.parametrize("judged", INVALID, ids=lambda j: j.name)
def test_an_invalid_manifest_is_refused_in_its_own_words(judged: Judged) -> None:
    (violation,) = check_batch(judged.document).refused
    assert violation.path == judged.at
    assert judged.says in f"{violation.message}; {violation.way_out}"
    with pytest.raises(InvalidResource):
        parse_batch(judged.document)


@pytest.mark.parametrize("name", [rule.name for rule in BATCH_RULES])
def test_every_rule_is_broken_by_some_manifest(name: str) -> None:
    assert any(v.rule == name for j in INVALID for v in check_batch(j.document).refused)


def test_a_login_is_not_repeated() -> None:
    (violation,) = check_batch(a_batch_manifest(input={"uri": "https://u:geheim@h/a"})).refused
    assert "geheim" not in str(violation)


def test_the_definition_is_small_and_kept_by_helm() -> None:
    assert len(crd_yaml(BATCH_PREDICTION).encode()) < MAX_BYTES
    assert "helm.sh/resource-policy: keep" in crd_template(BATCH_PREDICTION)


def test_only_what_is_to_be_done_makes_another_run() -> None:
    work = a_batch().spec.work
    same: list[dict[str, Any]] = [{"parallelism": 2}, {"suspend": True}, {"retries": 0}]
    other: list[dict[str, Any]] = [{"shards": 8}, {"version": "v13"}, {"onBadRow": "fail"}]
    assert {a_batch(**fields).spec.work for fields in same} == {work}
    assert work not in {a_batch(**fields).spec.work for fields in other}


def test_shards_are_several_for_each_pod_and_not_too_many() -> None:
    assert a_batch().spec.shard_count == 16
    assert a_batch(parallelism=60).spec.shard_count == 100
    assert a_batch(shards=7).spec.shard_count == 7


@pytest.mark.parametrize(
    ("text", "zone", "after", "due"),
    [
        ("0 6 * * 1", None, "2026-11-25T00:00", "2026-11-30T06:00"),
        ("0 6 * * mon", "Europe/Berlin", "2026-11-25T00:00", "2026-11-30T05:00"),
        ("*/15 * * * *", None, "2026-11-25T10:15", "2026-11-25T10:30"),
        ("0 0 13 * 5", None, "2026-11-25T00:00", "2026-11-27T00:00"),
        ("0 0 * * 1", None, "2026-11-25T00:00", "2026-11-30T00:00"),
        # A star with a step is one of two choices, either of which will do.
        ("0 0 */10 * 1", None, "2026-11-25T00:00", "2026-11-30T00:00"),
        ("0 0 */10 * 1", None, "2026-11-30T00:00", "2026-12-01T00:00"),
        ("0 0 ? * 0,1/2", None, "2026-11-25T00:00", "2026-11-27T00:00"),
        ("5/20 10 * * *", None, "2026-11-25T10:05", "2026-11-25T10:25"),
        ("0 0 * jan-mar mon-fri", None, "2026-11-25T00:00", "2027-01-01T00:00"),
        ("0 0 29 2 *", None, "2026-11-25T00:00", "2028-02-29T00:00"),
        # The clock goes from 2 to 3, and in autumn from 3 to 2.
        ("30 2 * * *", "Europe/Berlin", "2027-03-27T02:00", "2027-03-29T00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T22:00", "2026-10-25T00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30", "2026-10-25T01:30"),
        ("*/30 * * * *", "Europe/Berlin", "2027-03-28T00:30", "2027-03-28T01:00"),
        ("@weekly", None, "2026-11-25T00:00", "2026-11-29T00:00"),
        ("0 0 * * *", "Nowhere/Land", "2026-11-25T00:00", None),
    ],
)
def test_when_a_schedule_is_due(text: str, zone: str | None, after: str, due: str | None) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    expected = datetime.fromisoformat(due).replace(tzinfo=UTC) if due else None
    assert schedule_of(text).next_after(moment, zone) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("* * * *", "has 4 fields"),
        ("60 * * * *", "minute '60'"),
        ("5-1 * * * *", "minute '5-1'"),
        ("*/0 * * * *", "minute '*/0'"),
        ("a * * * *", "minute 'a'"),
        ("* 24 * * *", "hour '24'"),
        ("* * 0 * *", "day of the month '0'"),
        ("0 0 31 2 *", "day of the month '31'"),
        ("* * * foo *", "month 'foo'"),
        # What other crons know and Kubernetes does not.
        ("* * * * 7", "day of the week '7'"),
        ("* * * * 1-7", "day of the week '1-7'"),
        ("* * L * *", "day of the month 'l'"),
        ("* * * * 1#2", "day of the week '1#2'"),
        ("0 * * * * *", "has 6 fields"),
        ("@reboot", "has 1 fields"),
    ],
)
def test_no_schedule(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=f"{re.escape(named)}.*write"):
        schedule_of(text)
