"""What a shard counts while it scores: sums that add up over shards, and nothing that grows.

Counts are kept by group and period, by field, by bin of the profile, and for each pair of
versions. All of them are JSON, so that the end of a run reads small files alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dohyo_form.columns import Coded
from dohyo_form.profile import BinCounter, FeatureCounter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from dohyo_batch.intake import Checked
    from dohyo_batch.models import Model

    Floats = NDArray[np.float64]

# Of groups in all periods; what comes beyond is one group more.
MOST_GROUPS: Final = 5_000
OTHER_GROUPS: Final = "(all other)"
NO_VALUE: Final = "(none)"
_MOST_COMBINATIONS: Final = 1 << 62
# Values closer than this share of the larger one are called the same, as in shadow pairs.
_SAME: Final = 0.01


@dataclass(frozen=True)
class Keys:
    """Group and period of some rows.

    Attributes:
        names: the different ones; texts of the groups, and the period at the end.
        of_row: places in `names`.
    """

    names: list[tuple[str, ...]]
    of_row: NDArray[np.int64]


class GroupSums:
    """Rows, and sums of one number, by group and period."""

    def __init__(self, group_by: Sequence[str], time: str | None, every: str) -> None:
        self._group_by = tuple(group_by)
        self._time = time
        self._every = every
        self._sums: dict[tuple[str, ...], list[float]] = {}

    def add(self, keys: Keys, numbers: Floats, imputed: Floats, unknown: Floats) -> None:
        """Takes rows in.

        Args:
            keys: of `keys_of`.
            numbers: predictions, [n_rows].
            imputed: how many inputs of each row the model fills in, [n_rows].
            unknown: how many are categories that it has not learned, [n_rows].
        """
        count = len(keys.names)
        often = np.bincount(keys.of_row, minlength=count)
        weights = (numbers, numbers * numbers, imputed, unknown)
        sums = [np.bincount(keys.of_row, each, count).tolist() for each in weights]
        for key, *totals in zip(keys.names, often.astype(np.float64).tolist(), *sums, strict=True):
            self._merge(key, totals)

    def keys_of(self, columns: Mapping[str, Any], good: NDArray[np.bool_]) -> Keys:
        """Group and period of the good rows of a chunk."""
        coded = [_texts(columns[name]) for name in self._group_by]
        if self._time is not None:
            coded.append(_periods(columns[self._time], self._every))
        else:
            coded.append(Coded([""], np.zeros(len(good), dtype=np.int64)))
        coded = [each.where(good) for each in coded]
        first, of_row = _told_apart(coded)
        words = [[each.values[code] for code in each.codes[first].tolist()] for each in coded]
        return Keys(list(zip(*words, strict=True)), of_row)

    def to_json(self) -> list[list[Any]]:
        """Groups, period, rows, sum, squares, imputed, unknown; in order."""
        return [[list(key[:-1]), key[-1], *sums] for key, sums in sorted(self._sums.items())]

    def merge(self, document: Sequence[Sequence[Any]]) -> None:
        for group, period, *sums in document:
            self._merge((*group, period), sums)

    def _merge(self, key: tuple[str, ...], sums: Sequence[float]) -> None:
        if key not in self._sums and len(self._sums) >= MOST_GROUPS:
            key = (*[OTHER_GROUPS] * len(self._group_by), key[-1])
        held = self._sums.setdefault(key, [0.0] * 5)
        for place, value in enumerate(sums):
            held[place] += value


class VersionTally:
    """What is counted of one version."""

    def __init__(self, model: Model, groups: GroupSums) -> None:
        self.groups = groups
        self._model = model
        profile = model.profile
        self._features = FeatureCounter(profile, model.contract) if profile else None
        bins = profile.prediction if profile is not None else None
        self._prediction = BinCounter(bins) if bins is not None else None
        self._imputed: dict[str, int] = {}
        self._unknown: dict[str, int] = {}
        self._predicted = np.zeros(len(model.classes), dtype=np.int64)

    def add(
        self,
        keys: Keys,
        checked: Checked,
        columns: Sequence[Floats | Coded],
        outputs: Floats,
        places: NDArray[np.int64] | None,
    ) -> None:
        """Takes scored rows in; `checked` and `columns` hold the same rows as `outputs`."""
        numbers = outputs[:, self._model.output]
        imputed, unknown = np.zeros(len(numbers)), np.zeros(len(numbers))
        for name, marks in checked.imputed.items():
            imputed += marks
            self._imputed[name] = self._imputed.get(name, 0) + int(marks.sum())
        for name, marks in checked.unknown.items():
            unknown += marks
            self._unknown[name] = self._unknown.get(name, 0) + int(marks.sum())
        self.groups.add(keys, numbers, imputed, unknown)
        if places is not None:
            self._predicted += np.bincount(places, minlength=len(self._predicted))
        if self._features is not None:
            self._features.add_columns(columns)
        if self._prediction is not None:
            self._prediction.add_numbers(numbers)

    def to_json(self) -> dict[str, Any]:
        features = self._features.by_name if self._features is not None else {}
        prediction = self._prediction
        return {
            "groups": self.groups.to_json(),
            "imputed": dict(sorted(self._imputed.items())),
            "unknown": dict(sorted(self._unknown.items())),
            "classes": [str(each) for each in self._model.classes],
            "predicted": self._predicted.tolist(),
            "profile": self._model.profile_digest,
            "features": {name: _bins(counter) for name, counter in features.items()},
            "prediction": _bins(prediction) if prediction is not None else None,
        }


class PairTally:
    """What is counted of two versions on the same rows."""

    def __init__(self, classes: Sequence[Any]) -> None:
        self._place_of = {_plain(each): place for place, each in enumerate(classes)}
        if set(self._place_of) == {"0", "1"}:
            self._place_of |= {"false": 0, "true": 1}
        self._rows = self._agree = 0
        self._shift = self._squares = 0.0
        # Of rows with a label, chunk by chunk in the order of the rows: worse, alike, better.
        self._outcomes: list[list[int]] = []
        self._errors = [0.0, 0.0]  # sum and squares of the difference of absolute errors
        self._labelled = self._strange = 0
        self._right = [0, 0]

    def add(
        self,
        outputs: tuple[Floats, Floats],
        places: tuple[NDArray[np.int64] | None, NDArray[np.int64] | None],
        output: int,
        labels: Sequence[Any] | None,
    ) -> None:
        """Takes rows in: of the first version and of the other one.

        Args:
            outputs: [n_rows, n_outputs] each.
            places: predicted classes, where there are any.
            output: the number that shifts.
            labels: true values, None where not known.
        """
        first, other = (each[:, output] for each in outputs)
        self._rows += len(first)
        difference = other - first
        self._shift += float(difference.sum())
        self._squares += float((difference * difference).sum())
        if places[0] is not None and places[1] is not None:
            self._agree += int((places[0] == places[1]).sum())
        else:
            near = np.abs(difference) <= _SAME * np.maximum(np.abs(first), np.abs(other))
            self._agree += int(near.sum())
        if labels is None:
            return
        if places[0] is not None and places[1] is not None:
            self._judge_classes(places[0], places[1], labels)
        else:
            self._judge_values(first, other, labels)

    def _judge_classes(
        self, first: NDArray[np.int64], other: NDArray[np.int64], labels: Sequence[Any]
    ) -> None:
        known = np.array([each is not None for each in labels])
        truth = np.array([self._place_of.get(_plain(each), -1) for each in labels])
        self._strange += int((known & (truth < 0)).sum())
        known &= truth >= 0
        right = [(each == truth)[known].astype(np.int64) for each in (first, other)]
        self._labelled += int(known.sum())
        self._right = [
            held + int(each.sum()) for held, each in zip(self._right, right, strict=True)
        ]
        gain = right[1] - right[0]
        if len(gain):
            self._outcomes.append([int((gain == sign).sum()) for sign in (-1, 0, 1)])

    def _judge_values(self, first: Floats, other: Floats, labels: Sequence[Any]) -> None:
        truth = np.array([_value(each) for each in labels], dtype=np.float64)
        known = ~np.isnan(truth)
        self._strange += sum(each is not None for each in labels) - int(known.sum())
        self._labelled += int(known.sum())
        less = (np.abs(first - truth) - np.abs(other - truth))[known]
        self._errors[0] += float(less.sum())
        self._errors[1] += float((less * less).sum())

    def to_json(self) -> dict[str, Any]:
        return {
            "rows": self._rows,
            "agree": self._agree,
            "shift": self._shift,
            "squares": self._squares,
            "labelled": self._labelled,
            "strange": self._strange,
            "right": self._right,
            "outcomes": self._outcomes,
            "errors": self._errors,
        }


def _bins(counter: BinCounter) -> dict[str, Any]:
    return {"counts": counter.counts.tolist(), "reference": list(counter.bins.counts)}


def _told_apart(columns: Sequence[Coded]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first row of each combination of values, and which combination each row has."""
    codes, size = columns[0].codes, len(columns[0].values)
    for each in columns[1:]:
        if size * len(each.values) > _MOST_COMBINATIONS:
            found, codes = np.unique(codes, return_inverse=True)
            size = len(found)
        codes, size = codes * len(each.values) + each.codes, size * len(each.values)
    # Sorted several times faster when they are short.
    short = codes.astype(np.uint16) if size <= 1 << 16 else codes
    _, first, of_row = np.unique(short, return_index=True, return_inverse=True)
    return first, of_row


