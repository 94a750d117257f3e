"""Batches that arrive → rows of the tables, and the reason for each one that cannot be taken.

Pure: trials, keys and the clock are arguments. What is read here is signed (prediction ids) or
comes from our own agents; a label is only as good as who sends it.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from dohyo.contract import MODE_FALLBACK, MODE_SPLIT, assignment_from_header, trials_of
from dohyo.contract.arrivals import BadEvent, Refusal, Served
from dohyo.contract.batch_evidence import run_of_trial
from dohyo.contract.prediction_id import MOST_NUMBERS, PredictionId, PredictionIdError, decode
from dohyo.contract.trials import UNIT_ENTITY, TrialPlan
from dohyo_evidence.losses import predicted_class
from dohyo_evidence.tables import TRACK_LABELS, TRACK_RATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dohyo.contract.records import PredictionRecord

MALFORMED: Final = "malformed"
OVERSIZED: Final = "oversized"
FORGED: Final = "forged"
UNKNOWN: Final = "unknown"
EXPIRED: Final = "expired"
LATE: Final = "late"
FOREIGN: Final = "foreign"
NO_EVIDENCE: Final = "no-evidence"

MOST_ROW_BYTES: Final = 8_192
_MALFORMED_ID: Final = ("length", "alphabet", "format", "fields")
# Clocks of pods may differ by this much.
_SKEW_SECONDS: Final = 300.0


class RowError(Exception):
    """Why a row is not taken."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class KnownTrial:
    """A declared trial and its number in the database."""

    number: int
    plan: TrialPlan


@dataclass
class Rows:
    """Rows for the tables, by their keys, so that a batch holds each of them once."""

    exposures: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    predictions: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    labels: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    batch_labels: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    events: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    served: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    samples: dict[int, float] = field(default_factory=dict)

    def expose(self, row: dict[str, Any]) -> None:
        key = (row["trial"], row["track"], row["unit"])
        before = self.exposures.get(key)
        if before is None or row["at"] < before["at"]:
            self.exposures[key] = row


@dataclass(frozen=True)
class Context:
    """What arrivals are held against.

    Attributes:
        trials: declared ones, by (namespace, deployment).
        key_of: the key of a prediction id.
        classes: names of a version's outputs by (namespace, deployment, version).
        now: seconds since 1970.
        retention_seconds: older predictions are expired.
    """

    trials: Mapping[tuple[str, str], Sequence[KnownTrial]]
    key_of: Callable[[str, str], bytes | None]
    classes: Mapping[tuple[str, str, str], tuple[str, ...]]
    now: float
    retention_seconds: float


def read_feedback(
    rows: Iterable[Any], context: Context, namespace: str | None = None
) -> tuple[Rows, list[Refusal], int]:
    """Feedback → labels and first exposures.

    Args:
        rows: ``{prediction_id, row, label | reward}`` each.
        context: what they are held against.
        namespace: of the sender's token; None where no token is asked for.

    Returns:
        Rows, refusals, and how many were taken. Of the same row twice the last one is taken.
    """
    return _each(rows, lambda row, found: _feedback(row, context, namespace, found))


def read_records(
    rows: Iterable[PredictionRecord], context: Context, namespace: str
) -> tuple[Rows, list[Refusal], int]:
    """Prediction records of the pods → predictions and first exposures."""
    return _each(rows, lambda row, found: _record(row, context, namespace, found))


def read_events(
    events: Sequence[BadEvent], context: Context, namespace: str
) -> tuple[Rows, list[Refusal], int]:
    """Bad events of the gateways → events and first exposures."""
    return _each(events, lambda row, found: _event(row, context, namespace, found))


def read_served(served: Sequence[Served], source: str, incarnation: str, context: Context) -> Rows:
    """Counts of answers; those of no known trial are left out, for they are nobody's evidence."""
    found = Rows()
    for each in served:
        try:
            assignment = assignment_from_header(each.assignment)
        except ValueError:
            continue
        for trial in _trials(context, (each.namespace, each.deployment), assignment.trial):
            key = (trial.number, source, incarnation, f"{assignment.epoch}/{assignment.version}")
            names = ("trial", "source", "incarnation", "assignment")
            found.served[key] = {**dict(zip(names, key, strict=True)), "requests": each.requests}
    return found


