"""The findings in words, the most important first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dohyo_training.analyse.leaks import later_share

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dohyo_training.config import RunConfig
    from dohyo_training.table import Table

_CLOSE: Final = 0.8
_MOVED: Final = 0.1
_MOSTLY_MISSING: Final = 0.5
_SHOWN: Final = 5


def sentences(table: Table, config: RunConfig, record: Mapping[str, Any]) -> Iterator[str]:
    """What a reader should know before anything is learned."""
    yield _size(table, record)
    yield from _strongest(table, record)
    yield from _segments(table, record)
    yield from _movements(record)
    yield from _proxies(table, record)
    yield from _twins(table, record)
    yield from _missing(record)
    yield from _bounded(table, record)
    for name in table.features:
        share = later_share(config, table, name)
        if share > 0:
            yield f"{name} is later than the event in {share:.2%} of the rows; look at these."
    for name, reason in config.analysis.accepted.items():
        yield f"{name} was accepted though it may look like a leak: {reason}."
    yield from table.notes


def _size(table: Table, record: Mapping[str, Any]) -> str:
    rows, mean = record["rows"], record["target"]["mean"]
    if table.task == "regression":
        what = f"the mean of {table.target} is {mean:.4g}"
    elif table.task == "binary":
        what = f"{table.target} is {table.classes[-1]!r} in {mean:.1%}"
    else:
        what = f"{table.target} has {len(table.classes)} classes"
    return f"{rows} rows, {len(table.features)} features; {what}."


def _strongest(table: Table, record: Mapping[str, Any]) -> Iterator[str]:
    found = record["with_target"][:_SHOWN]
    if found:
        listed = ", ".join(f"{one['column']} {one['alone']:.3f}" for one in found)
        yield f"Alone, these tell most about {table.target} ({found[0]['measure']}): {listed}."


def _segments(table: Table, record: Mapping[str, Any]) -> Iterator[str]:
    """The category whose levels differ most, by their lowest and highest mean."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for one in record["segments"]:
        if one["rows"] >= 30:
            groups.setdefault(one["column"], []).append(one)
    ends = {
        name: (min(g, key=lambda o: o["mean"]), max(g, key=lambda o: o["mean"]))
        for name, g in groups.items()
    }
    if not ends:
        return
    name, (low, high) = max(ends.items(), key=lambda item: item[1][1]["mean"] - item[1][0]["mean"])
    shown = "{:.4g}" if table.task == "regression" else "{:.1%}"
    yield (
        f"The {record['target']['averaged']} goes from {shown.format(low['mean'])} "
        f"({name} {low['level']}) to {shown.format(high['mean'])} ({high['level']})."
    )


def _movements(record: Mapping[str, Any]) -> Iterator[str]:
    moved = [one for one in record["movements"] if one["psi"] > _MOVED + one["when_still"]]
    if moved:
        listed = ", ".join(f"{one['column']} (PSI {one['psi']:.2f})" for one in moved[:_SHOWN])
        yield f"In the last quarter of the rows these are distributed differently: {listed}."


def _proxies(table: Table, record: Mapping[str, Any]) -> Iterator[str]:
    for one in record["relations"]:
        ends = (one["left"], one["right"])
        audit = [name for name in ends if name not in table.features]
        if len(audit) == 1 and abs(one["value"]) > _CLOSE:
            other = next(name for name in ends if name not in audit)
            yield (
                f"{other} can stand in for {audit[0]}, which is for audit only "
                f"({one['measure']} {one['value']:.2f})."
            )


def _twins(table: Table, record: Mapping[str, Any]) -> Iterator[str]:
    close = [
        f"{one['left']} and {one['right']}"
        for one in record["relations"]
        if abs(one["value"]) > _CLOSE and {one["left"], one["right"]} <= set(table.features)
    ]
    if close:
        more = f" and {len(close) - _SHOWN} more" if len(close) > _SHOWN else ""
        yield f"These pairs say much the same: {'; '.join(close[:_SHOWN])}{more}."


def _bounded(table: Table, record: Mapping[str, Any]) -> Iterator[str]:
    """What was not looked at, so that nobody takes silence for a finding."""
    if record["sampled_rows"] < record["rows"]:
        yield f"Relations were measured on {record['sampled_rows']} of {record['rows']} rows."
    paired = {one["left"] for one in record["relations"]} & set(table.features)
    if len(table.features) > len(paired) + 1:
        yield (
            f"Relations were measured between {len(paired) + 1} of {len(table.features)} features, "
            "those that tell most alone."
        )


def _missing(record: Mapping[str, Any]) -> Iterator[str]:
    names = [one["column"] for one in record["variables"] if one["missing"] > _MOSTLY_MISSING]
    if names:
        yield f"More than half of the values are missing in: {', '.join(names[:_SHOWN])}."
