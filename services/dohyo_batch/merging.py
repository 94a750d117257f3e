"""Records of all shards → the sums of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dohyo_batch.tally import GroupSums

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dohyo.contract.batch import BatchReportOrder

    Record = Mapping[str, Any]


@dataclass
class Bins:
    """Counts by bin, beside those of training."""

    counts: list[int]
    reference: list[int]


@dataclass
class VersionSums:
    """What all shards have counted of one version.

    Attributes:
        groups: rows, sum, squares, imputed, unknown by group and period.
        imputed, unknown: by field.
        classes: that it predicts.
        predicted: rows by class.
        features: by name.
        prediction: of the predicted number.
    """

    groups: GroupSums
    imputed: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    predicted: list[int] = field(default_factory=list)
    features: dict[str, Bins] = field(default_factory=dict)
    prediction: Bins | None = None

    def add(self, told: Record) -> None:
        self.groups.merge(told["groups"])
        _add_counts(self.imputed, told["imputed"])
        _add_counts(self.unknown, told["unknown"])
        self.classes = list(told["classes"])
        self.predicted = _added(self.predicted, told["predicted"])
        for name, bins in told["features"].items():
            self.features[name] = _with(self.features.get(name), bins)
        if told["prediction"]:
            self.prediction = _with(self.prediction, told["prediction"])


@dataclass
class PairSums:
    """What all shards have counted of two versions on the same rows; as `PairTally` has it."""

    rows: int = 0
    agree: int = 0
    shift: float = 0.0
    squares: float = 0.0
    labelled: int = 0
    strange: int = 0
    right: list[int] = field(default_factory=lambda: [0, 0])
    outcomes: list[list[int]] = field(default_factory=list)
    errors: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def add(self, told: Record) -> None:
        for name in ("rows", "agree", "shift", "squares", "labelled", "strange"):
            setattr(self, name, getattr(self, name) + told[name])
        self.right = [a + b for a, b in zip(self.right, told["right"], strict=True)]
        self.errors = [a + b for a, b in zip(self.errors, told["errors"], strict=True)]
        self.outcomes += told["outcomes"]


def versions_of(
    records: Iterable[Record], names: Sequence[str], report: BatchReportOrder
) -> dict[str, VersionSums]:
    """The sums of each version, in the order of the names."""
    sums = {
        name: VersionSums(GroupSums(report.group_by, report.time, report.every)) for name in names
    }
    for record in records:
        for name, told in record["versions"].items():
            sums[name].add(told)
    return sums


def pairs_of(records: Iterable[Record], names: Sequence[str]) -> dict[str, PairSums]:
    """The sums of each version but the first, against the first."""
    sums = {name: PairSums() for name in names[1:]}
    for record in records:
        for name, told in record["pairs"].items():
            sums[name].add(told)
    return sums


def _add_counts(held: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        held[name] = held.get(name, 0) + count


def _added(held: Sequence[int], more: Sequence[int]) -> list[int]:
    if not held:
        return list(more)
    return np.add(held, more).tolist() if more else list(held)


def _with(held: Bins | None, more: Mapping[str, Any]) -> Bins:
    if held is None:
        return Bins(list(more["counts"]), list(more["reference"]))
    return Bins(_added(held.counts, more["counts"]), held.reference)
