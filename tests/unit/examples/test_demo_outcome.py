"""The demo's table counts what was answered and hides nothing that was not."""

from __future__ import annotations

from examples.demo.outcome import Row, rows, table
from examples.demo.predictions import Answer

VERSIONS = (
    {"name": "v1", "role": "champion", "weight": 90},
    {"name": "v2", "role": "challenger", "weight": 10},
)


def test_each_version_has_its_share_and_its_times() -> None:
    answers = [Answer("v1", ms / 1000) for ms in (1, 2, 3)] + [Answer("v2", 0.005)]
    assert rows(answers, VERSIONS) == (
        Row("v1", "champion", 90, 3, 75.0, 2.0, 3.0, 0),
        Row("v2", "challenger", 10, 1, 25.0, 5.0, 5.0, 0),
    )


def test_errors_count_for_their_version_and_are_not_timed() -> None:
    answers = [Answer("v1", 0.001), Answer("v1", 9.0, "503: no"), Answer("", 10.0, "timeout")]
    assert rows(answers, VERSIONS[:1]) == (
        Row("v1", "champion", 90, 2, 100 * 2 / 3, 1.0, 1.0, 1),
        Row("(no answer)", "-", 0, 1, 100 / 3, None, None, 1),
    )


def test_a_version_that_got_nothing_is_shown() -> None:
    assert rows([], VERSIONS)[1] == Row("v2", "challenger", 10, 0, 0.0, None, None, 0)


def test_the_table_lines_up() -> None:
    shown = table((Row("v1", "champion", 90, 1234, 90.04, 2.25, None, 0),))
    assert shown.splitlines() == [
        "VERSION  ROLE      WEIGHT  REQUESTS   SHARE  P50 ms  P99 ms  ERRORS",
        "v1       champion    90 %     1,234  90.0 %     2.2       -       0",
    ]
