"""Configurations and files that the tests of training write."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dohyo_training.config import parse
from dohyo_training.gather import gather

if TYPE_CHECKING:
    from pathlib import Path

    from dohyo_training.config import RunConfig
    from dohyo_training.table import Table

NOW = datetime(2026, 1, 10, tzinfo=UTC)


def orders(rows: int = 400, seed: int = 3) -> pd.DataFrame:
    """A small table of all kinds, whose outcome follows the amount and the region."""
    chance = np.random.default_rng(seed)
    region = chance.choice(["north", "south", "east"], rows)
    amount = chance.gamma(2.0, 30.0, rows).round(2)
    odds = 0.03 * (amount - 60) + 1.0 * (region == "north")
    return pd.DataFrame(
        {
            "order": np.arange(1, rows + 1),
            "day": pd.Timestamp("2025-12-01") + pd.to_timedelta(np.arange(rows) // 12, unit="D"),
            "region": region,
            "amount": amount,
            "late": (chance.random(rows) < 1 / (1 + np.exp(-odds))).astype(int),
        }
    )


def config(sources: str, target: str = "late", more: str = "") -> RunConfig:
    """A configuration with these sources (a YAML list in one line) and further sections."""
    task = "" if "task:" in more else f"task: {{target: {target}}}\n"
    return parse(
        f"{task}data: {{sources: {sources}}}\noutput: {{name: orders}}\n{more}", "run.yaml"
    )


def gathered(folder: Path, frame: pd.DataFrame, more: str = "", target: str = "late") -> Table:
    """The table of one CSV file with these rows."""
    frame.to_csv(folder / "orders.csv", index=False)
    source = "[{name: orders, kind: csv, path: orders.csv}]"
    return gather(config(source, target, more), base=folder, now=NOW)


def gathered_text(folder: Path, text: str, more: str = "", options: str = "") -> Table:
    """The table of one CSV file with this text."""
    (folder / "orders.csv").write_text(text)
    source = f"[{{name: orders, kind: csv, path: orders.csv{options}}}]"
    return gather(config(source, more=more), base=folder, now=NOW)
