"""Every row is dealt to one shard, whatever the files look like."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from dohyo.contract.batch import BatchInput, BatchOrder, BatchOutput, OrderedVersion
from dohyo.contract.documents import from_json, to_json
from dohyo_batch.manifest import InputFile, Manifest, Piece, dealt, fingerprint, planned

ORDER = BatchOrder(
    "weekly",
    "shop",
    "",
    "satisfaction",
    (OrderedVersion("v12", "satisfaction:12", "/bentos/v12", "sha256:ab"),),
    BatchInput("s3://bucket/customers/"),
    BatchOutput("s3://bucket/scores/"),
    shards=4,
)
UNITS = st.lists(st.integers(0, 5_000), min_size=1, max_size=40)


def units(rows: list[int]) -> list[Piece]:
    return [Piece(0, 0, count, group=number) for number, count in enumerate(rows)]


@settings(deadline=None)
@given(UNITS, st.integers(1, 30))
def test_every_row_has_one_shard(rows: list[int], shards: int) -> None:
    pieces = dealt(units(rows), shards)

    seen = [(p.group, p.skip + row) for p in pieces for row in range(p.rows)]
    assert seen == [(group, row) for group, count in enumerate(rows) for row in range(count)]
    assert [p.first for p in pieces] == [
        sum(p.rows for p in pieces[:place]) for place in range(len(pieces))
    ]


@settings(deadline=None)
@given(UNITS, st.integers(1, 30))
def test_shards_are_contiguous_and_alike(rows: list[int], shards: int) -> None:
    pieces = dealt(units(rows), shards)

    assert [p.shard for p in pieces] == sorted(p.shard for p in pieces)
    held = [sum(p.rows for p in pieces if p.shard == shard) for shard in range(shards)]
    share = sum(rows) / shards
    # A small unit is an eighth of a share; it may stand over at both ends.
    assert all(abs(each - share) <= share / 4 + 1 for each in held)


@settings(deadline=None)
@given(UNITS, st.integers(1, 30))
def test_a_plan_is_the_same_each_time(rows: list[int], shards: int) -> None:
    assert dealt(units(rows), shards) == dealt(units(rows), shards)


def test_one_large_unit_keeps_no_shard_idle() -> None:
    pieces = dealt([Piece(0, 0, 1_000, group=0)], 4)

    assert [(p.skip, p.rows, p.shard) for p in pieces] == [
        (0, 250, 0),
        (250, 250, 1),
        (500, 250, 2),
        (750, 250, 3),
    ]


def test_rows_without_an_order_are_not_cut() -> None:
    (piece,) = dealt([Piece(-1, 0, 1_000)], 4)

    assert (piece.skip, piece.rows) == (0, 1_000)


def test_a_manifest_is_read_as_it_was_written() -> None:
    manifest = planned(ORDER, "r1", 7, [InputFile("a.parquet", 10, "e")], units([10, 20]))

    assert from_json(Manifest, to_json(manifest)) == manifest
    assert manifest.rows == 30


def test_other_work_has_another_fingerprint() -> None:
    same = replace(ORDER, run="r2", evidence_url="http://evidence")
    elsewhere = replace(ORDER, versions=(replace(ORDER.versions[0], folder="/tmp/v12"),))
    others = (
        replace(ORDER, shards=5),
        replace(ORDER, versions=(replace(ORDER.versions[0], digest="sha256:cd"),)),
        replace(ORDER, input=BatchInput("s3://bucket/others/")),
    )

    assert fingerprint(same) == fingerprint(elsewhere) == fingerprint(ORDER)
    assert fingerprint(ORDER) not in {fingerprint(each) for each in others}
