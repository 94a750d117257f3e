"""What records of a load say together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.records import Record, Records, quantile, read, to_line

if TYPE_CHECKING:
    from pathlib import Path


def a_record(sent: float = 100.0, **fields: object) -> Record:
    record = Record(sent, sent, sent + 0.01, 200, "", "v1", "entity-1", fresh=False)
    return record._replace(**fields)  # type: ignore[arg-type]


def test_a_record_survives_its_line_and_a_half_written_one_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.write_text(to_line(a_record()) + to_line(a_record(101.0))[:20])
    assert read(path) == Records((a_record(),))


def test_no_file_yet_means_no_records(tmp_path: Path) -> None:
    assert len(read(tmp_path / "nothing")) == 0


@pytest.mark.parametrize(
    ("status", "error", "failed", "outcome"),
    [
        (200, "", False, "200"),
        (503, "", True, "503"),
        (404, "", True, "404"),
        (0, "reset", True, "reset"),
    ],
)
def test_everything_but_200_has_failed(status: int, error: str, failed: bool, outcome: str) -> None:
    record = a_record(status=status, error=error)
    assert (record.failed, record.outcome) == (failed, outcome)


def test_latency_counts_from_when_the_request_was_due() -> None:
    assert a_record(sent=100.0, due=99.0, done=101.0).latency == 2.0


def test_versions_of_an_entity_come_in_the_order_of_sending_without_repeats() -> None:
    seen = Records(
        (
            a_record(103.0, version="v2"),
            a_record(101.0, version="v1"),
            a_record(102.0, version="v1"),
            a_record(104.0, version="v9", status=503),
            a_record(100.0, version="v3", entity="entity-2"),
        )
    )
    assert seen.versions_by_entity() == {"entity-1": ["v1", "v2"], "entity-2": ["v3"]}


def test_failures_are_told_by_kind_connection_and_time() -> None:
    seen = Records(
        (
            a_record(100.0),
            a_record(101.5, status=503, fresh=True),
            a_record(102.5, status=503),
            a_record(103.0, status=0, error="reset"),
        )
    )
    assert seen.failures_in_words() == (
        "3 of 4 requests failed (2 x 503, 1 x reset; 1 on new connections)"
        " between 1.5 s and 3.0 s after the start"
    )


def test_without_failures_there_is_nothing_to_tell() -> None:
    assert Records((a_record(),)).failures_in_words() == "0 of 1 requests failed"


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.99, 4), (1.0, 4)]
)
def test_a_quantile_is_one_of_the_values(share: float, expected: float) -> None:
    assert quantile([4, 2, 1, 3], share) == expected


def test_nothing_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="of 0 values"):
        quantile([], 0.5)
