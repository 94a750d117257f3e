"""Rows for all tests of batch runs, and the bentos that score them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from images import samples
from tests.local.batch.scoring import tumours

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 100_000


@pytest.fixture(scope="session", autouse=True)
def _bentos() -> None:
    samples.ensure()


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of several row groups."""
    path = tmp_path_factory.mktemp("data") / "tumours.parquet"
    tumours(ROWS).to_parquet(path, row_group_size=30_000)
    return path


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 2,000 rows in two files, and what is no data beside them."""
    folder = tmp_path_factory.mktemp("few")
    frame = tumours(2_000, seed=2)
    frame[:1_500].to_parquet(folder / "a.parquet")
    frame[1_500:].to_parquet(folder / "b.parquet")
    (folder / "_SUCCESS").touch()
    return folder
