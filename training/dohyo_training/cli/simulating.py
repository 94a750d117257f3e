"""`dohyo simulate`: the simulator's tables as files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dohyo_training.complaint import Complaint
from dohyo_training.simulate import simulate

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    import pandas as pd

_MOST_ROWS: Final = 5_000_000


def run(arguments: Namespace) -> int:
    """Writes surveys, customers and the truth, and prints their names."""
    if not 1 <= arguments.rows <= _MOST_ROWS:
        raise Complaint(f"--rows {arguments.rows} is not between 1 and {_MOST_ROWS}")
    if arguments.confounding < 0:
        raise Complaint(f"--confounding {arguments.confounding:g} is below 0")
    drawn = simulate(arguments.rows, arguments.seed, arguments.treatment, arguments.confounding)
    try:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        for name in ("surveys", "customers", "truth"):
            path = arguments.folder / f"{name}.{arguments.format}"
            _write(getattr(drawn, name), path)
            print(f"{path}: {len(getattr(drawn, name))} rows")
    except OSError as error:
        raise Complaint(f"{arguments.folder}: cannot be written: {error.strerror}") from None
    return 0


def _write(frame: pd.DataFrame, path: Path) -> None:
    """Under another name first, so that a file is whole or not there."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    if path.suffix == ".parquet":
        frame.to_parquet(unfinished, index=False)
    else:
        frame.to_csv(unfinished, index=False)
    unfinished.replace(path)
