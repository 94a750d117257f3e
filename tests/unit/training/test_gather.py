"""Sources become one table, keep their promises, or are refused."""

from __future__ import annotations

import functools
import http.server
import threading
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import sqlalchemy

from dohyo_training.complaint import DataComplaint
from dohyo_training.gather import gather
from tests.unit.training.written import NOW, config, gathered, orders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_rows_are_typed_and_get_roles(tmp_path: Path) -> None:
    table = gathered(tmp_path, orders(), "task: {target: late, event_date: day, key: [order]}\n")
    assert table.kinds == {"day": "date", "region": "category", "amount": "number"}
    assert table.roles["order"] == "key"
    assert table.features == ("day", "region", "amount")
    assert (table.task, table.classes) == ("binary", (0, 1))
    assert table.frame["day"].is_monotonic_increasing
    assert set(table.y) == {0, 1}


def test_the_digest_follows_the_data(tmp_path: Path) -> None:
    frame = orders()
    first, again = gathered(tmp_path, frame), gathered(tmp_path, frame)
    frame.loc[5, "amount"] += 0.01
    assert first.digest == again.digest
    assert gathered(tmp_path, frame).digest != first.digest


def test_csv_parquet_sql_and_http_give_the_same_rows(tmp_path: Path, served: str) -> None:
    frame = orders()
    frame.to_csv(tmp_path / "orders.csv", index=False)
    frame.to_parquet(tmp_path / "orders.parquet")
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'orders.db'}")
    frame.astype({"day": str}).to_sql("orders", engine, index=False)
    engine.dispose()
    sources = (
        "{name: o, kind: csv, path: orders.csv}",
        "{name: o, kind: parquet, path: orders.parquet}",
        "{name: o, kind: sql, url: 'sqlite:///orders.db', query: 'select * from orders'}",
        f"{{name: o, kind: csv, path: '{served}/orders.csv'}}",
        f"{{name: o, kind: parquet, path: '{served}/orders.parquet'}}",
    )
    tables = [gather(config(f"[{one}]"), base=tmp_path, now=NOW) for one in sources]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table.frame, tables[0].frame)
        assert table.digest == tables[0].digest


def test_a_store_that_cannot_be_reached_says_what_tells_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "nobody"),
        ("AWS_SECRET_ACCESS_KEY", "nothing"),
        ("AWS_REGION", "nowhere"),
    ):
        monkeypatch.setenv(name, value)
    source = "[{name: o, kind: parquet, path: 's3://bucket/orders.parquet'}]"
    with pytest.raises(DataComplaint, match=r"access is told by the variables AWS_ACCESS_KEY_ID"):
        gather(config(source), base=tmp_path, now=NOW)


def test_an_address_that_leads_nowhere_says_why(tmp_path: Path, served: str) -> None:
    for address, reason in (
        (f"{served}/never.csv", "the server answers 404; is the address right"),
        ("http://127.0.0.1:9/orders.csv", "cannot be reached .*127.0.0.1:9"),
        ("hppt://127.0.0.1/orders.csv", "hppt:// is no way to a file; write a path, or an"),
        (".", "is a folder; name one file, such as near.csv"),
    ):
        (tmp_path / "near.csv").touch()
        with pytest.raises(DataComplaint, match=reason):
            gather(config(f"[{{name: o, kind: csv, path: '{address}'}}]"), base=tmp_path, now=NOW)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_forbidden_column_is_not_even_read(tmp_path: Path) -> None:
    frame = orders()
    frame["religion"] = "x"
    more = "columns: {religion: {use: forbidden, reason: a law}}\n"
    table = gathered(tmp_path, frame, more)
    assert "religion" not in table.frame.columns
    assert "religion" not in table.roles
    assert "religion" not in table.sheets[0].columns


def test_only_listed_columns_are_features_when_told_so(tmp_path: Path) -> None:
    more = "features: {unlisted: forbidden}\ncolumns: {amount: {unit: EUR}}\n"
    assert gathered(tmp_path, orders(), more).features == ("amount",)


def test_sources_are_joined_by_key(tmp_path: Path) -> None:
    frame = orders()
    rates = pd.DataFrame({"region": ["north", "south"], "rate": [1.5, 2.5]})
    rates.to_csv(tmp_path / "rates.csv", index=False)
    frame.to_csv(tmp_path / "orders.csv", index=False)
    first = "{name: o, kind: csv, path: orders.csv}"
    for join, rows in (("left", len(frame)), ("inner", int((frame["region"] != "east").sum()))):
        second = f"{{name: r, kind: csv, path: rates.csv, key: [region], join: {join}}}"
        more = "columns: {region: {}}\n"
        table = gather(config(f"[{first}, {second}]", more=more), base=tmp_path, now=NOW)
        assert len(table.frame) == rows
        north = table.frame[table.frame["region"] == "north"]
        assert (north["rate"] == 1.5).all()
        assert "have no partner in 'r'" in table.notes[0]


@pytest.mark.parametrize(
    ("rates", "complaint"),
    [
        ({"region": ["north", "north"], "rate": [1, 2]}, "rows repeat a key, such as"),
        ({"region": [1, 2], "rate": [1, 2]}, "is a number on one side and a text on the other"),
        ({"region": ["north"], "amount": [1]}, "column 'amount' is in an earlier source as well"),
        ({"land": ["north"], "rate": [1]}, "has no column 'region'; it has land, rate"),
        ({"region": ["west"], "rate": [1]}, "the join of the sources left no row"),
    ],
)
def test_a_join_that_cannot_be_is_one_sentence(
    tmp_path: Path, rates: dict[str, list[object]], complaint: str
) -> None:
    orders().to_csv(tmp_path / "orders.csv", index=False)
    pd.DataFrame(rates).to_csv(tmp_path / "rates.csv", index=False)
    sources = (
        "[{name: o, kind: csv, path: orders.csv}, "
        "{name: r, kind: csv, path: rates.csv, key: [region], join: inner}]"
    )
    with pytest.raises(DataComplaint, match=complaint):
        gather(config(sources), base=tmp_path, now=NOW)