def _each(
    rows: Iterable[Any], read: Callable[[Any, Rows], None]
) -> tuple[Rows, list[Refusal], int]:
    found, refused, taken = Rows(), [], 0
    for index, row in enumerate(rows):
        try:
            read(row, found)
        except RowError as error:
            refused.append(Refusal(index, error.reason, f"rows[{index}]{error.message}"))
        else:
            taken += 1
    return found, refused, taken


def _feedback(row: Any, context: Context, namespace: str | None, found: Rows) -> None:
    if not isinstance(row, dict):
        raise RowError(MALFORMED, ": must be an object with prediction_id and label or reward")
    text = row.get("prediction_id")
    if not isinstance(text, str):
        raise RowError(MALFORMED, f".prediction_id: {_short(text)} must be a text")
    if sum(len(str(v)) for v in row.values()) > MOST_ROW_BYTES:
        raise RowError(OVERSIZED, f": is larger than {MOST_ROW_BYTES} bytes; send only its fields")
    prediction = _prediction(text, context, ".prediction_id")
    if namespace is not None and prediction.namespace != namespace:
        raise RowError(FOREIGN, f".prediction_id: is not of {namespace}, which the token is for")
    place = _row_number(row.get("row", 0), prediction.rows)
    label, reward = _outcome(row, prediction, context)
    run = run_of_trial(prediction.trial)
    if run is not None:
        _batch_label(run, prediction, label, context, found)
        return
    for trial in _evidence_of(prediction, context, ".prediction_id"):
        watermark = prediction.microseconds / 1e6 + trial.plan.labels.max_delay_seconds
        if context.now > watermark:
            raise RowError(
                LATE,
                f".prediction_id: was scored after {trial.plan.labels.max_delay_seconds:g} s; "
                "raise spec.rollout.labels.maxDelay if labels take longer",
            )
        base = _base(trial, prediction)
        each = len(prediction.numbers) // max(1, prediction.rows)
        numbers = prediction.numbers[place * each : (place + 1) * each]
        found.labels[(trial.number, base["nonce"], place)] = {
            **{k: base[k] for k in ("trial", "nonce", "unit", "at", "challenger")},
            "row": place,
            "received": context.now,
            "numbers": ",".join(map(repr, numbers)),
            "rows": prediction.rows,
            "label": label,
            "reward": reward,
        }
        if not prediction.shadow:
            found.expose(_exposure(trial, prediction, TRACK_LABELS, base["unit"]))


def _batch_label(
    run: str, prediction: PredictionId, label: float | None, context: Context, found: Rows
) -> None:
    """A label of a row that a batch run has scored; it belongs to no trial."""
    if label is None:
        raise RowError(NO_EVIDENCE, ".reward: a row of a batch run takes a label alone")
    numbers = prediction.numbers
    if not numbers:
        raise RowError(
            NO_EVIDENCE,
            f".prediction_id: its version has more than {MOST_NUMBERS} outputs, which no id holds",
        )
    who = (prediction.namespace, prediction.deployment, prediction.version)
    classes = len(numbers) > 1 or bool(context.classes.get(who))
    key = (*who[:2], run, prediction.nonce.hex(), prediction.version)
    names = ("namespace", "deployment", "run", "nonce", "version")
    found.batch_labels[key] = {
        **dict(zip(names, key, strict=True)),
        "at": prediction.microseconds / 1e6,
        "received": context.now,
        "classes": classes,
        "predicted": predicted_class(numbers) if classes else numbers[0],
        "label": label,
    }


