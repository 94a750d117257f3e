from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln

from dohyo_evidence.sequential.betting import Bets
from dohyo_evidence.sequential.comparison import (
    MeanTest,
    WeightedTest,
    largest_shortfall,
    weighted_effect,
)
from dohyo_evidence.sequential.events import (
    EventCounts,
    above,
    gains,
    log_e_above,
    log_e_below,
    log_e_other,
    ratio_estimate,
    ratio_sequence,
)
from dohyo_evidence.sequential.intervals import AverageSequence
from dohyo_evidence.sequential.planning import units_still_needed


def counts(*rows: tuple[int, int, int, int]) -> EventCounts:
    return EventCounts.from_state(rows)


def test_counters_give_the_same_e_value_as_the_stream() -> None:
    random = np.random.default_rng(1)
    shares = np.repeat([0.01, 0.1, 0.5], 200)
    arm = (random.random(600) < shares).astype(float)
    of_champion, of_challenger = gains(shares, 1.5, above(1.5))
    logs = (arm * of_challenger + (1 - arm) * of_champion).sum(axis=1)
    stream = float(np.log(np.mean(np.exp(logs))))
    events = EventCounts()
    for share, one in zip(shares, arm, strict=True):
        challenger = round(share * 10_000)
        events.add((10_000 - challenger, challenger), challenger=bool(one))
    assert log_e_above(events, 1.5) == pytest.approx(stream, abs=1e-9)


def test_counts_of_replicas_add() -> None:
    one, other = counts((9_000, 1_000, 30, 9)), counts((9_000, 1_000, 20, 4), (5_000, 5_000, 3, 8))
    whole = counts((9_000, 1_000, 50, 13), (5_000, 5_000, 3, 8))
    one.merge(other)
    assert one.to_state() == whole.to_state()
    assert log_e_above(one, 1.0) == log_e_above(whole, 1.0)


@given(st.floats(0.01, 0.99), st.floats(0.1, 10.0))
def test_an_event_is_worth_nothing_on_average_under_its_null(share: float, null: float) -> None:
    of_champion, of_challenger = gains(np.array([share]), null, above(null))
    q = share * null / (share * null + 1 - share)
    mean = (1 - q) * np.exp(of_champion) + q * np.exp(of_challenger)
    assert mean == pytest.approx(1.0)


def test_a_unit_that_could_go_only_one_way_says_nothing() -> None:
    events = EventCounts()
    events.add((10_000, 0), challenger=False)
    assert not events.counts
    assert log_e_above(events, 1.0) == log_e_below(events, 1.5) == 0.0


def test_the_guard_is_as_sharp_as_a_dirichlet_multinomial() -> None:
    # Lindon & Malek with a Beta prior centred at the share, at a constant share.
    champion, challenger, share, weight = 8_700, 1_300, 0.1, 200.0
    a, b = weight * share, weight * (1 - share)
    exact = (
        betaln(a + challenger, b + champion)
        - betaln(a, b)
        - challenger * math.log(share)
        - champion * math.log(1 - share)
    )
    ours = log_e_other(counts((9_000, 1_000, champion, challenger)))
    assert ours == pytest.approx(float(exact), abs=2.0)
    assert log_e_other(counts((9_000, 1_000, 9_010, 990))) < 0


def test_the_ratio_sequence_holds_the_ratio_and_narrows() -> None:
    few, many = counts((5_000, 5_000, 20, 30)), counts((5_000, 5_000, 2_000, 3_000))
    assert ratio_estimate(few) == pytest.approx(1.5)
    (low, high), (lower, upper) = ratio_sequence(few, 0.95), ratio_sequence(many, 0.95)
    assert high is not None
    assert upper is not None
    assert low < lower < 1.5 < upper < high
    assert ratio_sequence(counts((5_000, 5_000, 0, 3)), 0.95)[1] is None


