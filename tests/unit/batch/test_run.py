"""A run is planned once, by whichever shard is first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dohyo.contract.batch import BatchInput, BatchOrder, BatchOutput, OrderedVersion
from dohyo_batch.places import FileInfo, Place
from dohyo_batch.run import opened

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_plan_that_comes_while_a_shard_looks_around_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("number\n1\n2\n")
    order = BatchOrder(
        "weekly",
        "shop",
        "",
        "satisfaction",
        (OrderedVersion("v12", "satisfaction:12", "/bentos/v12", "sha256:ab"),),
        BatchInput(rows.as_uri(), format="csv"),
        BatchOutput((tmp_path / "scores").as_uri()),
    )
    look = Place.files

    def look_late(place: Place) -> list[FileInfo]:
        monkeypatch.setattr(Place, "files", look)
        opened(order, "r1", now=1)
        return look(place)

    monkeypatch.setattr(Place, "files", look_late)
    assert opened(order, "r1", now=2).manifest == opened(order, "r1", now=3).manifest
