"""What is declared about a source against what its rows say."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pandas as pd
from pandas.api import types

from dohyo_training.complaint import DataComplaint
from dohyo_training.gather.reading import location
from dohyo_training.gather.values import date
from dohyo_training.table import Check, DataSheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, timedelta

    from dohyo_training.config import Column, RunConfig
    from dohyo_training.config.data import Source


def data_sheet(config: RunConfig, source: Source, frame: pd.DataFrame, now: datetime) -> DataSheet:
    """Measures a source as it was read, and keeps its promises.

    Args:
        config: of the run.
        source: of the configuration.
        frame: its rows as read.
        now: with a time zone.

    Raises:
        DataComplaint: it is older, smaller or less complete than declared.
    """
    filled = frame.notna().mean()
    newest = _newest(source, frame, config)
    checks = [
        *_freshness(source, newest, now),
        *_completeness(source, filled, len(frame)),
        *_cleanliness(frame),
        *_cost(source, len(frame)),
        *_bias(source, frame),
    ]
    _stop(source, checks)
    return DataSheet(
        source=source.name,
        kind=source.kind,
        location=location(source),
        declared=source.sheet.model_dump(mode="json", exclude_defaults=True),
        rows=len(frame),
        columns=tuple(map(str, frame.columns)),
        completeness={str(name): round(float(share), 6) for name, share in filled.items()},
        newest=newest.isoformat() if newest is not None else None,
        checks=tuple(check for check, _ in checks),
        digest=digest(frame),
    )


def _hashable(values: pd.Series) -> pd.Series:
    """Mixed types have no common hash, their texts have."""
    return values.map(repr, na_action="ignore") if values.dtype == object else values


def _hashes(frame: pd.DataFrame) -> pd.Series:
    """64 bits for each row; texts of all cells would take several times the table."""
    columns = {name: _hashable(frame[name]) for name in frame.columns}
    return pd.util.hash_pandas_object(pd.DataFrame(columns), index=False)


def digest(frame: pd.DataFrame) -> str:
    """SHA-256 over names, types and values, in order."""
    sha = hashlib.sha256()
    for name in frame.columns:
        values = _hashable(frame[name])
        sha.update(f"{name}\0{values.dtype}\0".encode())
        sha.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
    return sha.hexdigest()


# A check, and whether its failure stops the run.
_Found = tuple[Check, bool]


def _stop(source: Source, checks: list[_Found]) -> None:
    failed = [check for check, stops in checks if stops and check.passed is False]
    if failed:
        raise DataComplaint(
            "\n".join(
                f"source {source.name!r}: {check.what} is {check.measured}, declared is "
                f"{check.declared}; mend the source, or change its `sheet`"
                for check in failed
            )
        )


def _newest(source: Source, frame: pd.DataFrame, config: RunConfig) -> pd.Timestamp | None:
    name = source.sheet.fresh_by
    if name is None:
        return None
    if name not in frame.columns:
        raise DataComplaint(f"source {source.name!r}: sheet.fresh_by {name!r} is no column of it")
    column: Column = config.column(name)
    newest = date(name, frame[name], column).max()
    if pd.isna(newest):
        raise DataComplaint(f"source {source.name!r}: sheet.fresh_by {name!r} holds no date")
    return pd.Timestamp(newest)


def _freshness(source: Source, newest: pd.Timestamp | None, now: datetime) -> Iterator[_Found]:
    sheet = source.sheet
    if newest is None:
        return
    age: timedelta = now - newest.tz_localize("UTC").to_pydatetime()
    bound = sheet.max_age or (2 * sheet.update_frequency if sheet.update_frequency else None)
    declared = f"at most {_days(bound)}" if bound else ""
    passed = None if bound is None else age <= bound
    measured = f"{_days(age)} ({newest.date().isoformat()} is the newest {sheet.fresh_by})"
    yield Check("age of the newest row", declared, measured, passed), True


def _days(span: timedelta) -> str:
    return f"{span.total_seconds() / 86400:.1f} days"


def _completeness(source: Source, filled: Mapping[str, float], rows: int) -> Iterator[_Found]:
    sheet = source.sheet
    overall = float(pd.Series(filled).mean())
    yield _share("completeness of all cells", overall, sheet.min_completeness), True
    for name, bound in sheet.min_column_completeness.items():
        if name not in filled:
            raise DataComplaint(f"source {source.name!r}: sheet names {name!r}, no column of it")
        yield _share(f"completeness of {name}", float(filled[name]), bound), True
    yield Check("rows", f"at least {sheet.min_rows}", f"{rows}", rows >= sheet.min_rows), True


def _share(what: str, measured: float, bound: float) -> Check:
    declared = f"at least {bound:.1%}" if bound else ""
    return Check(what, declared, f"{measured:.1%}", measured >= bound if bound else None)


def _cleanliness(frame: pd.DataFrame) -> Iterator[_Found]:
    twice = int(_hashes(frame).duplicated().sum())
    yield Check("rows that stand twice", "", f"{twice} of {len(frame)}", None), False
    for name in frame.columns:
        if types.is_numeric_dtype(frame[name].dtype) or types.is_datetime64_any_dtype(frame[name]):
            continue
        levels = pd.Series(frame[name].dropna().astype(str).unique())
        same = len(levels) - levels.str.strip().str.lower().nunique()
        if same:
            text = f"{same} levels differ from another only by case or blanks"
            yield Check(f"spelling of {name}", "", text, None), False


def _cost(source: Source, rows: int) -> Iterator[_Found]:
    cost = source.sheet.cost
    if cost is None:
        return
    amount = cost.amount * rows / 1000 if cost.per == "1000 rows" else cost.amount
    per = "" if cost.per in ("run", "1000 rows") else f" per {cost.per}"
    declared = f"budget {cost.budget:g} {cost.currency}" if cost.budget is not None else ""
    passed = None if cost.budget is None else amount <= cost.budget
    yield Check("cost", declared, f"{amount:g} {cost.currency}{per}", passed), False


def _bias(source: Source, frame: pd.DataFrame) -> Iterator[_Found]:
    for reference in source.sheet.references:
        if reference.column not in frame.columns:
            raise DataComplaint(
                f"source {source.name!r}: the reference {reference.column!r} is no column of it"
            )
        shares = frame[reference.column].astype(str).value_counts(normalize=True)
        for level, declared in reference.shares.items():
            share = float(shares.get(level, 0.0))
            passed = abs(share - declared) <= reference.tolerance
            what = f"share of {reference.column} = {level}"
            text = f"{declared:.1%} in the population, ± {reference.tolerance:.1%}"
            yield Check(what, text, f"{share:.1%}", passed), False
