"""Counts of live values and predictions in the bins of the training data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo.contract.records import BinCounts
from dohyo_form.profile import BinCounter, Bins, FeatureCounter, Profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dohyo_form.contract import Contract
    from dohyo_form.intake import Row

# Rows are counted so many at a time: a column at once costs a tenth of value by value.
BUFFERED_ROWS: Final = 256
_TENTHS: Final = Bins(tuple(place / 10 for place in range(1, 10)), (), (0,) * 11)


class Drift:
    """Counts clients' requests and mirrored copies apart, cumulative since the start."""

    def __init__(
        self, contract: Contract | None, profile: Profile | None, digest: str = ""
    ) -> None:
        self.profile = digest
        self._live = _Counts(contract, profile)
        self._shadow = _Counts(contract, profile)

    def add(self, values: Any, outputs: NDArray[np.float64], *, shadow: bool) -> None:
        """Takes note of some rows and their predictions.

        Args:
            values: rows as the intake gives them, or the checked matrix, [n_rows, n_fields].
            outputs: [n_rows, n_outputs].
            shadow: whether they came as a copy.
        """
        (self._shadow if shadow else self._live).add(values, outputs)

    def feature_counts(self) -> Iterator[tuple[str, Bins, Sequence[int]]]:
        self._live.settle()
        for name, counter in self._live.features.items():
            yield name, counter.bins, counter.counts.tolist()

    def prediction_counts(self) -> tuple[Bins, Sequence[int]]:
        self._live.settle()
        return self._live.prediction.bins, self._live.prediction.counts.tolist()

    def window(self, *, shadow: bool) -> tuple[dict[str, BinCounts], BinCounts]:
        """What was counted since the last window."""
        return (self._shadow if shadow else self._live).window()


class _Counts:
    def __init__(self, contract: Contract | None, profile: Profile | None) -> None:
        counted = profile is not None and contract is not None
        self._features = FeatureCounter(profile, contract) if profile and contract else None
        self.features = self._features.by_name if self._features else {}
        bins = profile.prediction if profile and profile.prediction else _TENTHS
        self._output = profile.output if counted and profile else -1
        self.prediction = BinCounter(bins)
        self._rows: list[Row] = []
        self._matrices: list[NDArray[np.float64]] = []
        self._outputs: list[NDArray[np.float64]] = []
        self._buffered = 0
        self._taken: dict[str, NDArray[np.int64]] = {}

    def add(self, values: Any, outputs: NDArray[np.float64]) -> None:
        if self._features is not None:
            if isinstance(values, np.ndarray):
                self._matrices.append(values)
            else:
                self._rows.extend(values)
        self._outputs.append(outputs)
        self._buffered += len(outputs)
        if self._buffered >= BUFFERED_ROWS:
            self.settle()

    def settle(self) -> None:
        """Counts what is buffered."""
        if not self._buffered:
            return
        rows, matrices, outputs = self._rows, self._matrices, self._outputs
        self._rows, self._matrices, self._outputs, self._buffered = [], [], [], 0
        if self._features is not None:
            if rows:
                self._features.add_rows(rows)
            if matrices:
                self._features.add_matrix(np.concatenate(matrices))
        self.prediction.add_numbers(np.concatenate([each[:, self._output] for each in outputs]))

    def window(self) -> tuple[dict[str, BinCounts], BinCounts]:
        self.settle()
        features = {name: self._since(name, counter) for name, counter in self.features.items()}
        return features, self._since("", self.prediction)

    def _since(self, name: str, counter: BinCounter) -> BinCounts:
        before = self._taken.get(name, 0)
        self._taken[name] = counter.counts.copy()
        return BinCounts(tuple((counter.counts - before).tolist()), counter.bins.counts)
