"""Numbers fall into the same bins however many come at once."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dohyo_form.profile import BinCounter, Bins


@pytest.mark.parametrize("edges", [(), (0.0,), (-1.0, 0.0, 0.5, 2.0), tuple(range(100))])
def test_many_numbers_are_counted_as_few_are(edges: tuple[float, ...]) -> None:
    chance = np.random.default_rng(3)
    numbers = chance.normal(0, 2, 2_000)
    numbers[::7] = chance.choice([*edges, 0.0, math.nan, math.inf, -math.inf], len(numbers[::7]))
    bins = Bins(tuple(map(float, edges)), (), (0,) * (len(edges) + 2))

    at_once, one_by_one = BinCounter(bins), BinCounter(bins)
    at_once.add_numbers(numbers)
    for number in numbers:
        one_by_one.add_numbers(np.array([number]))

    assert at_once.counts.tolist() == one_by_one.counts.tolist()
    assert at_once.counts.sum() == len(numbers)
    assert at_once.counts[-1] == np.isnan(numbers).sum()
