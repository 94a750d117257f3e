"""Answers → who answered how many, how fast: the rows of the demo's table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from examples.demo.predictions import Answer

NOBODY = "(no answer)"


@dataclass(frozen=True)
class Row:
    """One version's part.

    Attributes:
        version, role, weight: as its status says; weight in percent.
        requests: that it answered, errors included.
        share: of all requests, in percent.
        p50_ms, p99_ms: of its good answers; None when there are none.
        errors: answers that were no prediction.
    """

    version: str
    role: str
    weight: float
    requests: int
    share: float
    p50_ms: float | None
    p99_ms: float | None
    errors: int


def rows(answers: Sequence[Answer], versions: Sequence[Mapping[str, Any]]) -> tuple[Row, ...]:
    """A row for each entry of `status.versions`, and one for requests that nobody answered."""
    known = {entry["name"]: entry for entry in versions}
    strangers = sorted({a.version or NOBODY for a in answers} - set(known))
    return tuple(
        _row(
            name,
            known.get(name, {}),
            [a for a in answers if (a.version or NOBODY) == name],
            len(answers),
        )
        for name in (*known, *strangers)
    )


def _row(name: str, entry: Mapping[str, Any], answers: Sequence[Answer], total: int) -> Row:
    good = [answer.seconds for answer in answers if not answer.error]
    return Row(
        version=name,
        role=entry.get("role", "-"),
        weight=float(entry.get("weight", 0)),
        requests=len(answers),
        share=100 * len(answers) / total if total else 0.0,
        p50_ms=milliseconds(good, 0.5),
        p99_ms=milliseconds(good, 0.99),
        errors=len(answers) - len(good),
    )


def milliseconds(seconds: Sequence[float], share: float) -> float | None:
    """A quantile of durations; None without any."""
    if not seconds:
        return None
    rank = max(1, math.ceil(share * len(seconds)))
    return round(1000 * sorted(seconds)[rank - 1], 2)


def table(found: Sequence[Row]) -> str:
    """The rows as text, one line each, under a line of headings."""
    head = ("VERSION", "ROLE", "WEIGHT", "REQUESTS", "SHARE", "P50 ms", "P99 ms", "ERRORS")
    lines = [head, *(_cells(row) for row in found)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.version,
        row.role,
        f"{row.weight:g} %",
        f"{row.requests:,}",
        f"{row.share:.1f} %",
        "-" if row.p50_ms is None else f"{row.p50_ms:.1f}",
        "-" if row.p99_ms is None else f"{row.p99_ms:.1f}",
        f"{row.errors:,}",
    )
