from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dohyo.contract.records import (
    BinCounts,
    PredictionRecord,
    WindowRecord,
    record_from_json,
    record_to_json,
)

count = st.integers(0, 2**40)
finite = st.floats(allow_nan=False, allow_infinity=False)
bins = st.lists(st.tuples(count, count), max_size=22).map(
    lambda pairs: BinCounts(tuple(a for a, _ in pairs), tuple(b for _, b in pairs))
)
predictions = st.builds(
    PredictionRecord,
    prediction_id=st.text(),
    request_id=st.text(),
    protocol=st.sampled_from(("http", "grpc")),
    seconds=finite,
    sample=finite,
    numbers=st.lists(finite).map(tuple),
)
windows = st.builds(
    WindowRecord,
    deployment=st.text(),
    version=st.text(),
    replica=st.text(),
    started=count,
    ended=count,
    shadow=st.booleans(),
    requests=count,
    rows=count,
    dropped=count,
    profile=st.text(min_size=1),
    features=st.dictionaries(st.text(), bins),
    prediction=st.none() | bins,
    classes=st.lists(st.text()).map(tuple),
)
PREDICTION = record_to_json(PredictionRecord("id", "r1", "http", 0.001))
WINDOW = record_to_json(WindowRecord("d", "v", "r", 0, 1, shadow=False, requests=1, rows=1))


@given(predictions | windows)
def test_what_is_sent_is_received(record: PredictionRecord | WindowRecord) -> None:
    assert record_from_json(json.loads(json.dumps(record_to_json(record)))) == record


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "lacks the field 'kind'"),
        ({"kind": "other"}, "kind 'other' is unknown"),
        ({"kind": "prediction"}, "lacks the field 'id'"),
        ({**PREDICTION, "seconds": "soon"}, "could not convert string to float"),
        ({**PREDICTION, "numbers": 1}, "of another kind"),
        ({**WINDOW, "features": []}, "of another kind"),
        ({**WINDOW, "features": {"age": [[1], [1, 2]]}}, "1 counts beside 2 of the reference"),
        ({**WINDOW, "started": float("inf")}, "of another kind"),
    ],
)
def test_what_is_no_record_is_told(document: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        record_from_json(document)
