"""Groups of a chunk, whatever kind and however many values they have."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from dohyo_batch.tally import NO_VALUE, GroupSums


def test_rows_are_summed_by_group_and_period() -> None:
    columns = {
        "shop": pa.array(["a", None, "a", "b", "a"]),
        "size": pa.array([1, 1, 1, 2, 1]),
        "day": pa.array([date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 29), None] * 2)[:5],
    }
    good = np.array([True, True, True, True, False])
    sums = GroupSums(("shop", "size"), "day", "week")
    keys = sums.keys_of(columns, good)
    ones = np.ones(4)
    sums.add(keys, np.array([1.0, 2.0, 4.0, 8.0]), ones, ones * 0)

    assert sums.to_json() == [
        [[NO_VALUE, "1"], "2026-11-23", 1, 2, 4, 1, 0],
        [["a", "1"], "2026-11-23", 2, 5, 17, 2, 0],
        [["b", "2"], NO_VALUE, 1, 8, 64, 1, 0],
    ]


def test_many_fields_of_many_values_are_told_apart() -> None:
    length = 8_192
    chance = np.random.default_rng(1)
    columns = {f"f{n}": pa.array(chance.permutation(length)) for n in range(6)}
    sums = GroupSums(tuple(columns), None, "day")
    keys = sums.keys_of(columns, np.ones(length, dtype=bool))

    told = [keys.names[place] for place in keys.of_row.tolist()]
    rows = zip(*(column.to_pylist() for column in columns.values()), strict=True)
    assert told == [(*map(str, row), "") for row in rows]
