"""The contract of the joined table: inferred once, kept in version control, enforced later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandera.pandas as pa

from dohyo_training.complaint import DataComplaint

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from dohyo_training.config import RunConfig

# Categories with more levels than this may get new ones without breaking the contract.
_LISTED_LEVELS: Final = 30
_EXAMPLES: Final = 3
_HEAD: Final = (
    "# The contract of the table, inferred from the first data and enforced since.\n"
    "# Widen or narrow it by hand; delete it to have it inferred anew.\n"
)


def hold_to_contract(config: RunConfig, frame: pd.DataFrame, path: Path) -> str:
    """Writes the contract when there is none, else enforces it.

    Returns a sentence for the report.

    Raises:
        DataComplaint: with each violation: column, rule, count and examples.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_HEAD + str(inferred(config, frame).to_yaml()))
        return f"The contract {path.name} was inferred and written; keep it in version control."
    try:
        contract = pa.DataFrameSchema.from_yaml(path)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataComplaint(f"{path}: is no contract of pandera: {reason}") from None
    try:
        contract.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise DataComplaint("\n".join(_violations(error.failure_cases, path))) from None
    return f"The table keeps the contract {path.name}."


def inferred(config: RunConfig, frame: pd.DataFrame) -> pa.DataFrameSchema:
    """What holds for the rows at hand, with room for others of the same kind.

    A number may go beyond its range by the width of that range, but not below zero if it never
    did; the hard bounds of the configuration go before.
    """
    columns = {str(name): _column(config, frame[name]) for name in frame.columns}
    return pa.DataFrameSchema(columns, strict=False)


def _column(config: RunConfig, values: pd.Series) -> pa.Column:
    nullable = bool(values.isna().any())
    dtype: Any = "object" if values.dtype == object else str(values.dtype)
    return pa.Column(dtype, _check(config, values), nullable=nullable, name=str(values.name))


def _check(config: RunConfig, values: pd.Series) -> pa.Check | None:
    declared = config.column(str(values.name))
    if values.dtype == object:
        levels = sorted(values.dropna().unique(), key=str)
        return pa.Check.isin(levels) if 0 < len(levels) <= _LISTED_LEVELS else None
    if values.dtype.kind not in "fi" or not values.notna().any():
        return None
    low, high = float(values.min()), float(values.max())
    room = high - low
    wide = low - room if low < 0 else max(0.0, low - room)
    lowest = declared.min if declared.min is not None else wide
    highest = declared.max if declared.max is not None else high + room
    return pa.Check.in_range(lowest, highest)


def _violations(cases: pd.DataFrame, path: Path) -> list[str]:
    """One line for each column and rule that was broken."""
    lines = []
    for (column, rule), group in cases.groupby(["column", "check"], dropna=False, sort=False):
        if rule == "column_in_dataframe":
            lines.append(f"{path}: column {group['failure_case'].iloc[0]!r} is missing")
            continue
        shown = ", ".join(
            f"row {int(row) + 1}: {value!r}" if np.isfinite(row) else repr(value)
            for row, value in zip(
                group["index"].fillna(np.nan).astype(float)[:_EXAMPLES],
                group["failure_case"][:_EXAMPLES],
                strict=True,
            )
        )
        lines.append(
            f"{path}: column {column!r} breaks {rule} in {len(group)} rows ({shown}); mend the "
            "source, or change the contract"
        )
    return lines
