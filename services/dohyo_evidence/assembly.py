"""Rows of the tables that belong to settled first exposures → units and pairs for the gates."""

from __future__ import annotations

import zlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dohyo.contract import BUCKETS
from dohyo.contract.trials import MISSING_WORST
from dohyo_evidence.losses import LossError, agree, loss
from dohyo_evidence.observations import Pair, RateUnit, ScoreUnit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dohyo.contract.trials import GatePlan, TrialPlan

Row = Any
"""A row of a table, columns by name."""


@dataclass(frozen=True)
class Settled:
    """First exposures, and all that happened to their units.

    Attributes:
        plan: of the trial.
        exposures: in the order of their times.
        predictions: live ones and shadow copies, of these units or of the same requests.
        labels: of these units.
        order: for each class of the champion, its place among those of the challenger, where that
            is another one: labels and numbers are scored in the champion's order.
    """

    plan: TrialPlan
    exposures: Sequence[Row]
    predictions: Sequence[Row]
    labels: Sequence[Row] = ()
    order: tuple[int, ...] = ()


def order_of(ours: Sequence[str], theirs: Sequence[str]) -> tuple[int, ...]:
    """For each class of the champion its place among the challenger's.

    Empty where the order is the same, and where the classes are others or not known.
    """
    if ours == theirs or sorted(ours) != sorted(theirs):
        return ()
    return tuple(theirs.index(name) for name in ours)


def rate_units(plan: TrialPlan, exposures: Sequence[Row], events: Iterable[Row]) -> list[RateUnit]:
    """Whether anything bad happened to each unit in its first window, by gate."""
    mine = _by(events, "unit")
    gates = [g for g in plan.gates if g.metric in ("error-rate", "latency")]
    found = []
    for exposure in exposures:
        inside = [e for e in mine.get(exposure.unit, ()) if _within(plan, exposure, e.at)]
        hits = {gate.name: _hits(gate, inside) for gate in gates}
        shares = (exposure.champion_share, exposure.challenger_share)
        found.append(RateUnit(bool(exposure.challenger), shares, hits))
    return found


def mismatches(plan: TrialPlan, exposures: Iterable[Row]) -> int:
    """First exposures of these two versions whose bucket belongs to the other one."""
    owned = {epoch.epoch: epoch.buckets for epoch in plan.epochs}
    count = 0
    for exposure in exposures:
        if exposure.bucket is None or exposure.epoch not in owned:
            continue
        owner = next(
            (
                name
                for name, intervals in owned[exposure.epoch].items()
                if any(start <= exposure.bucket < end for start, end in intervals)
            ),
            plan.champion,
        )
        assert 0 <= exposure.bucket < BUCKETS
        count += owner != (plan.challenger if exposure.challenger else plan.champion)
    return count


def agreement_pairs(settled: Settled, *, by_request: bool) -> list[Pair]:
    """The agreement of each champion's unit with the challenger in its shadow."""
    live = _by(
        (p for p in settled.predictions if not p.shadow and not p.challenger),
        "request" if by_request else "unit",
    )
    copies = _copies(settled.predictions)
    found = []
    for exposure in settled.exposures:
        same: list[bool] = []
        for prediction in live.get(exposure.unit, ()):
            copy = copies.get(prediction.request)
            if copy is not None and _within(settled.plan, exposure, prediction.at):
                rows = zip(_rows(prediction), _rows(copy, settled.order), strict=False)
                same += [agree(a, b) for a, b in rows if a and b]
        if same:
            found.append(Pair(sum(same) / len(same), {}))
    return found


def score_units(
    settled: Settled, worst: Mapping[str, float | None]
) -> tuple[list[ScoreUnit], list[Pair]]:
    """The mean score of each unit's first window, for the weighted test or as a pair.

    Where pairs may decide, a coin tossed by the unit's name says which test a unit feeds, before
    anything is known of it; a unit that could only go to the champion has nothing to tell the
    weighted test.
    """
    plan = settled.plan
    predictions = _by((p for p in settled.predictions if not p.shadow), "unit")
    labels = _by(settled.labels, "unit")
    copies = _copies(settled.predictions)
    units, pairs = [], []
    for exposure in settled.exposures:
        mine = [p for p in predictions.get(exposure.unit, ()) if _counts(plan, exposure, p)]
        outcomes = [
            label for label in labels.get(exposure.unit, ()) if _counts(plan, exposure, label)
        ]
        asked = {p.nonce: p for p in mine}
        pair = _differences(settled, outcomes, asked, copies)
        one_sided = not exposure.champion_share or not exposure.challenger_share
        decides = plan.labels.independent_of_prediction
        if pair and (not decides or one_sided or _coin(exposure.unit)):
            pairs.append(Pair(None, pair))
        if not decides or not (one_sided or _coin(exposure.unit)):
            units.append(_unit(settled, exposure, asked, outcomes, worst))
    return units, pairs


