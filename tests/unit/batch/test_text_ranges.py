"""Ranges of a text file hold its records, whole and each once."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dohyo_batch import text_ranges as subject
from dohyo_batch.text_ranges import OpenQuoteError, TextRange, text_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = st.text(st.sampled_from('ab,"\n'), max_size=6)
TABLES = st.lists(st.tuples(VALUES, VALUES), max_size=30)


@pytest.fixture(autouse=True, params=[3, 1 << 22], ids=["small blocks", "one block"])
def _blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "BLOCK_BYTES", request.param)


def written(table: list[tuple[str, str]], end: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("one", "two"), *table])
    return text.getvalue().encode()


def read(content: bytes, ranges: list[TextRange]) -> Iterator[list[str]]:
    for each in ranges:
        part = content[each.start : each.end].decode()
        rows = [row for row in csv.reader(io.StringIO(part, newline="")) if row]
        assert len(rows) == each.rows
        yield from rows


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TABLES, st.sampled_from(["\n", "\r\n"]), st.integers(1, 40))
def test_quoted_lines_stay_whole(table: list[tuple[str, str]], end: str, size: int) -> None:
    content = written(table, end)

    found = text_ranges(io.BytesIO(content), quotes=True, header=True, range_bytes=size)

    assert list(read(content, found)) == [list(row) for row in table]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["{}", '{"a": 1}', "", "\r"]), max_size=30), st.integers(1, 20))
def test_empty_lines_are_no_records(lines: list[str], size: int) -> None:
    content = "\n".join(lines).encode()

    found = text_ranges(io.BytesIO(content), quotes=False, header=False, range_bytes=size)

    records = [line for each in found for line in content[each.start : each.end].split(b"\n")]
    assert [line.decode() for line in records if line.strip()] == [x for x in lines if x.strip()]
    # A last line that is a carriage return alone has no end that tells it apart.
    if not content.endswith(b"\r"):
        assert sum(each.rows for each in found) == sum(bool(x.strip()) for x in lines)


def test_a_head_line_alone_has_no_rows() -> None:
    assert text_ranges(io.BytesIO(b"one,two\n"), quotes=True, header=True) == []
    assert text_ranges(io.BytesIO(b"one,two"), quotes=True, header=True) == []


def test_a_file_that_ends_within_quotes_is_told() -> None:
    with pytest.raises(OpenQuoteError):
        text_ranges(io.BytesIO(b'one\n"a\nb\n'), quotes=True, header=True)
