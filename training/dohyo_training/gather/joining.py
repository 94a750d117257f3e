"""Several sources → one table, each row of the first source once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from dohyo_training.complaint import DataComplaint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dohyo_training.config.data import Source


def joined(
    sources: Sequence[Source], frames: Sequence[pd.DataFrame]
) -> tuple[pd.DataFrame, list[str]]:
    """Joins each further table to the first one.

    Returns the table, and sentences on rows without a partner.

    Raises:
        DataComplaint: a key is missing, of another type, or names several rows.
    """
    table, notes = frames[0], []
    for source, frame in zip(sources[1:], frames[1:], strict=True):
        _check(source, table, frame, sources[0].name)
        before = len(table)
        table = table.merge(
            frame, on=list(source.key), how="left", indicator="_from", validate="many_to_one"
        )
        alone = table["_from"] == "left_only"
        if source.join == "inner":
            table = table[~alone]
        table = table.drop(columns="_from").reset_index(drop=True)
        if alone.any():
            fate = "left out" if source.join == "inner" else "kept with missing values"
            notes.append(
                f"{int(alone.sum())} of {before} rows have no partner in {source.name!r} and were "
                f"{fate}."
            )
    if table.empty:
        raise DataComplaint("the join of the sources left no row; compare the values of the keys")
    return table, notes


def _check(source: Source, table: pd.DataFrame, frame: pd.DataFrame, first: str) -> None:
    where = f"source {source.name!r}"
    for name in source.key:
        if name not in table.columns:
            raise DataComplaint(f"{where}: the key {name!r} is no column of {first!r}")
        kinds = [pd.api.types.is_numeric_dtype(side[name].dtype) for side in (table, frame)]
        if kinds[0] != kinds[1]:
            raise DataComplaint(
                f"{where}: the key {name!r} is a number on one side and a text on the other; "
                "write it the same way in both"
            )
    twice = frame[list(source.key)].duplicated()
    if twice.any():
        example = frame.loc[twice, list(source.key)].iloc[0].to_dict()
        raise DataComplaint(
            f"{where}: {int(twice.sum())} rows repeat a key, such as {example}; a joined source "
            "has one row for each key"
        )
    shared = [name for name in frame.columns if name in table.columns and name not in source.key]
    if shared:
        raise DataComplaint(
            f"{where}: column {shared[0]!r} is in an earlier source as well; name the ones to "
            "read in `columns`"
        )
