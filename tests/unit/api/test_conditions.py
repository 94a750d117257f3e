from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from dohyo.api.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    Reason,
    Wanted,
    derive_ready,
    merge,
    parsed_time,
    rfc3339,
    shortened,
)

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)


def a_wanted(
    kind: ConditionType, status: ConditionStatus, reason: Reason = Reason.STEADY, message: str = "m"
) -> Wanted:
    return Wanted(type=kind, status=status, reason=reason, message=message)


SERVES = a_wanted(ConditionType.AVAILABLE, "True", Reason.CHAMPION_SERVES)
BROKEN = a_wanted(ConditionType.DEGRADED, "True", Reason.IMAGE_NOT_AVAILABLE, "v13: no image")


def times(conditions: tuple[Condition, ...]) -> dict[str, str]:
    return {c.type: c.last_transition_time for c in conditions}


def test_the_transition_time_stays_until_the_status_changes() -> None:
    first = merge((), [SERVES], NOON, 1)
    again = merge(first, [SERVES], LATER, 2)
    assert times(again) == times(first)
    assert {c.observed_generation for c in again} == {2}

    gone = a_wanted(ConditionType.AVAILABLE, "False", Reason.CHAMPION_NOT_READY)
    assert set(times(merge(again, [gone], LATER, 2)).values()) == {rfc3339(LATER)}


def test_what_is_no_longer_wanted_goes() -> None:
    before = merge((), [SERVES, BROKEN], NOON, 1)
    after = merge(before, [SERVES], LATER, 1)
    assert [c.type for c in after] == ["Ready", "Available"]


@pytest.mark.parametrize(
    ("wanted", "status", "reason"),
    [
        pytest.param([SERVES], "True", Reason.READY, id="available is enough"),
        pytest.param([], "Unknown", Reason.CHAMPION_NOT_READY, id="nothing is known"),
        pytest.param([SERVES, BROKEN], "False", Reason.IMAGE_NOT_AVAILABLE, id="degraded"),
        pytest.param(
            [a_wanted(ConditionType.PROGRESSING, "True", Reason.VERSION_STARTING), SERVES],
            "False",
            Reason.VERSION_STARTING,
            id="a version starts",
        ),
        pytest.param(
            [BROKEN, SERVES, a_wanted(ConditionType.INVALID, "True", Reason.SPEC_INVALID)],
            "False",
            Reason.SPEC_INVALID,
            id="an invalid spec is told before anything else",
        ),
        pytest.param(
            [SERVES, a_wanted(ConditionType.PAUSED, "True", Reason.PAUSED_BY_SPEC)],
            "True",
            Reason.READY,
            id="paused is no fault",
        ),
        pytest.param(
            [a_wanted(ConditionType.AVAILABLE, "Unknown", Reason.CLUSTER_ERROR)],
            "Unknown",
            Reason.CLUSTER_ERROR,
            id="what is unknown stays unknown",
        ),
    ],
)
def test_ready_is_derived(wanted: list[Wanted], status: str, reason: Reason) -> None:
    ready = derive_ready(wanted)
    assert (ready.status, ready.reason) == (status, reason)


def test_ready_cannot_be_set_and_no_type_comes_twice() -> None:
    with pytest.raises(ValueError, match="Ready is derived"):
        merge((), [a_wanted(ConditionType.READY, "True")], NOON, 1)
    with pytest.raises(ValueError, match="twice"):
        merge((), [SERVES, SERVES], NOON, 1)


def test_times_are_written_as_kubernetes_does() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=2)))
    assert rfc3339(elsewhere) == "2026-11-22T12:00:00Z"
    assert parsed_time("2026-11-22T12:00:00Z") == NOON
    with pytest.raises(ValueError, match="time zone"):
        rfc3339(NOON.replace(tzinfo=None))


@pytest.mark.parametrize("text", ["short", "ä" * 256, "ä" * 257, "x" * 600, "…" * 400])
def test_messages_are_cut_by_bytes(text: str) -> None:
    cut = shortened(text)
    assert len(cut.encode()) <= 512
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))
