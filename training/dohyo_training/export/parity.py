"""Whether the form answers what the pipeline answers, on rows that were meant to break it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier

from dohyo_form.contract import BOOLEAN, CATEGORY, DATE, INTEGER, NUMBER, OTHER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from dohyo_form.contract import Contract, Field
    from dohyo_form.form import Form
    from dohyo_form.intake import Row

Record = dict[str, Any]


@dataclass(frozen=True)
class Parity:
    """The largest difference between both, and how many rows got another label.

    Attributes:
        rows: compared.
        largest: absolute difference of any output.
        flips: rows with another label although the outputs are not within `tolerance`.
    """

    rows: int
    largest: float
    flips: int

    def to_json(self) -> dict[str, Any]:
        return {"rows": self.rows, "largestDifference": self.largest, "flips": self.flips}


def compare(form: Form, pipeline: Any, records: Sequence[Record]) -> Parity:
    """Answers every record by both, in a batch and the first hundred one by one."""
    rows = form.intake.records(records)
    expected = outputs_of(pipeline, rows, form.contract)
    got = form.predict(rows)
    single = np.concatenate([form.predict([row]) for row in rows[:100]])
    largest = max(_largest(got, expected), _largest(single, expected[:100]))
    flips = 0
    if is_classifier(pipeline):
        differ = got.argmax(axis=1) != expected.argmax(axis=1)
        near = np.sort(expected, axis=1)
        flips = int((differ & (near[:, -1] - near[:, -2] > 2 * form.tolerance)).sum())
    return Parity(len(rows), largest, flips)


def outputs_of(pipeline: Any, rows: Sequence[Row], contract: Contract) -> NDArray[np.float64]:
    """The pipeline's own probabilities or values, [n_rows, n_outputs]."""
    table = table_of(pipeline, rows, contract)
    if is_classifier(pipeline):
        return np.asarray(pipeline.predict_proba(table), dtype=np.float64)
    return np.asarray(pipeline.predict(table), dtype=np.float64).reshape(len(rows), -1)


def table_of(pipeline: Any, rows: Sequence[Row], contract: Contract) -> Any:
    """Rows as the pipeline was fitted with: a frame with names, or a matrix."""
    if not hasattr(pipeline, "feature_names_in_"):
        return np.array([[np.nan if v is None else v for v in row] for row in rows])
    import pandas as pd  # noqa: PLC0415 - pipelines of matrices need it not

    columns = zip(*rows, strict=True)
    data = {}
    for field, column in zip(contract.fields, columns, strict=True):
        dtype = "float64" if field.kind in (NUMBER, INTEGER, BOOLEAN) else None
        values = pd.Series(column, dtype=dtype or "object")
        data[field.name] = pd.to_datetime(values) if field.kind == DATE else values
    return pd.DataFrame(data)


def mutated(records: Sequence[Record], contract: Contract, seed: int) -> Iterator[Record]:
    """Records with one field each set to null, to something unseen, or to an extreme."""
    chance = np.random.default_rng(seed)
    for record in records:
        field = contract.fields[int(chance.integers(len(contract.fields)))]
        odd = _odd_values(field, records, chance)
        if odd:
            yield {**record, field.name: odd[int(chance.integers(len(odd)))]}


def _odd_values(
    field: Field, records: Sequence[Mapping[str, Any]], chance: np.random.Generator
) -> list[Any]:
    odd: list[Any] = [None] if field.nullable else []
    if field.kind == NUMBER:
        seen = [v for record in records[:500] if (v := record.get(field.name)) is not None]
        pair = chance.choice(np.array(seen, dtype=np.float64), 2)
        low, high = field.hard
        extremes = [min(seen) - 1e3, max(seen) + 1e6, 0.0, float(pair.mean())]
        # Where trees split: between two values, and one step of the format beside them.
        extremes += [float(np.nextafter(v, np.inf)) for v in pair]
        odd += [v for v in extremes if (low is None or v >= low) and (high is None or v <= high)]
    elif field.kind == CATEGORY:
        odd += list(field.categories)
        if field.unknown == OTHER and all(isinstance(v, str) for v in field.categories):
            odd += ["never seen before", ""]
    return odd


def _largest(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    if one.shape != other.shape:
        return float("inf")
    # Not-a-number must stand on both sides.
    apart = np.where(np.isnan(one) & np.isnan(other), 0.0, np.abs(one - other))
    return float(np.max(np.nan_to_num(apart, nan=np.inf), initial=0.0))