def _record(row: PredictionRecord, context: Context, namespace: str, found: Rows) -> None:
    prediction = _prediction(row.prediction_id, context, ".id")
    if prediction.namespace != namespace:
        raise RowError(FOREIGN, f".id: is not of {namespace}, which the token is for")
    for trial in _evidence_of(prediction, context, ".id"):
        base = _base(trial, prediction)
        request = row.request_id[:128]
        found.predictions[(trial.number, base["nonce"])] = {
            **base,
            "shadow": prediction.shadow or prediction.mode != MODE_SPLIT,
            "request": request,
            "numbers": ",".join(map(repr, row.numbers or prediction.numbers)),
            "rows": prediction.rows,
            "paired": False,
        }
        found.samples[trial.number] = min(found.samples.get(trial.number, 1.0), row.sample)
        if prediction.mode == MODE_SPLIT and not prediction.shadow:
            found.expose(_exposure(trial, prediction, TRACK_LABELS, base["unit"]))
            unit = base["unit"] if trial.plan.unit == UNIT_ENTITY else request
            if unit:
                found.expose(_exposure(trial, prediction, TRACK_RATES, unit))


def _event(event: BadEvent, context: Context, namespace: str, found: Rows) -> None:
    if event.namespace != namespace:
        raise RowError(FOREIGN, f".namespace: is not {namespace}, which the token is for")
    try:
        assignment = assignment_from_header(event.assignment)
    except ValueError as error:
        raise RowError(MALFORMED, f".assignment: {error}") from error
    trials = _trials(context, (event.namespace, event.deployment), assignment.trial)
    if not trials:
        raise RowError(UNKNOWN, f".assignment: no trial {assignment.trial!r} is declared")
    if assignment.mode not in (MODE_SPLIT, MODE_FALLBACK):
        raise RowError(NO_EVIDENCE, f".assignment: mode {assignment.mode} is no evidence")
    for trial in trials:
        plan = trial.plan
        arms = (plan.champion, plan.challenger)
        unit = event.entity if plan.unit == UNIT_ENTITY else event.request_id[:128]
        if assignment.version not in arms or not unit or not _is_open(plan, event.at):
            continue
        row = {"trial": trial.number, "unit": unit[:64], "at": event.at}
        found.events[(trial.number, event.request_id)] = {
            **row,
            "request": event.request_id[:128],
            "code": event.code[:32],
            "seconds": event.seconds,
            "failed": event.failed,
        }
        shares = dict((assignment.champion, *assignment.challengers))
        found.expose(
            {
                **row,
                "track": TRACK_RATES,
                "challenger": assignment.version == plan.challenger,
                "champion_share": shares.get(plan.champion, 0),
                "challenger_share": shares.get(plan.challenger, 0),
                "bucket": None,
                "epoch": assignment.epoch,
                "by_event": True,
                "settled": False,
            }
        )


def _prediction(text: str, context: Context, place: str) -> PredictionId:
    try:
        prediction = decode(text, context.key_of)
    except PredictionIdError as error:
        reason = MALFORMED if error.reason in _MALFORMED_ID else FORGED
        raise RowError(reason, f"{place}: {error}") from error
    at = prediction.microseconds / 1e6
    if at < context.now - context.retention_seconds:
        raise RowError(EXPIRED, f"{place}: is older than {context.retention_seconds:g} s")
    if at > context.now + _SKEW_SECONDS:
        raise RowError(MALFORMED, f"{place}: is from the future; set the pods' clocks")
    return prediction


def _evidence_of(prediction: PredictionId, context: Context, place: str) -> list[KnownTrial]:
    """The trials that a prediction says something about.

    Raises:
        RowError: there is none.
    """
    key = (prediction.namespace, prediction.deployment)
    trials = _trials(context, key, prediction.trial)
    if not trials:
        raise RowError(UNKNOWN, f"{place}: no trial {prediction.trial!r} is declared")
    if prediction.mode != MODE_SPLIT and not prediction.shadow:
        raise RowError(NO_EVIDENCE, f"{place}: a {prediction.mode} request is no evidence")
    at = prediction.microseconds / 1e6
    found = [
        t
        for t in trials
        if prediction.version in (t.plan.champion, t.plan.challenger) and _is_open(t.plan, at)
    ]
    if not found:
        raise RowError(NO_EVIDENCE, f"{place}: {prediction.version} is on no trial at that time")
    return found


