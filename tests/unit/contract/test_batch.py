"""The order of a batch run and its last words cross processes unchanged."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dohyo.contract import batch
from dohyo.contract.batch import (
    BatchInput,
    BatchLabels,
    BatchOrder,
    BatchOutput,
    BatchReportOrder,
    BatchSummary,
    OrderedVersion,
    order_problem,
    summary_document,
)
from dohyo.contract.documents import DocumentError, from_json, to_json

ORDER = BatchOrder(
    name="weekly",
    namespace="shop",
    run="20261125-060000",
    deployment="satisfaction",
    versions=(OrderedVersion("v12", "satisfaction:12", "/bentos/v12", "sha256:ab"),),
    input=BatchInput("s3://bucket/customers/", columns={"age": "AGE"}),
    output=BatchOutput("s3://bucket/scores/", include=("customer_id",)),
    shards=4,
    report=BatchReportOrder(("product",), "survey_date"),
    labels=BatchLabels("happy"),
)


def test_an_order_is_read_as_it_was_written() -> None:
    assert from_json(BatchOrder, json.loads(json.dumps(to_json(ORDER)))) == ORDER


def test_what_may_be_left_out_is() -> None:
    document = {
        "name": "weekly",
        "namespace": "shop",
        "run": "",
        "deployment": "satisfaction",
        "versions": [{"name": "v12", "bento": "s:12", "folder": "/b"}],
        "input": {"uri": "file:///data"},
        "output": {"uri": "file:///scores"},
    }

    order = from_json(BatchOrder, document)

    assert order.on_bad_row == batch.QUARANTINE
    assert order.report.every == "week"
    assert order_problem(order) is None


def test_an_order_of_another_shape_names_the_place() -> None:
    document = to_json(ORDER) | {"versions": [{"name": 12}]}

    with pytest.raises(DocumentError, match=r"versions\[0\]\.name: 12 must be a text"):
        from_json(BatchOrder, document)


@pytest.mark.parametrize(
    ("order", "place"),
    [
        (replace(ORDER, shards=0), "shards: 0"),
        (replace(ORDER, versions=()), "versions"),
        (replace(ORDER, versions=ORDER.versions * 2), "each once"),
        (replace(ORDER, on_bad_row="ignore"), "onBadRow: 'ignore'"),
        (replace(ORDER, input=BatchInput("x", "xml")), "input.format: 'xml'"),
        (replace(ORDER, input=BatchInput("x", "sql")), "input.query"),
        (replace(ORDER, output=BatchOutput("x", "csv")), "output.format: 'csv'"),
        (replace(ORDER, report=BatchReportOrder(every="hour")), "report.every: 'hour'"),
    ],
)
def test_an_order_that_cannot_be_carried_out_says_why(order: BatchOrder, place: str) -> None:
    assert place in str(order_problem(order))


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (batch.DONE, 0),
        (batch.DONE_BEFORE, 0),
        (batch.NO_SPACE, 1),
        (batch.UNEXPECTED, 1),
        *((reason, 2) for reason in batch.HOPELESS),
    ],
)
def test_the_exit_code_says_whether_another_try_helps(reason: str, code: int) -> None:
    assert BatchSummary(reason, "").exit_code == code


def test_last_words_fit_where_kubernetes_keeps_them() -> None:
    summary = BatchSummary(
        batch.MISSING_COLUMN, "\x00ü" * 5000, left=tuple(range(10)), mean={"v": 0.5}
    )

    text = json.dumps(summary_document(summary))

    assert from_json(BatchSummary, json.loads(text)).reason == batch.MISSING_COLUMN
    assert len(text) <= 4096
