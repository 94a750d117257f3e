"""Nothing is settled before everybody could send what was kept."""

from __future__ import annotations

from dohyo_evidence.catching_up import MOST_PATIENCE_SECONDS, CatchUp

SECONDS = 45.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def well_for(clock: Clock, catch_up: CatchUp, seconds: int) -> None:
    for _ in range(seconds):
        clock.now += 1
        catch_up.is_well()


def test_it_begins_at_the_start_and_after_an_absence_that_was_noticed() -> None:
    clock = Clock()
    catch_up = CatchUp(clock, SECONDS)
    well_for(clock, catch_up, 44)
    assert not catch_up.is_done
    well_for(clock, catch_up, 1)
    assert catch_up.is_done
    catch_up.was_away()
    well_for(clock, catch_up, 44)
    assert not catch_up.is_done
    well_for(clock, catch_up, 1)
    assert catch_up.is_done


def test_a_time_without_answers_that_nobody_noticed_is_an_absence() -> None:
    clock = Clock()
    catch_up = CatchUp(clock, SECONDS)
    well_for(clock, catch_up, 50)
    clock.now += MOST_PATIENCE_SECONDS + 1
    # Whoever settles may look first, before anybody has noted that all is well again.
    assert not catch_up.is_done
    assert catch_up.is_well()
    assert not catch_up.is_well()
    well_for(clock, catch_up, 40)
    assert not catch_up.is_done
    well_for(clock, catch_up, 6)
    assert catch_up.is_done


def test_a_short_stop_costs_nothing() -> None:
    clock = Clock()
    catch_up = CatchUp(clock, SECONDS)
    well_for(clock, catch_up, 50)
    clock.now += MOST_PATIENCE_SECONDS / 2
    assert catch_up.is_done
    catch_up.is_well()
    assert catch_up.is_done
