from __future__ import annotations

import logging
import sys
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from dohyo_serving.bento import without_client_tracebacks
from dohyo_serving.errors import brief


class Asked(BaseModel):
    number: float


def raised(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(ValueError("one\n two"), "ValueError: one two (at ", id="lines are joined"),
        pytest.param(KeyError(), "KeyError: no message (at ", id="no message"),
    ],
)
def test_an_error_is_told_in_one_line_with_its_place(error: Exception, expected: str) -> None:
    told = brief(raised(error))
    assert told.startswith(expected)
    assert told.endswith(")")
    assert __file__ in told
    assert "\n" not in told


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert brief(ValueError("words")) == "ValueError: words"


def logged(error_type: type[Exception], call: Any) -> logging.LogRecord:
    try:
        call()
    except error_type:
        record = logging.LogRecord(
            "bentoml", logging.ERROR, __file__, 1, "Exception on %s", ("/predict",), sys.exc_info()
        )
        assert without_client_tracebacks(record)
        return record
    raise AssertionError("nothing was raised")


def test_a_clients_mistake_takes_one_line_of_the_log() -> None:
    record = logged(ValidationError, lambda: Asked.model_validate({"number": "a"}))
    assert record.getMessage() == "Exception on /predict: refused, 1 invalid values"
    assert record.levelno == logging.INFO
    assert record.exc_info is None


def test_a_fault_of_the_model_keeps_its_traceback() -> None:
    record = logged(ZeroDivisionError, lambda: 1 / 0)
    assert record.exc_info is not None
    assert record.levelno == logging.ERROR
