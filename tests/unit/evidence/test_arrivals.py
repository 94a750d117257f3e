from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from dohyo.contract.batch_evidence import trial_of_run
from dohyo.contract.prediction_id import PredictionId, encode
from dohyo.contract.records import PredictionRecord
from dohyo.contract.trials import EpochPlan, TrialPlan
from dohyo_evidence.arrivals import Context, KnownTrial, read_feedback, read_records

KEY = os.urandom(32)
NOW = 1_000_000.0


def context(*epochs: EpochPlan) -> Context:
    plan = TrialPlan("shop", "model", "t2", "a", "c", "s", "entity", NOW - 60, epochs=epochs)
    trials = {("shop", "model"): [KnownTrial(7, plan)]}
    return Context(trials, lambda _id, _namespace: KEY, {}, NOW, 86_400.0)


def record(version: str, arm: int, shares: tuple[int, ...]) -> PredictionRecord:
    fields: dict[str, Any] = {
        "namespace": "shop",
        "deployment": "model",
        "version": version,
        "trial": "t1+t2",
        "epoch": 4,
        "mode": "split",
        "arm": arm,
        "shares": shares,
        "entity": b"customer",
        "bucket": 10,
        "microseconds": int(NOW * 1e6),
        "rows": 1,
        "numbers": (1.0,),
        "shadow": False,
        "nonce": os.urandom(8),
    }
    return PredictionRecord(encode(PredictionId(**fields), "k1", KEY), "r1", "http", 0.1)


@pytest.mark.parametrize(("version", "arm"), [("a", 0), ("c", 2)])
def test_shares_of_several_challengers_are_told_apart_by_the_epoch(version: str, arm: int) -> None:
    three = (7_000, 1_000, 2_000)
    known = context(EpochPlan(4, {"b": ((0, 1_000),), "c": ((1_000, 3_000),)}))
    for held, expected in ((known, (7_000, 2_000)), (context(), (0, 0))):
        rows, refused, taken = read_records([record(version, arm, three)], held, "shop")
        assert (refused, taken) == ([], 1)
        found = {(x["champion_share"], x["challenger_share"]) for x in rows.exposures.values()}
        assert found == {expected}


def test_a_version_of_another_trial_is_no_evidence_here() -> None:
    _, refused, taken = read_records([record("b", 1, (7_000, 1_000, 2_000))], context(), "shop")
    assert (taken, refused[0].reason) == (0, "no-evidence")


def test_a_token_of_another_namespace_opens_nothing() -> None:
    _, refused, _ = read_records([record("a", 0, (9_000, 1_000))], context(), "bank")
    assert refused[0].reason == "foreign"


def of_a_run(run: str, **changes: Any) -> str:
    """The id of a row that a run has scored, by the version that is also a trial's challenger."""
    fields: dict[str, Any] = {
        "namespace": "shop",
        "deployment": "model",
        "version": "c",
        "trial": trial_of_run(run),
        "epoch": 0,
        "mode": "pinned",
        "arm": 255,
        "shares": (),
        "entity": None,
        "bucket": None,
        "microseconds": int(NOW * 1e6),
        "rows": 1,
        "numbers": (0.2, 0.8),
        "shadow": False,
        "nonce": (7).to_bytes(8),
        **changes,
    }
    return encode(PredictionId(**fields), "k1", KEY)


# The second run is called as if its ids were of the open trial as well.
@pytest.mark.parametrize("run", ["weekly-1", "weekly+t2"])
def test_a_label_of_a_batch_row_is_the_runs_and_no_trials(run: str) -> None:
    rows, refused, taken = read_feedback([{"prediction_id": of_a_run(run), "label": 1}], context())

    assert (refused, taken) == ([], 1)
    ((key, row),) = rows.batch_labels.items()
    assert key == ("shop", "model", run, (7).to_bytes(8).hex(), "c")
    assert (row["classes"], row["predicted"], row["label"]) == (True, 1.0, 1.0)
    of_trials = (rows.labels, rows.exposures, rows.predictions, rows.events, rows.served)
    assert not any(of_trials)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"prediction_id": of_a_run("w"), "reward": 1.0}, "takes a label alone"),
        ({"prediction_id": of_a_run("w", numbers=()), "label": 1}, "more than 8 outputs"),
        ({"prediction_id": of_a_run("w"), "label": "yes"}, "is no class"),
        ({"prediction_id": of_a_run("w"), "label": 1, "row": 1}, "must be 0 to 0"),
    ],
)
def test_what_is_no_label_of_a_batch_row_is_refused(row: dict[str, Any], says: str) -> None:
    rows, (refused,), taken = read_feedback([row], context())

    assert (taken, rows.batch_labels) == (0, {})
    assert says in refused.message


RATINGS = ("1", "2", "3")


@pytest.mark.parametrize(
    ("classes", "label", "place"),
    [
        (("1", "0"), 1, 0.0),  # by its name, and not the second class
        (("1", "0"), 0.0, 1.0),
        (("1", "0"), "0", 1.0),
        (("False", "True"), True, 1.0),
        (RATINGS, 3, 2.0),
        (("benign", "malignant"), 1, 1.0),
        (("benign", "malignant"), "benign", 0.0),
        ((), 1, 1.0),
    ],
)
def test_a_label_is_the_name_of_a_class_before_it_is_its_place(
    classes: tuple[str, ...], label: Any, place: float
) -> None:
    told = replace(context(), classes={("shop", "model", "c"): classes})
    row = {"prediction_id": of_a_run("w"), "label": label}
    rows, refused, _ = read_feedback([row], told)
    assert refused == []
    assert [found["label"] for found in rows.batch_labels.values()] == [place]


@pytest.mark.parametrize("label", [0, 4, 1.5, "4", [1], None])
def test_a_label_that_is_no_class_is_refused(label: Any) -> None:
    told = replace(context(), classes={("shop", "model", "c"): RATINGS})
    rows, refused, taken = read_feedback([{"prediction_id": of_a_run("w"), "label": label}], told)
    assert (rows.batch_labels, refused[0].reason, taken) == ({}, "malformed", 0)
