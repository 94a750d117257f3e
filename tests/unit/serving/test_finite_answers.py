"""Not-a-number is no prediction, and whose fault it is depends on what was sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dohyo_form.contract import Contract, Field
from tests.unit.serving.serving_in_process import ask, settle, started
from tests.unit.serving.test_answers import INFER, ROWS, tensors

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = Contract((Field("a", "number"), Field("b", "number")))


def broken(matrix: Any) -> Any:
    """A model without an answer to numbers below zero."""
    return np.where(matrix[:, 0] < 0, np.nan, matrix[:, 0] * 10.0)


async def test_numbers_that_no_model_can_add_are_refused(
    cells: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, keys, DOHYO_GRPC_PORT="off")
    record = {f"f{place}": 1e308 * (-1) ** place for place in range(30)}
    async with started(cells) as endpoint:
        for path, body in (
            ("/predict", json.dumps({"records": [record]})),
            (INFER, tensors(np.array([list(record.values())]))),
        ):
            reply = await ask(endpoint, path, body)
            assert reply.status == 422
            assert (
                "f0: must be a number from -3.4e+38 to 3.4e+38, not 1e+308"
                in (reply.document["error"])
            )
            assert "x-dohyo-prediction-id" not in reply.headers


async def test_an_answer_that_is_no_number_is_a_fault_of_the_model(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, keys, DOHYO_GRPC_PORT="off")
    rows = np.ones((9, 2))
    async with started(broken, contract=CONTRACT) as endpoint:
        assert (await ask(endpoint, INFER, tensors(rows))).status == 200
        for matrix in (-rows[:1], np.where(np.arange(9)[:, None] == 4, -1.0, rows)):
            reply = await ask(endpoint, INFER, tensors(matrix))
            assert reply.status == 500
            row = int((matrix[:, 0] < 0).argmax())
            assert reply.document["error"] == f"row {row}: the model has no finite answer"
            assert "x-dohyo-prediction-id" not in reply.headers


async def test_without_a_contract_the_numbers_that_were_sent_decide(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    async with started(broken) as endpoint:
        fault = await ask(endpoint, INFER, tensors(-np.ones((1, 2))))
        assert fault.status == 500
        mistake = await ask(endpoint, INFER, tensors(np.full((1, 2), 1.7e308)))
        assert mistake.status == 400
        assert "send such from -3.4e+38 to 3.4e+38" in mistake.document["error"]
        # A sum beyond the largest number says nothing about its parts.
        large = await ask(endpoint, INFER, tensors(np.full((2, 2), 1.6e307)))
        assert large.document["outputs"][0]["data"] == [1.6e308, 1.6e308]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda matrix: matrix[:1, 0], "has shape (1,) for 2 rows"),
        (lambda matrix: np.ones((2 * len(matrix), 1)), "has shape (4, 1) for 2 rows"),
        (lambda matrix: np.array(["a"] * len(matrix)), "holds more than numbers"),
        (lambda _: 1.0, "has shape () for 2 rows"),
    ],
)
async def test_an_answer_that_is_no_table_is_a_fault_of_the_model(
    answer: Any, words: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    async with started(answer) as endpoint:
        reply = await ask(endpoint, INFER, tensors(ROWS[:2]))
    assert reply.status == 500
    assert "the model failed on this input" in reply.document["error"]
    assert words in caplog.text
