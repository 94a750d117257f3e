"""Which rows fit, which rows judge: by time where there is a date, by group, else in strata.

A shuffled split lets a model learn from the future of the rows that judge it, and says
afterwards that it is better than it will ever be in service. So an event date always wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    train_test_split,
)

from dohyo_training.complaint import Complaint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dohyo_training.config.building import Folds

Scheme = Literal["time", "group", "stratified", "random"]

FEWEST_ROWS_PER_FOLD: Final = 5


class FoldsError(Complaint):
    """Says why the rows cannot be split as asked, and what would help."""


@dataclass(frozen=True)
class Labels:
    """What is known of each row that a split may depend on.

    Attributes:
        target: the outcome, [n_rows].
        is_classification: whether the outcome is a class.
        dates: when each row happened, [n_rows] of datetime64, or None.
        groups: who each row is about, [n_rows], or None.
    """

    target: NDArray[np.generic]
    is_classification: bool
    dates: NDArray[np.datetime64] | None = None
    groups: NDArray[np.generic] | None = None


@dataclass(frozen=True)
class Split:
    """The split of one run.

    Attributes:
        scheme: time, group, stratified or random.
        reason: why this one, in a sentence for the report.
        development: rows that the search may see, [n_development].
        held_back: rows that judge the chosen model once, [n_held_back].
        pairs: of each fold the rows that fit and the rows that judge, as positions in
            `development`; under `time` every judging row is later than every fitting one.
    """

    scheme: Scheme
    reason: str
    development: NDArray[np.intp]
    held_back: NDArray[np.intp]
    pairs: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]

    def as_record(self) -> dict[str, Any]:
        """JSON values, with the sizes of the folds in place of their rows."""
        return {
            "scheme": self.scheme,
            "reason": self.reason,
            "folds": [[len(fitting), len(judging)] for fitting, judging in self.pairs],
        }


def split(labels: Labels, wish: Folds) -> Split:
    """Holds rows back and folds the rest.

    Raises:
        FoldsError: there are too few rows, dates, groups or members of a class.
    """
    scheme, reason = choose(labels, wish.scheme)
    _refuse_too_few(labels, wish)
    if scheme == "time":
        development, held_back = _hold_back_latest(_dates(labels), wish)
        pairs = _time_pairs(_dates(labels)[development], wish)
    else:
        development, held_back = _hold_back(labels, scheme, wish)
        pairs = _pairs(labels, scheme, development, wish)
    _refuse_missing_classes(labels, development, pairs)
    return Split(scheme, reason, development, held_back, pairs)


def choose(labels: Labels, wished: str) -> tuple[Scheme, str]:
    """The scheme and the reason for it.

    Raises:
        FoldsError: there is no such scheme, or the table lacks the column that it needs.
    """
    if wished not in ("auto", "time", "group", "stratified", "random"):
        raise FoldsError(
            f"folds.scheme: {wished!r} is none; choose auto, time, group, stratified or random"
        )
    if wished == "time" and labels.dates is None:
        raise FoldsError("folds.scheme: time needs task.event_date; name the column, or use auto")
    if wished == "group" and labels.groups is None:
        raise FoldsError("folds.scheme: group needs task.group; name the column, or use auto")
    if wished == "stratified" and not labels.is_classification:
        raise FoldsError("folds.scheme: stratified needs classes; use random, or auto")
    if wished != "auto":
        return wished, _asked_for(labels, wished)  # type: ignore[return-value]
    if labels.dates is not None:
        return "time", (
            "rows carry an event date and the model will serve the future: every judging row "
            "is later than every fitting row; a shuffled split would look into that future"
        )
    if labels.groups is not None:
        return "group", (
            "several rows are about the same group: no group is on both sides of a split, "
            "or the model would be judged on what it has memorised"
        )
    if labels.is_classification:
        return "stratified", "no date and no group: each fold has the classes in proportion"
    return "random", "no date and no group: rows are exchangeable, so they are shuffled"


def _asked_for(labels: Labels, wished: str) -> str:
    reason = f"the configuration asks for {wished}"
    if labels.dates is not None and wished != "time":
        reason += "; the rows carry a date, so expect scores that the future will not repeat"
    return reason


def _dates(labels: Labels) -> NDArray[np.datetime64]:
    if labels.dates is None:  # `choose` has refused this already
        raise FoldsError("folds.scheme: time needs task.event_date")
    if np.isnat(labels.dates).any():
        missing = int(np.isnat(labels.dates).sum())
        raise FoldsError(
            f"task.event_date: {missing} rows have no date, so they have no place in time; "
            "drop them at the source, or choose folds.scheme: stratified or random"
        )
    return labels.dates


def _refuse_too_few(labels: Labels, wish: Folds) -> None:
    rows = len(labels.target)
    wanted = FEWEST_ROWS_PER_FOLD * (wish.k + 1)
    if wish.k < 2:
        raise FoldsError(f"folds.k: {wish.k} is below 2; choose 2 to 20")
    if rows < wanted:
        raise FoldsError(
            f"{rows} rows are too few for {wish.k} folds and rows held back; "
            f"bring {wanted} or lower folds.k"
        )
    if not labels.is_classification:
        return
    values, counts = np.unique(labels.target, return_counts=True)
    held_back = round(rows * wish.test_share)
    if held_back < len(values):
        raise FoldsError(
            f"folds.test_share: {wish.test_share:g} of {rows} rows is {held_back}, too few for "
            f"{len(values)} classes; raise it"
        )
    if len(values) < 2:
        raise FoldsError(
            f"task.target: every row says {values[0]!r}; a model needs two classes to tell apart"
        )
    if counts.min() < wish.k + 1:
        rarest = values[counts.argmin()]
        raise FoldsError(
            f"task.target: class {rarest!r} has {counts.min()} rows, fewer than {wish.k} "
            "folds and a held-back part need; merge rare classes or lower folds.k"
        )


def _hold_back_latest(
    dates: NDArray[np.datetime64], wish: Folds
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The latest rows judge in the end; a date never stands on both sides."""
    moments, counts = np.unique(dates, return_counts=True)
    if len(moments) < wish.k + 2:
        raise FoldsError(
            f"task.event_date: {len(moments)} different dates are too few for {wish.k} folds "
            "in time; lower folds.k, or choose folds.scheme: stratified or random"
        )
    earlier = np.cumsum(counts) / len(dates)
    cut = int(np.searchsorted(earlier, 1 - wish.test_share))
    first = moments[min(max(cut + 1, wish.k + 1), len(moments) - 1)]
    order = np.argsort(dates, kind="stable")
    held_back = dates[order] >= first
    development = order[~held_back]
    known = development
    if wish.gap is not None:
        known = development[dates[development] <= first - np.timedelta64(wish.gap)]
    if len(known) < wish.k + 2:
        raise FoldsError("folds.gap: leaves too few rows before those held back; lower it")
    return known, order[held_back]


