"""What was asked and what the ring says of itself → the table that the demo shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from examples.demo.outcome import milliseconds
from examples.demo.traffic import NOBODY, Count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Score:
    """One version's line.

    Attributes:
        version, role, weight, replicas: as the status says; weight in percent.
        requests, errors: that were counted by who asked.
        right: percent of its good answers that were true; None without any.
        p50_ms, p99_ms: of its last good answers.
        verdict: what its gates say; empty where nobody judges.
    """

    version: str
    role: str
    weight: float
    replicas: str
    requests: int
    errors: int
    right: float | None
    p50_ms: float | None
    p99_ms: float | None
    verdict: str

    def as_raw(self) -> dict[str, Any]:
        return asdict(self)


def scores(status: Mapping[str, Any], counts: Mapping[str, Count]) -> list[Score]:
    """A line for each version of the status, and one for requests that nobody answered."""
    verdicts = {r["challenger"]: _verdict(r) for r in status.get("rollouts", ())}
    known = {v["name"]: v for v in status.get("versions", ())}
    strangers = [name for name in counts if name not in known]
    return [
        _score(name, known.get(name, {}), counts.get(name, Count()), verdicts.get(name, ""))
        for name in (*known, *sorted(strangers))
    ]


def _score(name: str, version: Mapping[str, Any], count: Count, verdict: str) -> Score:
    good = count.requests - count.errors
    return Score(
        version=name,
        role=version.get("role", "-"),
        weight=float(version.get("weight", 0.0)),
        replicas=f"{version.get('readyReplicas', 0)}/{version.get('replicas', 0)}",
        requests=count.requests,
        errors=count.errors,
        right=100 * count.right / good if good else None,
        p50_ms=milliseconds(list(count.seconds), 0.5),
        p99_ms=milliseconds(list(count.seconds), 0.99),
        verdict=verdict,
    )


def _verdict(rollout: Mapping[str, Any]) -> str:
    verdict = rollout.get("verdict") or {}
    return " ".join(word for word in (verdict.get("outcome"), verdict.get("reason")) if word)


def table(lines: Sequence[Score], title: str) -> Table:
    """For a terminal."""
    shown = Table(title=title, title_justify="left")
    for name in ("VERSION", "ROLE"):
        shown.add_column(name)
    for name in ("WEIGHT", "READY", "REQUESTS", "ERRORS", "RIGHT", "P50 ms", "P99 ms"):
        shown.add_column(name, justify="right")
    shown.add_column("VERDICT")
    for line in lines:
        shown.add_row(*_cells(line), style="red" if line.errors else None)
    return shown


def plain(lines: Sequence[Score]) -> str:
    """One line for a log."""
    return "; ".join(
        f"{s.version} {s.weight:g} %, {s.replicas} ready, {s.requests} requests, "
        f"{s.errors} errors, {_percent(s.right)} right, p50 {_ms(s.p50_ms)} ms"
        for s in lines
        if s.version != NOBODY or s.requests
    )


def _cells(line: Score) -> tuple[str, ...]:
    return (
        line.version,
        line.role,
        f"{line.weight:g} %",
        line.replicas,
        f"{line.requests:,}",
        f"{line.errors:,}",
        _percent(line.right),
        _ms(line.p50_ms),
        _ms(line.p99_ms),
        line.verdict or "-",
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1f} %"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
