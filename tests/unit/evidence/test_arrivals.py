from __future__ import annotations

import os
from typing import Any

import pytest

from dohyo.contract.prediction_id import PredictionId, encode
from dohyo.contract.records import PredictionRecord
from dohyo.contract.trials import EpochPlan, TrialPlan
from dohyo_evidence.arrivals import Context, KnownTrial, read_records

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
