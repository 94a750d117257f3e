"""Inference between tensors and the engine, the same for both protocols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_form.contract import BOOLEAN, INTEGER, NUMBER
from dohyo_serving.failures import MALFORMED, NOT_FOUND, RequestError
from dohyo_serving.oip.tensors import BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dohyo_form.contract import Field
    from dohyo_serving.engine import Answer, Engine
    from dohyo_serving.identity import Asked

    Array = NDArray[Any]

# The name of a matrix of all columns; any other name that is no field will do.
MATRIX: Final = "input"
LABEL, PROBABILITIES, SCORE, VALUE = "label", "probabilities", "score", "value"


@dataclass(frozen=True)
class Tensor:
    """A named tensor; `values` is shaped."""

    name: str
    datatype: str
    values: Array


@dataclass(frozen=True)
class Signature:
    """A tensor of the model's metadata; -1 is any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class Inference:
    """Answers tensors with tensors."""

    def __init__(self, engine: Engine, model: str, version: str, platform: str) -> None:
        """Names what it answers for.

        Args:
            engine: predicts.
            model: its name.
            version: its version.
            platform: names the kind of model in its metadata.
        """
        self.engine = engine
        self.model = model
        self.version = version
        self.platform = platform
        self._outputs = self._signatures()

    def check(self, model: str, version: str) -> None:
        """Whether this process serves the model.

        Raises:
            RequestError: it does not.
        """
        if model != self.model:
            raise RequestError(
                NOT_FOUND, f"no model {model[:100]!r} here; this process serves {self.model!r}"
            )
        if version and version != self.version:
            raise RequestError(
                NOT_FOUND,
                f"no version {version[:100]!r} of {self.model!r} here; this is {self.version!r}",
            )

    @property
    def inputs(self) -> list[Signature]:
        """One matrix where all fields are numbers, else one tensor for each field."""
        intake = self.engine.intake
        if intake is None:
            return [Signature(MATRIX, "FP64", (-1, -1))]
        fields = intake.contract.fields
        if intake.contract.numeric:
            return [Signature(MATRIX, "FP64", (-1, len(fields)))]
        return [Signature(field.name, _datatype(field), (-1,)) for field in fields]

    @property
    def outputs(self) -> list[Signature]:
        return self._outputs

    async def infer(
        self, asked: Asked, inputs: Sequence[Tensor], wanted: Sequence[str]
    ) -> tuple[list[Tensor], Answer]:
        """Predicts.

        Args:
            asked: who asks.
            inputs: one matrix, or one tensor for each field.
            wanted: names of outputs in the order to answer; empty for all.

        Raises:
            RequestError: there is no answer.
        """
        known = [each.name for each in self._outputs]
        for name in wanted:
            if name not in known:
                raise RequestError(
                    MALFORMED, f"no output {name[:100]!r}; choose of {', '.join(known)}"
                )
        answer = await self._ask(asked, inputs)
        outputs = answer.outputs
        return [self._output(name, outputs) for name in wanted or known], answer

    async def _ask(self, asked: Asked, inputs: Sequence[Tensor]) -> Answer:
        if not inputs:
            raise RequestError(MALFORMED, "inputs must hold at least one tensor")
        intake = self.engine.intake
        names = () if intake is None else intake.contract.names
        first = inputs[0]
        whole = first.values.ndim == 2 and 1 != first.values.shape[1] == len(names)
        if len(inputs) == 1 and (first.name not in names or whole):
            return await self._ask_matrix(asked, first)
        if intake is None:
            raise RequestError(
                MALFORMED, f"{len(inputs)} inputs; this model takes one matrix, such as {MATRIX!r}"
            )
        columns: dict[str, list[Any]] = {}
        for tensor in inputs:
            if tensor.values.ndim > 2 or (tensor.values.ndim == 2 and tensor.values.shape[1] != 1):
                shape = list(tensor.values.shape)
                raise RequestError(
                    MALFORMED,
                    f"input {tensor.name[:100]!r}: shape {shape}; send [rows] or [rows, 1]",
                )
            if tensor.name in columns:
                raise RequestError(MALFORMED, f"input {tensor.name[:100]!r} is given twice")
            columns[tensor.name] = tensor.values.ravel().tolist()
        return await self.engine.of_columns(asked, columns)

    async def _ask_matrix(self, asked: Asked, tensor: Tensor) -> Answer:
        values = tensor.values
        if values.ndim == 1:
            values = values.reshape(1, -1)
        if values.ndim != 2:
            raise RequestError(
                MALFORMED,
                f"input {tensor.name[:100]!r}: shape {list(values.shape)}; send [rows, columns]",
            )
        intake = self.engine.intake
        numeric = intake is None or intake.contract.numeric
        if numeric and values.dtype.kind == "O" and tensor.datatype != BYTES:
            # In a matrix of numbers not-a-number is what null is elsewhere.
            values = values.astype(np.float64)
        if values.dtype.kind == "O" or not numeric:
            if intake is None:
                raise RequestError(
                    MALFORMED, f"input {tensor.name[:100]!r}: this model takes numbers"
                )
            names = intake.contract.names
            if values.shape[1] != len(names):
                raise RequestError(
                    MALFORMED,
                    f"input {tensor.name[:100]!r}: {values.shape[1]} columns; "
                    f"send {len(names)}, or one tensor for each of {', '.join(names[:40])}",
                )
            columns = dict(zip(names, values.T.tolist(), strict=True))
            return await self.engine.of_columns(asked, columns)
        return await self.engine.of_matrix(asked, values.astype(np.float64, copy=False))

    def _signatures(self) -> list[Signature]:
        predictor = self.engine.predictor
        if not self.engine.classification:
            return [Signature(VALUE, "FP64", (-1,))]
        classes = predictor.classes
        return [
            Signature(LABEL, _label_datatype(classes), (-1,)),
            Signature(PROBABILITIES, "FP64", (-1, len(classes))),
            Signature(SCORE, "FP64", (-1,)),
        ]

    def _output(self, name: str, outputs: Array) -> Tensor:
        if name == PROBABILITIES:
            return Tensor(name, "FP64", outputs)
        if name == VALUE:
            return Tensor(name, "FP64", outputs[:, 0] if outputs.shape[1] == 1 else outputs)
        if name == SCORE:
            score = outputs[:, 1] if outputs.shape[1] == 2 else outputs.max(axis=1)
            return Tensor(name, "FP64", score)
        datatype = self._outputs[0].datatype
        labels = self.engine.predictor.labels(outputs)
        if datatype == "BYTES":
            texts = np.empty(len(labels), dtype=object)
            texts[:] = [str(label) for label in labels]
            return Tensor(name, datatype, texts)
        return Tensor(name, datatype, np.array(labels))


def _label_datatype(classes: Sequence[Any]) -> str:
    kinds = {type(each) for each in classes}
    return {frozenset({bool}): "BOOL", frozenset({int}): "INT64"}.get(frozenset(kinds), "BYTES")


def _datatype(field: Field) -> str:
    known = {NUMBER: "FP64", INTEGER: "INT64", BOOLEAN: "BOOL"}.get(field.kind)
    return known or _label_datatype(field.categories)