def _trials(context: Context, key: tuple[str, str], text: str) -> list[KnownTrial]:
    names = trials_of(text)
    return [t for t in context.trials.get(key, ()) if t.plan.trial in names]


def _is_open(plan: TrialPlan, at: float) -> bool:
    # The operator's clock says when a trial began, a pod's when it answered.
    return plan.started - _SKEW_SECONDS <= at and (plan.ended is None or at < plan.ended)


def _base(trial: KnownTrial, prediction: PredictionId) -> dict[str, Any]:
    nonce = prediction.nonce.hex()
    entity = prediction.entity.hex() if prediction.entity is not None else ""
    return {
        "trial": trial.number,
        "nonce": nonce,
        "unit": entity if trial.plan.unit == UNIT_ENTITY and entity else nonce,
        "at": prediction.microseconds / 1e6,
        "challenger": prediction.version == trial.plan.challenger,
    }


def _exposure(trial: KnownTrial, prediction: PredictionId, track: int, unit: str) -> dict[str, Any]:
    champion_share, challenger_share = _shares(trial, prediction)
    return {
        "trial": trial.number,
        "track": track,
        "unit": unit[:64],
        "at": prediction.microseconds / 1e6,
        "challenger": prediction.version == trial.plan.challenger,
        "champion_share": champion_share,
        "challenger_share": challenger_share,
        "bucket": prediction.bucket,
        "epoch": prediction.epoch,
        "by_event": False,
        "settled": False,
    }


def _shares(trial: KnownTrial, prediction: PredictionId) -> tuple[int, int]:
    """The shares of champion and challenger when the unit was assigned.

    An answer does not name whose share is whose beyond the champion's. With several challengers
    the epoch's plan says it; while that is not known, the unit is left out of either arm alike.
    """
    shares = prediction.shares
    if len(shares) == 2:
        return shares[0], shares[1]
    for epoch in trial.plan.epochs:
        if shares and epoch.epoch == prediction.epoch:
            owned = epoch.buckets.get(trial.plan.challenger, ())
            return shares[0], sum(end - start for start, end in owned)
    return 0, 0


def _row_number(value: Any, rows: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < max(1, rows):
        raise RowError(MALFORMED, f".row: {_short(value)} must be 0 to {max(1, rows) - 1}")
    return value


def _outcome(
    row: Mapping[str, Any], prediction: PredictionId, context: Context
) -> tuple[float | None, float | None]:
    given = [name for name in ("label", "reward") if row.get(name) is not None]
    if len(given) != 1:
        raise RowError(MALFORMED, ": needs exactly one of label and reward")
    value = row[given[0]]
    if given[0] == "label":
        who = (prediction.namespace, prediction.deployment, prediction.version)
        value = _place(value, context.classes.get(who, ()))
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise RowError(MALFORMED, f".{given[0]}: {_short(value)} must be a finite number")
    return (float(value), None) if given[0] == "label" else (None, float(value))


def _place(label: Any, names: tuple[str, ...]) -> Any:
    """Which class a label means, counted from 0; the label itself where it is a value.

    A number is the name of a class before it is its place: of the classes 1 to 5, 3 is the third.
    """
    if isinstance(label, str):
        if label in names:
            return names.index(label)
    elif isinstance(label, int | float):
        numbers = _numbers(names)
        if label in numbers:
            return numbers[label]
        if len(numbers) < max(1, len(names)):
            return label
    else:
        return label
    known = ", ".join(names[:10]) or "none is known yet; send the class's number"
    raise RowError(MALFORMED, f".label: {_short(label)} is no class; classes: {known}")


@lru_cache
def _numbers(names: tuple[str, ...]) -> dict[float, int]:
    """The places of those classes whose names are numbers."""
    found = {}
    for place, name in enumerate(names):
        with suppress(ValueError):
            found[float(name)] = place
    return found


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
