"""`dohyo simulate`: the simulator's tables as files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dohyo_training.complaint import Complaint
from dohyo_training.simulate import simulate

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd

_MOST_ROWS: Final = 5_000_000
# Beyond it every choice follows the look, and the numbers would overflow.
_MOST_CONFOUNDING: Final = 100.0
_TABLES: Final = ("surveys", "customers", "truth")


def run(arguments: Namespace) -> int:
    """Writes surveys, customers and the truth, and prints their names."""
    if not 1 <= arguments.rows <= _MOST_ROWS:
        raise Complaint(f"--rows {arguments.rows} is not between 1 and {_MOST_ROWS}")
    if arguments.seed < 0:
        raise Complaint(f"--seed {arguments.seed} is below 0; choose any whole number from 0 on")
    if not 0 <= arguments.confounding <= _MOST_CONFOUNDING:
        given = f"--confounding {arguments.confounding:g}"
        raise Complaint(f"{given} is not between 0 and {_MOST_CONFOUNDING:g}")
    paths = {name: arguments.folder / f"{name}.{arguments.format}" for name in _TABLES}
    if not arguments.force:
        _refuse_present(paths.values())
    drawn = simulate(arguments.rows, arguments.seed, arguments.treatment, arguments.confounding)
    try:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        for name, path in paths.items():
            _write(getattr(drawn, name), path)
            print(f"{path}: {len(getattr(drawn, name))} rows")
    except OSError as error:
        raise Complaint(f"{arguments.folder}: cannot be written: {error.strerror}") from None
    return 0


def _refuse_present(paths: Iterable[Path]) -> None:
    """They may be somebody's own: nothing else says where such a table is from."""
    for path in paths:
        if path.exists():
            raise Complaint(
                f"{path} is there already; choose another folder with --folder, or use --force"
            )


def _write(frame: pd.DataFrame, path: Path) -> None:
    """Under another name first, so that a file is whole or not there."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    if path.suffix == ".parquet":
        frame.to_parquet(unfinished, index=False)
    else:
        frame.to_csv(unfinished, index=False)
    unfinished.replace(path)
