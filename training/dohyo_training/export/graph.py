"""Several models as one ONNX graph: probabilities or numbers out, in 64 bits.

Each model compares in the precision that its library compares in; whatever it adds up is added
in 64 bits, so that a weighted mean of models is as exact as the models are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from dohyo_training.export.trees import ensemble, model_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import NodeProto

    from dohyo_training.export.trees import Forest


class Graph:
    """Grows by models; every method gives the name of a tensor [n_rows, n] of 64-bit numbers."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._count = 0
        self._narrow: str | None = None

    def forest(self, forest: Forest, *, rounded: bool = False) -> str:
        """The scores of trees; `rounded` compares 32-bit numbers with 64-bit thresholds."""
        prefix = self._name("forest_")
        source = "x" if forest.dtype == "float64" and not rounded else self._in_32_bits()
        if rounded:
            source = self._op("Cast", [source], to=TensorProto.DOUBLE)
        sums, base, scores = (f"{prefix}{name}" for name in ("sums", "base", "scores"))
        self._nodes.append(ensemble(forest, source, sums))
        self._nodes.append(helper.make_node("Add", [sums, base], [scores]))
        start = np.array(forest.base, np.dtype(forest.dtype))
        self._constants.append(numpy_helper.from_array(start, base))
        if forest.dtype == "float32":
            return self._op("Cast", [scores], to=TensorProto.DOUBLE)
        return scores

    def linear(self, coefficients: NDArray[np.float64], intercept: NDArray[np.float64]) -> str:
        """The scores of a linear model; coefficients are [n_scores, width]."""
        product = self._op("MatMul", ["x", self._constant(coefficients.T)])
        return self._op("Add", [product, self._constant(intercept)])

    def probabilities(self, scores: str, count: int) -> str:
        """Of classes from their scores; of two from the log odds of the second."""
        if count > 1:
            return self._op("Softmax", [scores], axis=1)
        return self.both(self._op("Sigmoid", [scores]))

    def both(self, second: str) -> str:
        """The probabilities of two classes from that of the second."""
        first = self._op("Sub", [self._constant(np.ones((1, 1))), second])
        return self._op("Concat", [first, second], axis=1)

    def mean(self, outputs: list[str], weights: list[float]) -> str:
        """The weighted mean of outputs of the same shape."""
        total = sum(weights)
        parts = [
            self._op("Mul", [output, self._constant(np.array([[weight / total]]))])
            for output, weight in zip(outputs, weights, strict=True)
        ]
        return parts[0] if len(parts) == 1 else self._op("Sum", parts)

    def content(self, output: str, columns: int) -> bytes:
        """The model whose first output is a tensor of the graph; the graph is spent then."""
        self._nodes.append(helper.make_node("Identity", [output], ["outputs"]))
        return model_bytes(
            "models",
            self._nodes,
            helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, self._width]),
            helper.make_tensor_value_info("outputs", TensorProto.DOUBLE, [None, columns]),
            self._constants,
        )

    def _in_32_bits(self) -> str:
        if self._narrow is None:
            self._narrow = self._op("Cast", ["x"], to=TensorProto.FLOAT)
        return self._narrow

    def _constant(self, value: NDArray[np.float64]) -> str:
        name = self._name("constant_")
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _op(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = self._name(kind.lower() + "_")
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def _name(self, start: str) -> str:
        self._count += 1
        return f"{start}{self._count}"