def _texts(given: Any) -> Coded:
    """Each value as a text, so that keys of all kinds meet in one document."""
    array = given if isinstance(given, pa.Array) else pa.array([_or_none(v) for v in given])
    return _spelt(array, str)


def _periods(given: Any, every: str) -> Coded:
    """The first day of each row's day, week or month."""
    array = given if isinstance(given, pa.Array) else pa.array([_or_none(v) for v in given])
    if pa.types.is_timestamp(array.type):
        array = pc.cast(array, pa.date32(), safe=False)
    return _spelt(array, lambda value: _period(value, every))


def _spelt(array: pa.Array, word_of: Callable[[Any], str]) -> Coded:
    """A word for each row, by its value."""
    if not pa.types.is_dictionary(array.type):
        array = pc.dictionary_encode(array)
    words = [NO_VALUE if v is None else word_of(v) for v in array.dictionary.to_pylist()]
    codes = np.asarray(array.indices.fill_null(len(words)), dtype=np.int64)
    return Coded([*words, NO_VALUE], codes)


def _period(value: Any, every: str) -> str:
    day = value
    if isinstance(value, str):
        try:
            day = datetime.fromisoformat(value)
        except ValueError:
            return NO_VALUE
    day = day.date() if isinstance(day, datetime) else day
    if not isinstance(day, date):
        return NO_VALUE
    if every == "week":
        day -= timedelta(days=day.weekday())
    return (day.replace(day=1) if every == "month" else day).isoformat()


def _or_none(value: Any) -> str | None:
    """Values of JSON in one kind; what is absent is null."""
    return str(value) if isinstance(value, str | int | float | bool | date) else None


def _plain(value: Any) -> str:
    """A class as labels of any kind spell it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _value(label: Any) -> float:
    try:
        return float(label)
    except (TypeError, ValueError):
        return float("nan")