@settings(max_examples=50)
@given(st.floats(0.02, 0.98), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_weights_are_unbiased_and_bounded(share: float, f0: float, f1: float) -> None:
    expected = (np.array([f0]), np.array([f1]))
    shares = np.array([share])
    values = [
        weighted_effect(np.array([y]), np.array([a]), shares, expected)[0]
        for a in (0.0, 1.0)
        for y in (0.0, 1.0)
    ]
    bound = float(largest_shortfall(shares, expected)[0])
    assert min(values) >= -bound - 1e-9
    # The champion scores .3 and the challenger .8 on average.
    mean = (1 - share) * (0.7 * values[0] + 0.3 * values[1])
    mean += share * (0.2 * values[2] + 0.8 * values[3])
    assert mean == pytest.approx(0.5)


def test_gains_of_replicas_add_while_the_bets_are_frozen() -> None:
    random = np.random.default_rng(2)
    x, bound = random.uniform(-1, 1, 100), np.ones(100)
    whole, parts = Bets(), Bets()
    whole.absorb(whole.gain(x, bound))
    parts.absorb(parts.gain(x[:30], bound[:30]) + parts.gain(x[30:], bound[30:]))
    assert parts.log_e == pytest.approx(float(whole.log_e))
    twice = Bets()
    twice.absorb(twice.gain(x[:1], bound[:1], repeats=np.array([5.0])))
    five = Bets()
    five.absorb(five.gain(np.repeat(x[:1], 5), bound[:5]))
    assert twice.log_e == pytest.approx(float(five.log_e))


def test_a_state_goes_on_where_it_was_put_down() -> None:
    random = np.random.default_rng(3)
    score, arm = random.random(200), (random.random(200) < 0.5).astype(float)
    share = np.full(100, 0.5)
    through = WeightedTest(0.0)
    paused = WeightedTest(0.0)
    for part in (slice(0, 100), slice(100, 200)):
        through.fold(score[part], arm[part], share)
        again = WeightedTest(0.0)
        again.restore(paused.to_state())
        again.fold(score[part], arm[part], share)
        paused = again
    assert float(paused.log_e) == float(through.log_e)


def test_a_null_that_nothing_can_reject_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing can reject it"):
        MeanTest(0.0, 0.0)


@pytest.mark.parametrize("rate", [0.01, 0.2])
def test_a_cap_holds_at_the_cap_and_rejects_above_it(rate: float) -> None:
    random = np.random.default_rng(4)
    honest, broken = MeanTest(rate, 0.0, shape=(300,)), MeanTest(rate, 0.0, shape=(300,))
    at = (random.random((300, 3_000)) < rate).astype(float)
    beyond = (random.random((300, 3_000)) < 3 * rate).astype(float)
    assert (honest.path(at).max(axis=1) >= math.log(20)).mean() <= 0.05 + 3 * 0.0126
    assert (broken.path(beyond).max(axis=1) >= math.log(20)).mean() > 0.9


def test_the_average_sequence_misses_rarely_and_narrows() -> None:
    random = np.random.default_rng(5)
    runs, missed = 200, np.zeros(200, dtype=bool)
    sequence = AverageSequence(0.05, (runs,))
    widths = []
    for step in range(200):
        # The mean drifts; the sequence is for the running average.
        mean = 0.3 + 0.2 * math.sin(step / 20)
        x = (random.random((runs, 20)) < mean).astype(float)
        sequence.fold(x, np.zeros(20), np.ones(20))
        average = np.mean([0.3 + 0.2 * math.sin(s / 20) for s in range(step + 1)])
        low, high = sequence.bounds()
        missed |= (low > average) | (high < average)
        widths.append(float((high - low).mean()))
    assert missed.mean() <= 0.05 + 3 * 0.0155
    assert widths[-1] < 0.15 < widths[5]


def test_what_is_missing_is_told_by_the_growth_so_far() -> None:
    assert units_still_needed(math.log(20), 100, 20.0) == 0
    assert units_still_needed(math.log(20) / 2, 100, 20.0) == 100
    assert units_still_needed(-1.0, 100, 20.0) is None