def _unit(
    settled: Settled,
    exposure: Row,
    asked: Mapping[str, Row],
    outcomes: Sequence[Row],
    worst: Mapping[str, float | None],
) -> ScoreUnit:
    rows = {p.nonce: p.rows for p in asked.values()} | {o.nonce: o.rows for o in outcomes}
    total = sum(rows.values())
    scores = {}
    plan = settled.plan
    for gate in plan.gates:
        if gate.metric not in ("loss", "reward"):
            continue
        values = [v for o in outcomes if (v := _value(gate, o, asked, settled.order)) is not None]
        lost = worst.get(gate.name)
        if plan.labels.missing == MISSING_WORST and lost is not None:
            values += [lost] * (total - len(values))
        if values:
            scores[gate.name] = sum(values) / len(values)
    shares = (exposure.champion_share, exposure.challenger_share)
    return ScoreUnit(bool(exposure.challenger), shares, total, len(outcomes), scores)


def _value(
    gate: GatePlan, outcome: Row, asked: Mapping[str, Row], order: tuple[int, ...]
) -> float | None:
    if gate.metric == "reward":
        return None if outcome.reward is None else float(outcome.reward)
    if outcome.label is None:
        return None
    numbers = _numbers(outcome.numbers)
    if not numbers and outcome.nonce in asked:
        rows = _rows(asked[outcome.nonce])
        numbers = rows[outcome.row] if outcome.row < len(rows) else []
    label = outcome.label
    if outcome.challenger and order and len(order) == len(numbers) and label in order:
        numbers, label = [numbers[place] for place in order], order.index(label)
    try:
        return loss(gate, numbers, label)
    except LossError:
        return None


def _differences(
    settled: Settled,
    outcomes: Sequence[Row],
    asked: Mapping[str, Row],
    copies: Mapping[str, Row],
) -> dict[str, float]:
    """By loss gate, the champion's mean loss minus the challenger's on the same labelled rows."""
    found: dict[str, list[float]] = defaultdict(list)
    for outcome in outcomes:
        live = asked.get(outcome.nonce)
        copy = copies.get(live.request) if live is not None and not live.challenger else None
        if live is None or copy is None or outcome.label is None:
            continue
        ours, theirs = _rows(live), _rows(copy, settled.order)
        if outcome.row >= min(len(ours), len(theirs)):
            continue
        for gate in (g for g in settled.plan.gates if g.metric == "loss"):
            try:
                difference = loss(gate, ours[outcome.row], outcome.label) - loss(
                    gate, theirs[outcome.row], outcome.label
                )
            except LossError:
                continue
            found[gate.name].append(difference)
    return {name: sum(values) / len(values) for name, values in found.items()}


def _hits(gate: GatePlan, events: Sequence[Row]) -> tuple[bool, ...]:
    if gate.metric == "error-rate":
        return (any(e.failed or e.code in gate.codes for e in events),)
    # A failed answer has not come at all, however quickly.
    return tuple(
        any(e.seconds > cut or e.failed for e in events) for cut in gate.cuts_seconds or (0.0,)
    )


def _copies(predictions: Iterable[Row]) -> dict[str, Row]:
    return {p.request: p for p in predictions if p.shadow and p.challenger and p.request}


def _counts(plan: TrialPlan, exposure: Row, row: Row) -> bool:
    same = bool(row.challenger) == bool(exposure.challenger)
    return same and _within(plan, exposure, row.at)


def _within(plan: TrialPlan, exposure: Row, at: float) -> bool:
    return bool(exposure.at - 1e-6 <= at <= exposure.at + plan.window_seconds)


def _rows(prediction: Row, order: tuple[int, ...] = ()) -> list[list[float]]:
    numbers = _numbers(prediction.numbers)
    each = len(numbers) // max(1, prediction.rows)
    rows = [numbers[i * each : (i + 1) * each] for i in range(prediction.rows)]
    if order and len(order) == each:
        return [[row[place] for place in order] for row in rows]
    return rows


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")] if text else []


def _coin(unit: str) -> bool:
    return zlib.crc32(unit.encode()) % 2 == 0


def _by(rows: Iterable[Row], name: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found