def _time_pairs(
    dates: NDArray[np.datetime64], wish: Folds
) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]:
    """A growing past and the stretch after it, less the gap; the dates come in order."""
    folds = wish.k
    moments, counts = np.unique(dates, return_counts=True)
    until = np.cumsum(counts)
    rows = len(dates)
    # The first stretch only ever fits, so folds + 1 stretches of about the same number of rows.
    cuts = [int(np.searchsorted(until, rows * part / (folds + 1))) for part in range(1, folds + 1)]
    for place in range(1, folds):
        cuts[place] = max(cuts[place], cuts[place - 1] + 1)
    for place in reversed(range(folds)):
        cuts[place] = min(cuts[place], len(moments) - 1 - (folds - place))
    ends = [int(until[cut]) for cut in cuts] + [rows]
    return tuple(
        (
            np.arange(_known_by(dates, ends[fold], wish)),
            np.arange(ends[fold], ends[fold + 1]),
        )
        for fold in range(folds)
    )


def _known_by(dates: NDArray[np.datetime64], first_judging: int, wish: Folds) -> int:
    """How many of the ordered rows had their outcome when the first judging row came."""
    if wish.gap is None:
        return first_judging
    latest = dates[first_judging] - np.timedelta64(wish.gap)
    known = int(np.searchsorted(dates, latest, side="right"))
    if known == 0:
        raise FoldsError(
            f"folds.gap: {wish.gap.days} days leave no fitting rows before {dates[first_judging]}; "
            "lower folds.k or the gap"
        )
    return min(known, first_judging)


def _hold_back(
    labels: Labels, scheme: Scheme, wish: Folds
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    rows = np.arange(len(labels.target))
    if scheme == "group":
        groups = _groups(labels, wish)
        shuffled = GroupShuffleSplit(1, test_size=wish.test_share, random_state=wish.seed)
        development, held_back = next(shuffled.split(rows, groups=groups))
    else:
        strata = labels.target if scheme == "stratified" else None
        development, held_back = train_test_split(
            rows, test_size=wish.test_share, stratify=strata, random_state=wish.seed
        )
    return np.sort(development), np.sort(held_back)


def _pairs(
    labels: Labels, scheme: Scheme, development: NDArray[np.intp], wish: Folds
) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]:
    target = labels.target[development]
    groups = None
    if scheme == "group":
        groups = _groups(labels, wish)[development]
        folding = (
            StratifiedGroupKFold(wish.k, shuffle=True, random_state=wish.seed)
            if labels.is_classification
            else GroupKFold(wish.k, shuffle=True, random_state=wish.seed)
        )
    elif scheme == "stratified":
        folding = StratifiedKFold(wish.k, shuffle=True, random_state=wish.seed)
    else:
        folding = KFold(wish.k, shuffle=True, random_state=wish.seed)
    return tuple(folding.split(development, target, groups))


def _groups(labels: Labels, wish: Folds) -> NDArray[np.generic]:
    if labels.groups is None:  # `choose` has refused this already
        raise FoldsError("folds.scheme: group needs task.group")
    different = len(np.unique(labels.groups))
    if different < wish.k + 1:
        raise FoldsError(
            f"task.group: {different} different groups are too few for {wish.k} folds and a "
            "held-back part; lower folds.k"
        )
    return labels.groups


def _refuse_missing_classes(
    labels: Labels,
    development: NDArray[np.intp],
    pairs: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...],
) -> None:
    """A fold without one of the classes has no score; better said here than by a metric."""
    if not labels.is_classification:
        return
    target = labels.target[development]
    everything = set(np.unique(labels.target).tolist())
    for number, (fitting, judging) in enumerate(pairs, start=1):
        for rows, part in ((fitting, "fitting"), (judging, "judging")):
            absent = everything - set(np.unique(target[rows]).tolist())
            if absent:
                raise FoldsError(
                    f"folds: fold {number} has no {part} rows of class "
                    f"{min(map(str, absent))!r}; lower folds.k, merge rare classes, "
                    "or choose folds.scheme: stratified"
                )
