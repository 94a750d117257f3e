"""One model, asked by either protocol: from checked values to an answer with its id and record."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dohyo_form.errors import RefusedError
from dohyo_form.form import CLASSIFICATION
from dohyo_form.values import LARGEST
from dohyo_serving.batching import Batcher
from dohyo_serving.drift import Drift
from dohyo_serving.failures import (
    FAULT,
    MALFORMED,
    OVERLOADED,
    REFUSED,
    TOO_LARGE,
    RequestError,
)
from dohyo_serving.predictors import intake_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dohyo_serving.identity import Asked, Identity
    from dohyo_serving.predictors import Predictor, Values
    from dohyo_serving.shipping import Shipper
    from dohyo_serving.telemetry import Telemetry

    Floats = NDArray[np.float64]


logger = logging.getLogger("bentoml.dohyo")


@dataclass(frozen=True)
class Limits:
    """What one process takes on.

    Attributes:
        request_bytes: of one request's body.
        rows: of one request.
        requests: at work at a time.
        waiting_rows: for the model.
        seconds: for an answer, when the client gives no deadline.
    """

    request_bytes: int = 16 * 1024 * 1024
    rows: int = 10_000
    requests: int = 512
    waiting_rows: int = 100_000
    seconds: float = 30.0


class Answer:
    """Outputs of all rows, [n_rows, n_outputs], and the prediction's id."""

    __slots__ = ("outputs", "prediction_id")

    def __init__(self, outputs: Floats, prediction_id: str | None) -> None:
        self.outputs = outputs
        self.prediction_id = prediction_id


class Engine:
    """Predicts, and leaves behind what evidence needs."""

    def __init__(
        self,
        predictor: Predictor,
        identity: Identity,
        telemetry: Telemetry,
        limits: Limits,
        shipper: Shipper | None = None,
    ) -> None:
        self.predictor = predictor
        self.identity = identity
        self.telemetry = telemetry
        self.limits = limits
        self.intake = intake_of(predictor)
        self.drift = Drift(predictor.contract, predictor.profile, predictor.profile_digest)
        self._shipper = shipper
        self._batcher = Batcher(
            predictor.predict,
            limits.waiting_rows,
            checked=self.intake is not None,
            on_batch=telemetry.batch_rows.add,
        )
        self.classification = predictor.task == CLASSIFICATION and bool(predictor.classes)

    def enter(self) -> None:
        """Takes a request on; `leave` must follow.

        Raises:
            RequestError: too many are at work.
        """
        if self.telemetry.in_flight >= self.limits.requests:
            raise RequestError(
                OVERLOADED,
                f"{self.telemetry.in_flight} requests are at work; try again later",
            )
        self.telemetry.in_flight += 1

    def leave(self) -> None:
        self.telemetry.in_flight -= 1

    async def of_records(self, asked: Asked, records: Any) -> Answer:
        """Answers named records.

        Raises:
            RequestError: the contract refuses them, or there is no answer.
        """
        if type(records) is not list or not records:
            raise RequestError(REFUSED, "records must be a list with at least one record")
        self._check_rows(len(records))
        if self.intake is None:
            raise RequestError(
                MALFORMED, "this model has no contract with names; send a matrix to /v2 instead"
            )
        try:
            rows = self.intake.records(records)
        except RefusedError as refused:
            raise self._refusal(refused) from refused
        return await self._answer(asked, rows, self.predictor.inputs_of_rows(rows), len(rows))

    async def of_columns(self, asked: Asked, columns: Mapping[str, Sequence[Any]]) -> Answer:
        """Answers named columns, all equally long.

        Raises:
            RequestError: the contract refuses them, or there is no answer.
        """
        assert self.intake is not None, "columns are matched with a contract"
        fields = self.intake.contract.fields
        length = len(next(iter(columns.values())))
        self._check_rows(length)
        try:
            ordered = self.intake.ordered(columns, length)
            rows = self.intake.columns(ordered)
        except RefusedError as refused:
            raise self._refusal(refused) from refused
        assert len(ordered) == len(fields)
        return await self._answer(asked, rows, self.predictor.inputs_of_rows(rows), len(rows))

    async def of_matrix(self, asked: Asked, matrix: Floats) -> Answer:
        """Answers a matrix of numbers, [n_rows, n_columns].

        Raises:
            RequestError: the contract refuses it, or there is no answer.
        """
        self._check_rows(len(matrix))
        if self.intake is not None:
            try:
                self.intake.matrix(matrix)
            except RefusedError as refused:
                raise self._refusal(refused) from refused
        return await self._answer(
            asked, matrix, self.predictor.inputs_of_matrix(matrix), len(matrix)
        )

    async def _answer(self, asked: Asked, values: Values, inputs: Any, rows: int) -> Answer:
        outputs = await self._batcher.submit(inputs, rows, asked.deadline)
        few = outputs.size <= 8
        numbers = tuple(outputs.ravel().tolist()) if few else ()
        if not math.isfinite(sum(numbers) if few else outputs.sum()):
            self._check_finite(values, outputs)
        prediction_id = self.identity.prediction_id(asked, rows, numbers)
        self.drift.add(values, outputs, shadow=asked.shadow)
        shipper = self._shipper
        if shipper is not None:
            seconds = time.monotonic() - asked.began
            shipper.answered(asked, prediction_id, seconds, rows, None if few else outputs)
        return Answer(outputs, prediction_id)

    def close(self) -> None:
        self._batcher.close()

    def _check_finite(self, values: Values, outputs: Floats) -> None:
        """Not-a-number is no prediction: it has no JSON, and evidence could not count with it."""
        wrong = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
        if not len(wrong):
            return
        words = f"row {wrong[0]}: the model has no finite answer"
        # A contract lets nothing pass that could excuse the model.
        if self.intake is None and not (np.abs(values) <= LARGEST).all():
            raise RequestError(
                MALFORMED, f"{words} to these numbers; send such from {-LARGEST:g} to {LARGEST:g}"
            )
        logger.error("%s: %s", words, outputs[wrong[0]].tolist())
        raise RequestError(FAULT, words)

    def _check_rows(self, rows: int) -> None:
        if rows > self.limits.rows:
            raise RequestError(
                TOO_LARGE, f"{rows} rows in one request; send at most {self.limits.rows}"
            )
        if not rows:
            raise RequestError(REFUSED, "no rows in the request; send at least one")

    def _refusal(self, refused: RefusedError) -> RequestError:
        names = self.intake.contract.names if self.intake is not None else ()
        for each in refused.findings:
            field = next((part for part in each.place if part in names), "")
            self.telemetry.refused[(str(field), each.kind)] += 1
        return RequestError(REFUSED, str(refused), refused.findings)
