"""What arrives in one turn of the event loop is predicted together.

There is no timer: a request that is alone waits for nobody. A model that is slow moves to a
thread of its own, so that probes and refusals are answered meanwhile; what arrives while it is
busy becomes the next batch.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_serving.errors import brief
from dohyo_serving.failures import FAULT, LATE, MALFORMED, OVERLOADED, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

logger = logging.getLogger("bentoml.dohyo")
# The loop is kept for longer than this by nothing.
LOOP_SECONDS: Final = 0.010
# Share of the newest measurement in an estimate.
_NEWEST: Final = 0.3
# As many programs may want the core.
_BUSY: Final = 10.0


@dataclass(slots=True)
class Waiting:
    """The inputs of one request, and where its outputs are waited for.

    Attributes:
        inputs: of the model.
        rows: that they hold.
        deadline: by the monotonic clock.
        answer: gets the outputs.
        limited: whether a timer watches the deadline; most are answered before one is worth it.
    """

    inputs: Any
    rows: int
    deadline: float
    answer: asyncio.Future[Floats]
    limited: bool = False


class Batcher:
    """Predicts for many requests by one model."""

    def __init__(
        self,
        predict: Callable[[Any], Floats],
        most_rows: int,
        *,
        checked: bool = True,
        on_batch: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Makes an empty queue.

        Args:
            predict: outputs [n_rows, n_outputs] of joined inputs.
            most_rows: that may wait; more are refused.
            checked: whether a contract has seen the inputs, so that an error is the model's fault.
            on_batch: is told the rows of each batch.
        """
        self._predict = predict
        self._most_rows = most_rows
        self._checked = checked
        self._on_batch = on_batch
        self._queue: list[Waiting] = []
        self._rows = 0
        self._scheduled = self._busy = False
        self._costs: dict[int, float] = {}
        self._thread: ThreadPoolExecutor | None = None

    def submit(self, inputs: Any, rows: int, deadline: float) -> asyncio.Future[Floats]:
        """Queues a request's inputs; the future ends with its outputs or a RequestError.

        Raises:
            RequestError: too many rows are waiting.
        """
        if self._rows + rows > self._most_rows and self._rows:
            raise RequestError(
                OVERLOADED, f"{self._rows} rows are waiting for the model; try again later"
            )
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Floats] = loop.create_future()
        waiting = Waiting(inputs, rows, deadline, answer)
        self._queue.append(waiting)
        self._rows += rows
        if self._busy:
            _limit(waiting)
        if not self._scheduled and not self._busy:
            self._scheduled = True
            # Two hops: after everything that this turn of the loop still brings.
            loop.call_soon(loop.call_soon, self._drain)
        return answer

    def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _drain(self) -> None:
        self._scheduled = False
        batch, self._queue, self._rows = self._queue, [], 0
        batch = [each for each in batch if _is_wanted(each)]
        if not batch:
            return
        rows = sum(each.rows for each in batch)
        if self._estimate(rows) <= LOOP_SECONDS:
            _deliver(batch, self._outcomes(batch, rows))
            return
        self._busy = True
        for each in batch:
            _limit(each)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        running = asyncio.get_running_loop().run_in_executor(
            self._thread, self._outcomes, batch, rows
        )
        running.add_done_callback(lambda done: self._continue(batch, done))

    def _continue(self, batch: list[Waiting], done: asyncio.Future[list[Any]]) -> None:
        self._busy = False
        if not done.cancelled():
            _deliver(batch, done.result())
        if self._queue:
            self._drain()

    def _outcomes(self, batch: list[Waiting], rows: int) -> list[Any]:
        """For each request its outputs or its error."""
        began, spent = time.perf_counter(), time.thread_time()
        try:
            if len(batch) == 1:
                results: list[Any] = [self._outputs(batch[0].inputs, rows)]
            else:
                outputs = self._outputs(_joined([each.inputs for each in batch]), rows)
                results, start = [], 0
                for each in batch:
                    results.append(outputs[start : start + each.rows])
                    start += each.rows
        except Exception as error:
            # A bad row must not fail its neighbours.
            results = (
                [self._alone(each) for each in batch] if len(batch) > 1 else [self._blamed(error)]
            )
        elapsed, spent = time.perf_counter() - began, time.thread_time() - spent
        # On a busy machine a model waits for its core, which a thread would not spare it; one
        # that waits for something else has hardly spent anything.
        self._learn(rows, spent if spent > elapsed / _BUSY else elapsed)
        self._on_batch(rows)
        return results

    def _alone(self, each: Waiting) -> Any:
        try:
            return self._outputs(each.inputs, each.rows)
        except Exception as error:
            return self._blamed(error)

    def _outputs(self, inputs: Any, rows: int) -> Floats:
        outputs = self._predict(inputs)
        if len(outputs) != rows:
            raise ValueError(f"the model gave {len(outputs)} rows for {rows}")
        return outputs

    def _blamed(self, error: Exception) -> RequestError:
        if not self._checked and isinstance(error, ValueError | TypeError):
            return RequestError(MALFORMED, f"the model refuses the input: {brief(error)}")
        logger.error("the model fails: %s", brief(error))
        return RequestError(FAULT, "the model failed on this input; its log says more")

    def _estimate(self, rows: int) -> float:
        """Seconds that so many rows take, by what batches of about that size have taken."""
        size = rows.bit_length()
        known = self._costs.get(size)
        if known is not None:
            return known
        smaller = [each for each in self._costs if each < size]
        if not smaller:
            return 0.0
        nearest = max(smaller)
        return self._costs[nearest] * 2.0 ** min(size - nearest, 20)

    def _learn(self, rows: int, seconds: float) -> None:
        size = rows.bit_length()
        before = self._costs.get(size, seconds)
        self._costs[size] = before + _NEWEST * (seconds - before)


def _is_wanted(each: Waiting) -> bool:
    """Whether somebody still waits; who comes too late is told so."""
    if each.answer.done():
        return False
    if time.monotonic() > each.deadline:
        _give_up(each.answer)
        return False
    return True


def _limit(each: Waiting) -> None:
    """Tells who waits for a thread in time that the deadline has passed."""
    if each.deadline == math.inf or each.limited:
        return
    each.limited = True
    loop = asyncio.get_running_loop()
    timer = loop.call_later(max(0.0, each.deadline - time.monotonic()), _give_up, each.answer)
    each.answer.add_done_callback(lambda _: timer.cancel())


def _give_up(answer: asyncio.Future[Floats]) -> None:
    if not answer.done():
        answer.set_exception(RequestError(LATE, "the deadline passed before the prediction"))


def _deliver(batch: list[Waiting], results: list[Any]) -> None:
    for each, result in zip(batch, results, strict=True):
        if each.answer.done():
            continue
        if isinstance(result, RequestError):
            each.answer.set_exception(result)
        else:
            each.answer.set_result(result)


def _joined(inputs: list[Any]) -> Any:
    if isinstance(inputs[0], np.ndarray):
        return np.concatenate(inputs)
    return [row for rows in inputs for row in rows]
