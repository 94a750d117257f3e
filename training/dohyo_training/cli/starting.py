"""`dohyo train init DATA`: a commented configuration to start from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from dohyo_training.analyse.analysing import leaking
from dohyo_training.cli.template import written
from dohyo_training.complaint import Complaint, DataComplaint
from dohyo_training.config import parse
from dohyo_training.gather import gather
from dohyo_training.gather.csv_text import likely_separator

if TYPE_CHECKING:
    from argparse import Namespace

    from dohyo_training.table import Table

_TARGETS: Final = ("target", "label", "outcome", "y", "class", "satisfied", "churn", "score")


def run(arguments: Namespace) -> int:
    """Looks at the data, writes the file, and says what to look at."""
    data = Path(arguments.data)
    place = arguments.output or data.parent / "training.yaml"
    if place.exists() and not arguments.force:
        raise Complaint(f"{place} is there already; choose another with --output, or use --force")
    if not data.is_file():
        why = "is a folder; name a file in it" if data.is_dir() else "there is no such file"
        raise Complaint(f"{data}: {why}")
    try:
        source = _source(data)
        table, target = _looked_at(source, data, arguments.target)
    except OSError as error:
        raise Complaint(f"{data}: cannot be read: {error.strerror or error}") from None
    config = written(table, source, target, arguments.name or data.stem, _suspects(table, source))
    parse(config, str(place))
    try:
        place.write_text(config)
    except OSError as error:
        why = f"{place}: cannot be written: {error.strerror}"
        raise Complaint(f"{why}; choose another with --output") from None
    print(f"{place}: {len(table.frame)} rows, {len(table.features)} features, predicts {target}")
    print("Look at task, columns and value; then `dohyo train check`, then `dohyo train`.")
    return 0


def _source(data: Path) -> dict[str, Any]:
    name = "".join(letter if letter.isalnum() else "-" for letter in data.stem.lower()).strip("-")
    source: dict[str, Any] = {"name": name[:60] or "data", "path": data.name}
    if data.suffix.lower() in (".parquet", ".pq"):
        return {**source, "kind": "parquet"}
    separator = likely_separator(data)
    options = {} if separator == "," else {"separator": separator}
    return {**source, "kind": "csv", **options}


def _looked_at(source: dict[str, Any], data: Path, target: str | None) -> tuple[Table, str]:
    """The table and its target: the named one, one of a usual name, or the last column."""
    if target is None:
        names = _names(source, data)
        usual = [name for name in names if name.lower() in _TARGETS]
        target = (usual or names)[-1]
    config = _config(source, {"target": target})
    return gather(config, base=data.parent, now=datetime.now(UTC)), target


def _names(source: dict[str, Any], data: Path) -> list[str]:
    """The columns of the file; any of them will do as target to read them."""
    if source["kind"] == "parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415

        try:
            return [str(name) for name in pq.read_schema(data).names]
        except (OSError, ValueError) as error:
            raise DataComplaint(f"{data}: is no Parquet file: {error}") from None
    with data.open(encoding="utf-8", errors="replace") as file:
        head = file.readline().strip().removeprefix("\ufeff")
    names = [name.strip().strip('"') for name in head.split(source.get("separator", ","))]
    if not head:
        raise DataComplaint(f"{data}: is empty; nothing can be learned from it")
    return names


def _config(source: dict[str, Any], task: dict[str, Any]) -> Any:
    values = {"task": task, "data": {"sources": [source]}, "output": {"name": "first-look"}}
    return parse(yaml.safe_dump(values), "the data")


def _suspects(table: Table, source: dict[str, Any]) -> dict[str, str]:
    """Columns that would stop a run, with the reason."""
    dates = [name for name in table.features if table.kinds[name] == "date"]
    task = {"target": table.target}
    if dates and table.frame[dates[0]].notna().all():
        task["event_date"] = dates[0]
    return leaking(table, _config(source, task))
