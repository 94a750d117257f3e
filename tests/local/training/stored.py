"""Rows to learn from that lie in an object store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd

from dohyo_training.config import RunConfig
from dohyo_training.gather import gather
from dohyo_training.simulate import simulate

if TYPE_CHECKING:
    from pathlib import Path

    from dohyo_training.table import Table

BUCKET, FOLDER = "research", "2025"
COLUMNS = ["survey_id", "product", "response_hours", "satisfied"]


def surveys() -> pd.DataFrame:
    return simulate(500, 3).joined()[COLUMNS]


def a_bucket(root: Path) -> Path:
    """The folder of a server's buckets; one holds the surveys in both formats."""
    folder = root / "buckets" / BUCKET / FOLDER
    folder.mkdir(parents=True)
    surveys().to_csv(folder / "surveys.csv", index=False)
    surveys().to_parquet(folder / "surveys.parquet")
    return root / "buckets"


def gathered(kind: str, path: str, base: Path) -> Table:
    config = RunConfig.model_validate(
        {
            "task": {"target": "satisfied", "key": ["survey_id"]},
            "data": {"sources": [{"name": "surveys", "kind": kind, "path": path}]},
            "output": {"name": "satisfaction"},
        }
    )
    return gather(config, base=base, now=datetime(2026, 1, 10, tzinfo=UTC))


def assert_the_rows_of_the_file(scheme: str, kind: str, folder: Path) -> None:
    """What a store gives is what the same file gives that lies here."""
    remote = gathered(kind, f"{scheme}://{BUCKET}/{FOLDER}/surveys.{kind}", folder)
    getattr(surveys(), f"to_{kind}")(folder / "here", index=False)
    local = gathered(kind, "here", folder)
    assert len(remote.frame) == len(surveys())
    pd.testing.assert_frame_equal(remote.frame, local.frame)
    assert remote.digest == local.digest
