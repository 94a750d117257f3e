"""The profile finds week 40, and keeps quiet before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dohyo_form.contract import CATEGORY, NUMBER, Contract, Field
from dohyo_form.profile import BinCounter, Bins, profile_of
from dohyo_training.drift import ALPHA, drifts
from dohyo_training.simulate import DRIFT_WEEK, simulate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

NUMBERS = ("response_hours", "price", "tickets")
CATEGORIES = ("product", "channel")
CONTRACT = Contract(
    (*(Field(name, NUMBER) for name in NUMBERS), *(Field(name, CATEGORY) for name in CATEGORIES))
)


def profile(frame: pd.DataFrame) -> Mapping[str, Bins]:
    rows = list(frame[list(CONTRACT.names)].itertuples(index=False, name=None))
    return profile_of(rows, CONTRACT).features


def counts(reference: Mapping[str, Bins], frame: pd.DataFrame) -> dict[str, tuple[int, ...]]:
    taken = {}
    for name, bins in reference.items():
        counter = BinCounter(bins)
        if name in NUMBERS:
            counter.add_numbers(frame[name].to_numpy("float64"))
        else:
            counter.add_values(frame[name].tolist())
        taken[name] = counter.take()
    return taken


SIMULATION = simulate(50_000, 11)
WEEK = SIMULATION.truth["week"].to_numpy()
ROWS = SIMULATION.joined()
QUIET, LATE = ROWS[WEEK < DRIFT_WEEK], ROWS[WEEK >= DRIFT_WEEK]


def test_windows_without_drift_alarm_no_more_often_than_said() -> None:
    chance = np.random.default_rng(1)
    order = chance.permutation(len(QUIET))
    reference = profile(QUIET.iloc[order[:15_000]])
    others = QUIET.iloc[order[15_000:]]
    alarms = 0
    for _ in range(1_000):
        window = others.iloc[chance.integers(0, len(others), 200)]
        alarms += any(one.alarm for one in drifts(reference, counts(reference, window)))
    assert alarms / 1_000 <= 2 * ALPHA


def test_a_fixed_threshold_would_alarm_all_the_time() -> None:
    chance = np.random.default_rng(2)
    reference = profile(QUIET.iloc[:15_000])
    above = [
        any(one.index > 0.1 for one in drifts(reference, counts(reference, window)))
        for window in (QUIET.iloc[chance.integers(0, len(QUIET), 200)] for _ in range(50))
    ]
    assert np.mean(above) > 0.2


def test_week_40_is_found() -> None:
    reference = profile(QUIET)
    found = {one.feature: one for one in drifts(reference, counts(reference, LATE.iloc[:1_000]))}
    assert found["response_hours"].alarm
    assert found["product"].alarm
    assert not found["channel"].alarm
