"""Drift counts of a shard, told to the evidence service as a serving pod tells a window's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import orjson

from dohyo.contract.keys import FOR_RECORDS
from dohyo.contract.records import (
    BATCH_REPLICA,
    RECORDS_CONTENT_TYPE,
    RECORDS_PATH,
    BinCounts,
    WindowRecord,
    record_to_json,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.contract.batch import BatchOrder
    from dohyo.contract.keys import Keys

_SECONDS: Final = 10.0


def windows(
    order: BatchOrder, run: str, started: int, record: Mapping[str, Any]
) -> list[WindowRecord]:
    """One window for each version of a shard; the same again after a retry, counted once."""
    return [
        WindowRecord(
            deployment=order.deployment,
            version=name,
            replica=f"{BATCH_REPLICA}{run}/{record['shard']}",
            started=started,
            ended=started + 1,
            shadow=False,
            requests=record["rows"],
            rows=record["rows"],
            profile=told["profile"],
            features={each: _bins(bins) for each, bins in told["features"].items()},
            prediction=_bins(told["prediction"]) if told["prediction"] else None,
            classes=tuple(told["classes"]),
        )
        for name, told in record["versions"].items()
        if told["profile"] and record["rows"]
    ]


def tell(
    order: BatchOrder, run: str, started: int, record: Mapping[str, Any], keys: Keys | None
) -> None:
    """Sends the counts; scores are worth no less when nobody takes them."""
    found = windows(order, run, started, record)
    if order.evidence_url is None or keys is None or not found:
        return
    import urllib.error  # noqa: PLC0415 - most of a start, and not every run tells
    import urllib.request  # noqa: PLC0415

    body = b"\n".join(orjson.dumps(record_to_json(each)) for each in found)
    headers = {
        "Content-Type": RECORDS_CONTENT_TYPE,
        "Authorization": f"Bearer {keys.token(FOR_RECORDS)}",
    }
    url = order.evidence_url.rstrip("/") + RECORDS_PATH
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310
    try:
        urllib.request.urlopen(request, timeout=_SECONDS).close()  # noqa: S310
    except (urllib.error.URLError, OSError, ValueError) as error:
        print(f"drift counts were not told: {url}: {error}", file=sys.stderr, flush=True)


def _bins(document: Mapping[str, Any]) -> BinCounts:
    return BinCounts(tuple(document["counts"]), tuple(document["reference"]))
