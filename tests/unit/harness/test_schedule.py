"""When an open-loop load sends, and for whom."""

from __future__ import annotations

import pytest

from tests.harness.schedule import Phase, entity_at, send_times


def test_requests_are_evenly_spaced_within_each_phase() -> None:
    assert list(send_times((Phase(4, 1), Phase(2, 1)))) == [0, 0.25, 0.5, 0.75, 1.0, 1.5]


def test_a_phase_begins_when_the_one_before_is_over_even_if_it_is_uneven() -> None:
    assert list(send_times((Phase(3, 0.5), Phase(1, 1)))) == [0, 1 / 3, 0.5]


@pytest.mark.parametrize(("rate", "seconds"), [(0, 1), (-1, 1), (1, 0)])
def test_a_phase_without_rate_or_length_is_refused(rate: float, seconds: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Phase(rate, seconds)


@pytest.mark.parametrize("population", [1, 2, 1000, 7919, 7919 * 2, 10_000])
def test_every_round_visits_every_entity_once(population: int) -> None:
    first = [entity_at(number, population) for number in range(population)]
    assert len(set(first)) == population
    assert entity_at(population, population) == first[0]


def test_without_a_population_nobody_is_named() -> None:
    assert entity_at(17, 0) is None