def sheet(text: str) -> str:
    return f"[{{name: orders, kind: csv, path: orders.csv, sheet: {{{text}}}}}]"


@pytest.mark.parametrize(
    ("promise", "complaint"),
    [
        ("fresh_by: day, max_age: 1d", "age of the newest row is 7.0 days .2026-01-03"),
        ("fresh_by: day, update_frequency: 3d", "declared is at most 6.0 days"),
        ("min_completeness: 0.99", "completeness of all cells is 98.0%, declared is at least 99"),
        ("min_column_completeness: {amount: 0.95}", "completeness of amount is 90.0%"),
        ("min_rows: 1000", "rows is 400, declared is at least 1000"),
    ],
)
def test_a_broken_promise_stops_the_run(tmp_path: Path, promise: str, complaint: str) -> None:
    frame = orders()
    frame.loc[frame.index % 10 == 0, "amount"] = None
    frame.to_csv(tmp_path / "orders.csv", index=False)
    with pytest.raises(DataComplaint, match=complaint):
        gather(config(sheet(promise)), base=tmp_path, now=NOW)


def test_the_sheet_says_what_was_found(tmp_path: Path) -> None:
    frame = pd.concat([orders(), orders().head(3)])
    frame["region"] = frame["region"].where(frame.index != 7, "North ")
    frame.to_csv(tmp_path / "orders.csv", index=False)
    promise = (
        "owner: shop team, fresh_by: day, max_age: 30d, cost: {amount: 2, per: 1000 rows, "
        "budget: 0.5}, references: [{column: region, shares: {north: 0.9}}]"
    )
    found = gather(config(sheet(promise)), base=tmp_path, now=NOW).sheets[0]
    checks = {check.what: check for check in found.checks}
    assert found.declared["owner"] == "shop team"
    assert found.newest == "2026-01-03T00:00:00"
    assert checks["age of the newest row"].passed is True
    assert checks["rows that stand twice"].measured == "3 of 403"
    assert checks["spelling of region"].measured.startswith("1 levels differ")
    assert checks["cost"].passed is False
    assert checks["share of region = north"].passed is False


def test_a_contract_is_inferred_once_and_enforced_later(tmp_path: Path) -> None:
    frame = orders()
    source = "[{name: orders, kind: csv, path: orders.csv}], schema_file: orders.schema.yaml"
    frame.to_csv(tmp_path / "orders.csv", index=False)
    run = config(source)
    assert "was inferred" in gather(run, base=tmp_path, now=NOW).notes[-1]
    written = (tmp_path / "orders.schema.yaml").read_text()
    assert "keeps the contract" in gather(run, base=tmp_path, now=NOW).notes[-1]

    frame.loc[[3, 4], "region"] = "west"
    frame.loc[9, "amount"] = 1e6
    frame.to_csv(tmp_path / "orders.csv", index=False)
    with pytest.raises(DataComplaint) as raised:
        gather(run, base=tmp_path, now=NOW)
    region, amount = str(raised.value).splitlines()
    assert "column 'region' breaks isin(" in region
    assert "in 2 rows (row 4: 'west', row 5: 'west')" in region
    assert "column 'amount' breaks in_range" in amount
    assert (tmp_path / "orders.schema.yaml").read_text() == written

    frame.drop(columns="amount").to_csv(tmp_path / "orders.csv", index=False)
    with pytest.raises(DataComplaint, match="column 'amount' is missing"):
        gather(run, base=tmp_path, now=NOW)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_above_the_bound_is_refused(tmp_path: Path, kind: str) -> None:
    frame, path = orders(5000), tmp_path / f"orders.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    run = config(f"[{{name: o, kind: {kind}, path: orders.{kind}}}], memory: 100Ki")
    with pytest.raises(DataComplaint, match=r"above data\.memory of 0\.1 MiB; read fewer columns"):
        gather(run, base=tmp_path, now=NOW)


def test_parquet_is_read_by_columns(tmp_path: Path) -> None:
    frame = orders(2000)
    frame["essay"] = [f"{row}" * 500 for row in range(len(frame))]
    frame.to_parquet(tmp_path / "orders.parquet", compression=None)
    text = "[{name: o, kind: parquet, path: orders.parquet}], memory: 1Mi"
    with pytest.raises(DataComplaint, match=r"above data\.memory"):
        gather(config(text), base=tmp_path, now=NOW)
    more = "columns: {essay: {use: forbidden, reason: free text}}\n"
    assert len(gather(config(text, more=more), base=tmp_path, now=NOW).frame) == 2000


def test_dates_are_turned_to_utc(tmp_path: Path) -> None:
    frame = orders(60)
    frame["paid"] = "2025-07-01T12:00:00"
    frame["sent"] = "2025-07-01T12:00:00+02:00"
    more = "columns: {paid: {time_zone: Europe/Berlin}}\n"
    table = gathered(tmp_path, frame, more).frame
    assert set(table["paid"]) == set(table["sent"]) == {pd.Timestamp("2025-07-01T10:00:00")}


def test_shipped_sets_are_there(tmp_path: Path) -> None:
    for name, task in (
        ("breast_cancer", "binary"),
        ("wine", "multiclass"),
        ("diabetes", "regression"),
    ):
        source = f"[{{name: s, kind: sklearn, dataset: {name}}}]"
        table = gather(config(source, target="target"), base=tmp_path, now=NOW)
        assert table.task == task
        assert table.frame[table.target].notna().all()
