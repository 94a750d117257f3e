"""What the rows must keep once they are typed: keys, dates, bounds and fillings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dohyo_training.complaint import DataComplaint

if TYPE_CHECKING:
    import pandas as pd

    from dohyo_training.config import RunConfig
    from dohyo_training.table import Kind


def check_rows(config: RunConfig, frame: pd.DataFrame, kinds: dict[str, Kind]) -> None:
    """Looks at the joined and typed rows.

    Raises:
        DataComplaint: a key stands twice, a date of an event is missing, or a column is empty,
            has gaps that it may not have, or goes beyond its bounds.
    """
    key = list(config.task.key)
    if key and frame.duplicated(key).any():
        twice = frame.duplicated(key)
        example = frame.loc[twice, key].iloc[0].to_dict()
        raise DataComplaint(
            f"{int(twice.sum())} rows repeat the key of task.key, such as {example}; each row "
            "needs a key of its own"
        )
    event = config.task.event_date
    if event is not None and frame[event].isna().any():
        raise DataComplaint(
            f"task.event_date {event!r} is missing in {int(frame[event].isna().sum())} rows; "
            "without it they stand nowhere in time"
        )
    for name in kinds:
        _check_column(config, frame[name])


def _check_column(config: RunConfig, values: pd.Series) -> None:
    name = str(values.name)
    column = config.column(name)
    if values.isna().all():
        raise DataComplaint(
            f"column {name!r} has no value in any row; mend the source, or set `use: forbidden` "
            "with the reason"
        )
    if column.missing == "refuse" and values.isna().any():
        raise DataComplaint(
            f"column {name!r} is missing in {int(values.isna().sum())} rows, and `missing` is "
            "refuse"
        )
    if values.dtype.kind != "f":
        return
    low = values < (column.min if column.min is not None else -np.inf)
    high = values > (column.max if column.max is not None else np.inf)
    for bound, wrong in (("min", low), ("max", high)):
        if wrong.any():
            raise DataComplaint(
                f"column {name!r}: {int(wrong.sum())} rows are beyond {bound} "
                f"{getattr(column, bound):g}, such as {values[wrong].iloc[0]:g}; mend the source, "
                "or the bound"
            )
