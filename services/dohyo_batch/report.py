"""What a run has found, as JSON values: means, changes, drift, and versions beside each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_batch.tally import OTHER_GROUPS
from dohyo_evidence.drift import distance, drifted
from dohyo_evidence.sequential.comparison import MeanTest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dohyo.contract.batch import BatchOrder
    from dohyo_batch.merging import PairSums, VersionSums

REPORT_FORMAT: Final = 1
LEVEL: Final = 0.95
# Of the normal distribution, at both ends together.
_QUANTILE: Final = 1.959963984540054
# As the gates of a rollout have them: by chance and by size.
_DRIFT_ALPHA: Final = 0.01
_LARGE_PSI: Final = 0.2
# From here on an e-value rejects its null at 0.05.
_DECISIVE: Final = 20.0
_MOST_HISTORY: Final = 52


@dataclass(frozen=True)
class Mean:
    """A mean with its interval; both None where there are no two rows.

    Attributes:
        rows: that it is of.
        value: the mean.
        error: its standard error.
    """

    rows: int
    value: float | None
    error: float | None

    def to_json(self) -> dict[str, Any]:
        return {"rows": self.rows, "mean": self.value, **_interval(self.value, self.error)}


def mean_of(rows: float, total: float, squares: float) -> Mean:
    """Of a count, a sum and a sum of squares."""
    count = int(rows)
    if not count:
        return Mean(0, None, None)
    value = total / count
    if count < 2:
        return Mean(count, value, None)
    variance = max(0.0, (squares - count * value * value) / (count - 1))
    return Mean(count, value, math.sqrt(variance / count))


@dataclass(frozen=True)
class Totals:
    """What is said of the whole run."""

    run: str
    started: str
    finished: str
    rows: int
    bad_rows: int


def report_of(
    order: BatchOrder,
    totals: Totals,
    versions: Mapping[str, VersionSums],
    pairs: Mapping[str, PairSums],
    previous: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The document of `report.json`.

    Args:
        order: of the run.
        totals: of the run.
        versions: in the order of the order.
        pairs: versions against the first one.
        previous: the document of the run before, with what later labels say of it as `labels`.
    """
    document: dict[str, Any] = {
        "format": REPORT_FORMAT,
        "name": order.name,
        "namespace": order.namespace,
        "modelDeployment": order.deployment,
        "run": totals.run,
        "startedAt": totals.started,
        "finishedAt": totals.finished,
        "rows": totals.rows,
        "badRows": totals.bad_rows,
        "groupBy": list(order.report.group_by),
        "every": order.report.every if order.report.time else None,
        "level": LEVEL,
        "previous": previous and _told_before(previous),
        "versions": [
            _version(order, place, versions[each.name], previous)
            for place, each in enumerate(order.versions)
        ],
        "comparisons": [
            _comparison(order.versions[0].name, name, sums) for name, sums in pairs.items()
        ],
    }
    document["history"] = _history(document, previous)
    return document


def _version(
    order: BatchOrder, place: int, sums: VersionSums, previous: Mapping[str, Any] | None
) -> dict[str, Any]:
    version = order.versions[place]
    before = _version_before(previous, version.name, place)
    rows = sums.groups.to_json()
    whole = _summed(rows)
    return {
        "name": version.name,
        "bento": version.bento,
        "digest": version.digest,
        **_with_change(whole, before),
        "predicted": dict(zip(sums.classes, sums.predicted, strict=False)),
        "imputed": sums.imputed,
        "unknown": sums.unknown,
        "groups": _groups(rows, before),
        "course": [
            {"group": group, "period": period, **mean_of(*each[:3]).to_json()}
            for group, period, *each in rows
            if period
        ],
        "drift": _drift(sums),
    }


