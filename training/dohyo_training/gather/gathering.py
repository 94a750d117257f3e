"""All sources → the table of a run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dohyo_training.complaint import DataComplaint
from dohyo_training.config.checks import misfits
from dohyo_training.gather.checks import check_rows
from dohyo_training.gather.joining import joined
from dohyo_training.gather.memory import MemoryBound, table_bytes
from dohyo_training.gather.outcome import outcome
from dohyo_training.gather.reading import read
from dohyo_training.gather.schema import hold_to_contract
from dohyo_training.gather.sheets import data_sheet, digest
from dohyo_training.gather.values import number, typed
from dohyo_training.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    import pandas as pd

    from dohyo_training.config import RunConfig
    from dohyo_training.config.data import Source
    from dohyo_training.table import Kind, Role


def gather(config: RunConfig, *, base: Path, now: datetime) -> Table:
    """Reads, checks and joins all sources.

    Args:
        config: of the run.
        base: the folder that relative paths start from, that of the configuration.
        now: with a time zone; ages are counted up to here.

    Raises:
        DataComplaint: a source cannot be read or used, is older than declared, is less complete
            than declared, is larger than `data.memory`, or breaks its contract; each in one
            sentence with the way out.
    """
    frames = _read(config, base)
    sources = config.data.sources
    sheets = tuple(map(partial(data_sheet, config, now=now), sources, frames))
    raw, notes = joined(sources, frames)
    MemoryBound("joined table", config.data.memory).check(table_bytes(raw), f"{len(raw)} rows")
    roles = _roles(config, raw)
    target = outcome(config, _present(config, raw)[config.task.target])
    for place, text in misfits(config, target.task):
        raise DataComplaint(f"{'.'.join(map(str, place))}: {text}")
    frame, kinds = _typed(config, raw[target.known], roles)
    frame[config.task.target] = target.labels
    if unknown := int((~target.known).sum()):
        notes.append(f"{unknown} of {len(raw)} rows have no outcome and were left out.")
    frame = _ordered(config, frame)
    check_rows(config, frame, kinds)
    if config.data.schema_file is not None:
        shown = frame.drop(columns=config.task.target)
        notes.append(hold_to_contract(config, shown, base / config.data.schema_file))
    return Table(
        frame=frame,
        roles=roles,
        kinds=kinds,
        task=target.task,
        target=config.task.target,
        classes=target.classes,
        features=_features(config, roles),
        sheets=sheets,
        notes=tuple(notes),
        digest=digest(frame),
    )


def _read(config: RunConfig, base: Path) -> list[pd.DataFrame]:
    """Each source as it stands there, without what may not be read."""
    needed = _needed(config)

    def wanted(name: str) -> bool:
        return name in needed or config.column(name).use != "forbidden"

    return [
        read(source, base, _chosen(source, wanted, needed), config.data.memory)
        for source in config.data.sources
    ]


def _chosen(
    source: Source, wanted: Callable[[str], bool], needed: set[str]
) -> Callable[[str], bool]:
    """Those of `columns`, where a source lists them, among the wanted ones."""
    if not source.columns:
        return wanted
    listed = {*source.columns, *source.key, *needed}
    return lambda name: name in listed and wanted(name)


def _needed(config: RunConfig) -> set[str]:
    """Columns that the run cannot do without, whatever is said about unlisted ones."""
    names = {name for name, _ in config.set_aside()}
    names |= {config.task.event_date} if config.task.event_date else set()
    for source in config.data.sources:
        names |= set(source.key)
        names |= {source.sheet.fresh_by} if source.sheet.fresh_by else set()
    forbidden = {name for name, column in config.columns.items() if column.use == "forbidden"}
    return names - forbidden


def _present(config: RunConfig, raw: pd.DataFrame) -> pd.DataFrame:
    """The table, if it has every column that the configuration gives a role."""
    there = ", ".join(map(str, list(raw.columns)[:20]))
    named = {
        **{name: f"the {role}" for name, role in config.set_aside()},
        **({config.task.event_date: "task.event_date"} if config.task.event_date else {}),
    }
    for name, role in named.items():
        if name not in raw.columns:
            raise DataComplaint(f"{role} {name!r} is no column of the data; they have {there}")
    for name, column in config.columns.items():
        if name not in raw.columns and column.use != "forbidden":
            raise DataComplaint(f"columns.{name}: is no column of the data; they have {there}")
    return raw


def _roles(config: RunConfig, raw: pd.DataFrame) -> dict[str, Role]:
    aside = dict(config.set_aside())
    keys = {name for source in config.data.sources for name in source.key}
    roles: dict[str, Role] = {}
    for name in map(str, raw.columns):
        if name in aside:
            roles[name] = aside[name]  # type: ignore[assignment]
        elif name == config.task.event_date:
            roles[name] = "event_date"
        elif config.column(name).use == "audit-only":
            roles[name] = "audit-only"
        elif name in keys and name not in config.columns:
            roles[name] = "key"
        elif config.column(name).use == "feature":
            roles[name] = "feature"
        else:
            # Read only to tell how fresh the source is.
            continue
    return roles


def _features(config: RunConfig, roles: dict[str, Role]) -> tuple[str, ...]:
    """Features and, unless it is for audit only, the date of the event."""
    return tuple(
        name
        for name, role in roles.items()
        if role == "feature" or (role == "event_date" and config.column(name).use == "feature")
    )


def _typed(
    config: RunConfig, raw: pd.DataFrame, roles: dict[str, Role]
) -> tuple[pd.DataFrame, dict[str, Kind]]:
    kinds: dict[str, Kind] = {}
    columns: dict[str, pd.Series] = {}
    for name, role in roles.items():
        if role in ("feature", "audit-only", "event_date"):
            columns[name], kinds[name] = typed(name, raw[name], config.column(name))
        elif role in ("value", "propensity"):
            columns[name] = number(name, raw[name])
        else:
            columns[name] = raw[name]
    event = config.task.event_date
    if event is not None and kinds[event] != "date":
        raise DataComplaint(f"task.event_date {event!r} holds no dates; write them as 2026-03-31")
    return type(raw)(columns), kinds


def _ordered(config: RunConfig, frame: pd.DataFrame) -> pd.DataFrame:
    """In time order, and by key within; else as the data came."""
    by = [config.task.event_date] if config.task.event_date else []
    by += list(config.task.key)
    if by:
        frame = frame.sort_values(by, kind="stable")
    return frame.reset_index(drop=True)
