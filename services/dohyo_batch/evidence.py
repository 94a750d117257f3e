"""What a run and the evidence service tell each other.

A shard tells its drift counts as a serving pod tells a window's; the end asks what labels have
come meanwhile for the run before.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from dohyo.contract.batch_evidence import BATCH_EVIDENCE_PATH, BatchEvidence
from dohyo.contract.documents import from_json, to_json
from dohyo.contract.keys import FOR_RECORDS, FOR_REPORTS
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
    body = b"\n".join(orjson.dumps(record_to_json(each)) for each in found)
    url = order.evidence_url.rstrip("/") + RECORDS_PATH
    try:
        _exchanged(url, keys.token(FOR_RECORDS), body)
    except (OSError, ValueError) as error:
        print(f"drift counts were not told: {url}: {error}", file=sys.stderr, flush=True)


def later_labels(order: BatchOrder, run: str, keys: Keys | None) -> dict[str, Any] | None:
    """What labels that came after a run say of it; None where none came or nobody tells."""
    if order.evidence_url is None or keys is None:
        return None
    path = BATCH_EVIDENCE_PATH.format(namespace=order.namespace, name=order.deployment, run=run)
    url = order.evidence_url.rstrip("/") + path
    try:
        said = orjson.loads(_exchanged(url, keys.token(FOR_REPORTS)))
        found: dict[str, Any] = to_json(from_json(BatchEvidence, said))
    except (OSError, ValueError) as error:
        # Before the first label there is nothing to tell.
        if getattr(error, "code", None) != HTTPStatus.NOT_FOUND:
            print(f"later labels are not told: {url}: {error}", file=sys.stderr, flush=True)
        return None
    return found


def _exchanged(url: str, token: str, body: bytes | None = None) -> bytes:
    """The answer to a question, or to what is told.

    Raises:
        OSError: there is none, or it is a refusal.
    """
    import urllib.request  # noqa: PLC0415 - most of a start, and not every run tells

    headers = {"Authorization": f"Bearer {token}"}
    if body is not None:
        headers["Content-Type"] = RECORDS_CONTENT_TYPE
    request = urllib.request.Request(url, body, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
        return bytes(answer.read())


def _bins(document: Mapping[str, Any]) -> BinCounts:
    return BinCounts(tuple(document["counts"]), tuple(document["reference"]))
