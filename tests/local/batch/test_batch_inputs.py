"""Rows come from a PostgreSQL and from a web server, as from files."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from sqlalchemy import create_engine, text

from dohyo.contract.batch import BatchInput
from tests.harness import bento_servers
from tests.harness.authority import an_authority
from tests.local.batch.scoring import Batch, Scores, order, tumours
from tests.local.evidence.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from tests.harness.authority import Authority

pytestmark = pytest.mark.timeout(600)

SEED = 2


@pytest.fixture(scope="module")
def expected(few: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Scores of the same rows from files."""
    folder = tmp_path_factory.mktemp("expected")
    Batch(folder, order(few.as_uri(), (folder / "out").as_uri())).done("score", "--index", "0")
    return Scores(folder / "out" / "r1").rows(1)


def test_a_database_gives_the_same_scores_and_says_who_may_not_read(
    expected: pd.DataFrame, tmp_path: Path
) -> None:
    target = (tmp_path / "out").as_uri()
    with postgres(tmp_path / "postgres") as server:
        url = server.fresh()
        frame = tumours(2_000, seed=SEED)
        engine = create_engine(url)
        # Keys with holes: every third is taken.
        frame.assign(id=frame.index * 3 + 7).to_sql("rows", engine, index=False)
        with engine.begin() as connection:
            connection.execute(text("CREATE ROLE reader LOGIN"))
        source = BatchInput(url, "sql", query="SELECT * FROM rows -- all of them", key="id")
        given = order("", target, input=source, shards=3)
        done = Batch(tmp_path, given).done("score", "--index", "0", "1", "2")
        assert [each.reason for each in done.summaries] == ["Done"] * 3

        # The login comes by the environment, and this one may not read the table.
        secret = url.replace("dohyo@", "reader@")
        named = BatchInput("postgresql://127.0.0.1/rows", "sql", query=source.query, key="id")
        other = order("", (tmp_path / "other").as_uri(), input=named, shards=3)
        refused = Batch(tmp_path / "refused", other, DOHYO_SQL_URL=secret).do("plan")
        away = url.rpartition("/")[0] + "/none"
        missing = Batch(tmp_path / "away", other, DOHYO_SQL_URL=away).do("plan")

    found = Scores(tmp_path / "out" / "r1").rows(3)
    assert found["row"].tolist() == list(range(2_000))
    assert alike(found, expected)
    assert refused.code == 2
    assert "permission denied" in refused.last.message
    assert missing.code == 1
    assert 'database "none" does not exist' in missing.last.message
    assert "reader" not in refused.last.message


def test_a_web_server_gives_the_same_scores(
    few: Path, expected: pd.DataFrame, tmp_path: Path
) -> None:
    authority = an_authority(tmp_path)
    with served(few, authority) as site:
        source = BatchInput(f"{site}/a.parquet")
        given = order("", (tmp_path / "out").as_uri(), input=source, shards=2)
        trusting = {"SSL_CERT_FILE": str(authority.certificate)}
        Batch(tmp_path, given, **trusting).done("score", "--index", "0", "1")
        gone = order("", (tmp_path / "gone").as_uri(), input=BatchInput(f"{site}/c.parquet"))
        missing = Batch(tmp_path / "missing", gone, **trusting).do("plan")
        strange = Batch(tmp_path / "strange", gone).do("plan")

    found = Scores(tmp_path / "out" / "r1").rows(2)
    mine = expected[expected["row"] < 1_500]
    assert alike(found, mine)
    assert (missing.code, missing.last.reason) == (2, "InputNotFound")
    assert "c.parquet: nothing is there" in missing.last.message
    # An authority that nobody has named is not trusted.
    assert (strange.code, strange.last.reason) == (1, "Unavailable")


def test_a_web_server_without_ranges_is_named(few: Path, tmp_path: Path) -> None:
    with bento_servers.web(few) as site:
        source = BatchInput(f"{site.url}/a.parquet")
        given = order("", (tmp_path / "out").as_uri(), input=source)
        ended = Batch(tmp_path, given).do("plan")

    assert ended.code != 0
    assert "a.parquet" in ended.last.message
    assert "range" in ended.last.message.lower()


def alike(found: pd.DataFrame, expected: pd.DataFrame) -> bool:
    """Whether rows have the same scores; how many are summed at once changes the last bit."""
    names = ["row", "hospital", "prediction"]
    same = found[names].to_dict("list") == expected[names].to_dict("list")
    near = found["probability_malignant"].tolist() == pytest.approx(
        expected["probability_malignant"].tolist(), abs=1e-12
    )
    return bool(same and near)


@contextmanager
def served(folder: Path, authority: Authority) -> Iterator[str]:
    """A folder over HTTPS, by a server that knows ranges."""
    application = web.Application()
    application.router.add_static("/", folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server)
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(application)
    loop.run_until_complete(runner.setup())
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    loop.run_until_complete(site.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        port = runner.addresses[0][1]
        yield f"https://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