def _groups(rows: Sequence[Any], before: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    by_group: dict[tuple[str, ...], list[Any]] = {}
    for row in rows:
        by_group.setdefault(tuple(row[0]), []).append(row)
    told = {tuple(each["group"]): each for each in (before or {}).get("groups", ())}
    found = []
    for group, of_group in sorted(by_group.items()):
        summed = _summed(of_group)
        found.append({"group": list(group), **_with_change(summed, told.get(group))})
    return found


def _summed(rows: Iterable[Sequence[Any]]) -> list[float]:
    """Rows, sum, squares, imputed, unknown over groups and periods."""
    total = [0.0] * 5
    for _, _, *sums in rows:
        total = [a + b for a, b in zip(total, sums, strict=True)]
    return total


def _with_change(sums: Sequence[float], before: Mapping[str, Any] | None) -> dict[str, Any]:
    mean = mean_of(*sums[:3])
    change = None
    if before is not None and mean.value is not None and before.get("mean") is not None:
        error = None
        if mean.error is not None and before.get("low") is not None:
            old = (before["high"] - before["low"]) / 2 / _QUANTILE
            error = math.hypot(mean.error, old)
        value = mean.value - before["mean"]
        change = {"value": value, **_interval(value, error)}
    return {
        **mean.to_json(),
        "imputedInputs": int(sums[3]),
        "unknownInputs": int(sums[4]),
        "change": change,
    }


def _interval(value: float | None, error: float | None) -> dict[str, float | None]:
    if value is None or error is None:
        return {"low": None, "high": None}
    return {"low": value - _QUANTILE * error, "high": value + _QUANTILE * error}


def _drift(sums: VersionSums) -> list[dict[str, Any]]:
    """Each feature against the bento's profile, the farthest first."""
    counted = dict(sums.features)
    if sums.prediction is not None:
        counted["(prediction)"] = sums.prediction
    found = {
        name: far
        for name, bins in counted.items()
        if (far := distance(bins.counts, bins.reference)) is not None
    }
    flags = drifted(found, _DRIFT_ALPHA, _LARGE_PSI)
    drifts = [
        {
            "feature": name,
            "psi": far.psi,
            "ks": far.ks,
            "p": far.p,
            "count": far.count,
            "drifted": all(flags[name]),
        }
        for name, far in found.items()
    ]
    return sorted(drifts, key=lambda each: -each["psi"])


def _comparison(first: str, other: str, sums: PairSums) -> dict[str, Any]:
    shift = mean_of(sums.rows, sums.shift, sums.squares)
    return {
        "first": first,
        "other": other,
        "rows": sums.rows,
        "agreement": sums.agree / sums.rows if sums.rows else None,
        "shift": {"value": shift.value, **_interval(shift.value, shift.error)},
        "labels": _judged(sums) if sums.labelled else None,
        "strangeLabels": sums.strange,
    }


def _judged(sums: PairSums) -> dict[str, Any]:
    """The paired test: on each row with a label, which of both was nearer to it."""
    if not sums.outcomes:
        less = mean_of(sums.labelled, *sums.errors)
        low = _interval(less.value, less.error)["low"]
        high = _interval(less.value, less.error)["high"]
        return {
            "rows": sums.labelled,
            "loss": "absolute error",
            "gain": {"value": less.value, "low": low, "high": high},
            "evidence": None,
            "verdict": _verdict(low is not None and low > 0, high is not None and high < 0),
        }
    tests = {"better": MeanTest(0.0, -1.0), "worse": MeanTest(0.0, 1.0, below=True)}
    signs = np.array([-1.0, 0.0, 1.0])
    for chunk in sums.outcomes:
        for test in tests.values():
            test.fold(signs, np.array(chunk, dtype=np.float64))
    totals = np.sum(sums.outcomes, axis=0)
    gain = mean_of(sums.labelled, float(totals[2] - totals[0]), float(totals[2] + totals[0]))
    evidence = {
        name: min(1e300, math.exp(min(690.0, float(test.log_e)))) for name, test in tests.items()
    }
    return {
        "rows": sums.labelled,
        "loss": "zero-one",
        "right": sums.right,
        "outcomes": {"worse": int(totals[0]), "alike": int(totals[1]), "better": int(totals[2])},
        "gain": {"value": gain.value, **_interval(gain.value, gain.error)},
        "evidence": evidence,
        "verdict": _verdict(evidence["better"] >= _DECISIVE, evidence["worse"] >= _DECISIVE),
    }


def _verdict(better: bool, worse: bool) -> str:
    return "better" if better else "worse" if worse else "undecided"


def _version_before(
    previous: Mapping[str, Any] | None, name: str, place: int
) -> Mapping[str, Any] | None:
    """What a version is compared with: the first with the first, another with itself."""
    found: Sequence[Mapping[str, Any]] = (previous or {}).get("versions", ())
    if place == 0:
        return found[0] if found else None
    return next((each for each in found if each["name"] == name), None)


def _told_before(previous: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "run": previous["run"],
        "startedAt": previous["startedAt"],
        "versions": [each["name"] for each in previous["versions"]],
        "labels": previous.get("labels"),
    }


def _history(
    document: Mapping[str, Any], previous: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """The first version's means of this run and those before, the oldest first."""
    first = document["versions"][0]
    own = {
        "run": document["run"],
        "startedAt": document["startedAt"],
        "version": first["name"],
        "groups": [
            {name: each[name] for name in ("group", "mean", "low", "high")}
            for each in first["groups"]
            if OTHER_GROUPS not in each["group"]
        ],
    }
    return [*(previous or {}).get("history", ()), own][-_MOST_HISTORY:]
