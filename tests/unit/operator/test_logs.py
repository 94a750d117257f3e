"""One line each, with what it is about, in both forms."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from dohyo.logs import _Json, _Logfmt


def record(message: str, *arguments: Any, error: bool = False, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord(
        "dohyo.reconcile",
        logging.WARNING,
        "file.py",
        1,
        message,
        arguments,
        sys.exc_info() if error else None,
    )
    made.created = 0.0
    made.__dict__.update(extra)
    return made


def test_logfmt_quotes_what_needs_it() -> None:
    line = _Logfmt().format(record('put off: %s\n"quoted"', "a=b", key="shop/churn"))
    assert line == (
        "time=1970-01-01T00:00:00.000+00:00 level=warning logger=dohyo.reconcile"
        ' msg="put off: a=b\\n\\"quoted\\"" namespace=shop name=churn'
    )


def test_json_holds_the_same_fields() -> None:
    line = json.loads(_Json().format(record("put off", key="shop/churn")))
    assert line["msg"] == "put off"
    assert (line["namespace"], line["name"], line["level"]) == ("shop", "churn", "warning")


def test_records_of_the_framework_name_their_object_too() -> None:
    reference = {"kind": "Pod", "namespace": "shop", "name": "churn-x", "uid": "1"}
    line = json.loads(_Json().format(record("seen", k8s_ref=reference)))
    assert (line["kind"], line["namespace"], line["name"]) == ("Pod", "shop", "churn-x")


def test_an_exception_is_one_field_and_its_place() -> None:
    nothing: dict[str, str] = {}
    try:
        nothing["spec"]
    except KeyError:
        line = json.loads(_Json().format(record("put off", error=True)))
    assert line["error"] == "KeyError: 'spec'"
    assert "test_logs.py:" in line["at"]
