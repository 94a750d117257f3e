"""`profile.json`: how the training data fell into bins, and how to count a window alike.

Bins are frozen at training, so that counts of any processes and any times add up.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_form.columns import Coded
from dohyo_form.contract import CATEGORY, TEXT
from dohyo_form.errors import FormError
from dohyo_form.program import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from dohyo_form.contract import Contract, Field
    from dohyo_form.intake import Row

PROFILE_FORMAT: Final = 1
# So many numbers are compared with each edge faster than each of them is searched for, unless
# there are more edges than this.
_MANY_NUMBERS: Final = 512
_FEW_EDGES: Final = 64
_DAYS: Final = PARTS["days-since-1970"]
_MOST_VALUES: Final = 50


@dataclass(frozen=True)
class Bins:
    """The bins of one feature, or of the prediction.

    Attributes:
        edges: of numbers, rising; a number on an edge belongs to the bin above. Dates are days
            since 1970.
        values: of a category; every other value falls into the bin after them.
        counts: of the training data. The last bin counts what was missing.
    """

    edges: tuple[float, ...]
    values: tuple[Any, ...]
    counts: tuple[int, ...]

    @property
    def labels(self) -> list[str]:
        """A name for each bin, such as `<5`, `5..7`, `>=7`, `missing`."""
        if self.values:
            return [*map(str, self.values), "other", "missing"]
        if not self.edges:
            return ["all", "missing"]
        shown = [f"{edge:.6g}" for edge in self.edges]
        between = [f"{low}..{high}" for low, high in pairwise(shown)]
        return [f"<{shown[0]}", *between, f">={shown[-1]}", "missing"]


@dataclass(frozen=True)
class Profile:
    """The training data's bins.

    Attributes:
        features: by field name.
        prediction: of one output; None when it was not recorded.
        output: which output that is.
    """

    features: Mapping[str, Bins]
    prediction: Bins | None = None
    output: int = -1


def profile_to_json(profile: Profile) -> dict[str, Any]:
    document: dict[str, Any] = {
        "format": PROFILE_FORMAT,
        "features": {name: _bins_to_json(bins) for name, bins in profile.features.items()},
    }
    if profile.prediction is not None:
        document["prediction"] = {**_bins_to_json(profile.prediction), "output": profile.output}
    return document


def profile_from_json(document: Mapping[str, Any]) -> Profile:
    """The inverse of `profile_to_json`; other keys are for other readers.

    Raises:
        FormError: names the feature.
    """
    known = document.get("format")
    if known != PROFILE_FORMAT:
        raise FormError(f"profile.json: format {known!r} is unknown; this reads {PROFILE_FORMAT}")
    prediction = document.get("prediction")
    return Profile(
        {
            name: _bins_from_json(bins, f"features.{name}")
            for name, bins in document.get("features", {}).items()
        },
        None if prediction is None else _bins_from_json(prediction, "prediction"),
        -1 if prediction is None else int(prediction.get("output", -1)),
    )


class BinCounter:
    """Counts values into bins; of one thread."""

    def __init__(self, bins: Bins) -> None:
        self.bins = bins
        self.counts = np.zeros(len(bins.counts), dtype=np.int64)
        self._edges = np.array(bins.edges)
        self._lows = np.array([-np.inf, *bins.edges])[:, np.newaxis]
        self._index = {value: place for place, value in enumerate(bins.values)}
        self._other, self._missing = len(bins.counts) - 2, len(bins.counts) - 1

    def add_numbers(self, numbers: NDArray[np.float64]) -> None:
        """Not-a-number is what was missing."""
        if len(numbers) >= _MANY_NUMBERS and len(self._edges) <= _FEW_EDGES:
            self._compare(numbers)
            return
        places = np.searchsorted(self._edges, numbers, side="right")
        places[np.isnan(numbers)] = self._missing
        self.counts += np.bincount(places, minlength=len(self.counts))

    def _compare(self, numbers: NDArray[np.float64]) -> None:
        """All edges at once; not-a-number is at least nothing, not even minus infinity."""
        at_least = [int(np.count_nonzero(row)) for row in numbers >= self._lows]
        self.counts[: len(at_least)] += np.subtract(at_least, [*at_least[1:], 0])
        self.counts[self._missing] += len(numbers) - at_least[0]

    def add_values(self, values: Sequence[Any]) -> None:
        """Categories, dates or numbers as the intake gives them; None is what was missing."""
        if self.bins.edges:
            self.add_numbers(np.array([_number(value) for value in values], dtype=np.float64))
            return
        if not self._index:  # a feature of which training knew nothing
            values = [None if _is_missing(value) else value for value in values]
        get, other, missing = self._index.get, self._other, self._missing
        places = [missing if value is None else get(value, other) for value in values]
        self.counts += np.bincount(places, minlength=len(self.counts))

    def add_column(self, column: NDArray[np.float64] | Coded) -> None:
        """A whole column: each different value is looked up once."""
        if not isinstance(column, Coded):
            if not self._index:
                self.add_numbers(column)
                return
            column = Coded(column.tolist(), np.arange(len(column)))
        often = np.bincount(column.codes + 1, minlength=len(column.values) + 1)
        of = self._place_of
        places = np.array([self._missing, *(of(value) for value in column.values)])
        self.counts += np.bincount(places, often, len(self.counts)).astype(np.int64)

    def _place_of(self, value: Any) -> int:
        if self.bins.edges:
            return bisect_right(self.bins.edges, _number(value))
        return self._index.get(value, self._other)

    def take(self) -> tuple[int, ...]:
        """The counts since the last call."""
        counts = tuple(self.counts.tolist())
        self.counts[:] = 0
        return counts


class FeatureCounter:
    """Counts rows into the bins of all features of a profile."""

    def __init__(self, profile: Profile, contract: Contract) -> None:
        self._places = [
            (place, BinCounter(profile.features[name]))
            for place, name in enumerate(contract.names)
            if name in profile.features
        ]
        self.by_name = {contract.names[place]: counter for place, counter in self._places}

    def add_rows(self, rows: Sequence[Row]) -> None:
        columns = list(zip(*rows, strict=True))
        for place, counter in self._places:
            counter.add_values(columns[place])

    def add_matrix(self, matrix: NDArray[np.float64]) -> None:
        for place, counter in self._places:
            counter.add_numbers(matrix[:, place])

    def add_columns(self, columns: Sequence[NDArray[np.float64] | Coded]) -> None:
        for place, counter in self._places:
            counter.add_column(columns[place])


def number_bins(numbers: NDArray[np.float64], bins: int = 20) -> Bins:
    """Bins of about equally many numbers; not-a-number is missing. Shape [n]."""
    present = numbers[~np.isnan(numbers)]
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    edges = tuple(sorted(set(np.quantile(present, inner).tolist()))) if len(present) else ()
    places = [bisect_right(edges, number) for number in present.tolist()]
    counts = np.bincount(np.array(places, dtype=np.int64), minlength=len(edges) + 1)
    return Bins(edges, (), (*counts.tolist(), len(numbers) - len(present)))


def _category_bins(frequency: Counter[Any]) -> Bins:
    """A bin for each of the most frequent values, one for all others; None is missing."""
    missing = frequency.pop(None, 0)
    ranked = sorted(frequency, key=lambda value: (-frequency[value], str(value)))
    kept, rest = ranked[:_MOST_VALUES], ranked[_MOST_VALUES:]
    counts = [frequency[value] for value in kept]
    return Bins((), tuple(kept), (*counts, sum(frequency[value] for value in rest), missing))


def profile_of(
    rows: Sequence[Row], contract: Contract, predictions: NDArray[np.float64] | None = None
) -> Profile:
    """The profile of some rows as the intake gives them, and of one output, [n_rows]."""
    return profile_of_parts([rows], contract, predictions)


def profile_of_parts(
    parts: Iterable[Sequence[Row]],
    contract: Contract,
    predictions: NDArray[np.float64] | None = None,
) -> Profile:
    """The same of rows that come part by part: of each only its numbers and counts are kept."""
    numbers = {each.name: array("d") for each in contract.fields if not _has_levels(each)}
    levels: dict[str, Counter[Any]] = {
        each.name: Counter() for each in contract.fields if _has_levels(each)
    }
    for rows in parts:
        for name, column in zip(contract.names, zip(*rows, strict=True), strict=True):
            if name in levels:
                levels[name].update(column)
            else:
                numbers[name].extend(map(_number, column))
    features = {
        name: _category_bins(levels[name])
        if name in levels
        else number_bins(np.array(numbers[name]))
        for name in contract.names
    }
    return Profile(features, None if predictions is None else number_bins(predictions))


def _has_levels(field: Field) -> bool:
    return field.kind in (CATEGORY, TEXT)


def _is_missing(value: Any) -> bool:
    return value is None or bool(value != value)  # noqa: PLR0124 - not-a-number


def _number(value: Any) -> float:
    if isinstance(value, datetime):
        return _DAYS(value)
    return math.nan if value is None else float(value)


def _bins_to_json(bins: Bins) -> dict[str, Any]:
    kept = {"edges": list(bins.edges)} if not bins.values else {"values": list(bins.values)}
    return {**kept, "counts": list(bins.counts)}


def _bins_from_json(document: Mapping[str, Any], place: str) -> Bins:
    try:
        bins = Bins(
            tuple(map(float, document.get("edges", ()))),
            tuple(document.get("values", ())),
            tuple(map(int, document["counts"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormError(f"profile.json: {place} is malformed: {error!r}") from error
    needed = len(bins.values) + 2 if bins.values else len(bins.edges) + 2
    if len(bins.counts) != needed or list(bins.edges) != sorted(bins.edges):
        raise FormError(f"profile.json: {place}: {len(bins.counts)} counts, {needed} are needed")
    return bins
