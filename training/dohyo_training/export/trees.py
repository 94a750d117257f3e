"""Boosted trees of any library as one ONNX graph, in the precision that the library compares in.

One `TreeEnsemble` (ai.onnx.ml 5) holds splits and leaves in float32 or float64. Converters that
know float32 only move rows across thresholds of libraries that compare in float64.
"""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from onnx import ValueInfoProto

LESS_OR_EQUAL, LESS = 0, 1
_OPSETS: Final = (("", 21), ("ai.onnx.ml", 5))
_IR_VERSION: Final = 10


@dataclass(frozen=True, slots=True)
class Node:
    """A split, or a leaf when `feature` is None.

    Attributes:
        feature: column that is compared.
        threshold: left when the value is less (or equal).
        missing_left: whether not-a-number goes left.
        left, right: positions in the tree's list of nodes.
        value: of a leaf.
    """

    feature: int | None
    threshold: float = 0.0
    missing_left: bool = False
    left: int = -1
    right: int = -1
    value: float = 0.0


@dataclass
class Forest:
    """Trees whose leaves add up to scores.

    Attributes:
        width: columns of the input.
        base: what each score begins with, [n_scores].
        comparison: LESS or LESS_OR_EQUAL.
        dtype: float32 or float64, of thresholds and sums.
        trees: nodes of each tree, its root first, and the score that it adds to; they are read
            once, tree by tree, so that a large forest need not be there as nodes all at a time.
    """

    width: int
    base: Sequence[float]
    comparison: int
    dtype: str
    trees: list[tuple[Iterable[Node], int]] = field(default_factory=list)


def of_histogram_boosting(model: Any) -> Forest:
    """The trees of HistGradientBoosting*; it compares in float64.

    Raises:
        ValueError: a split is on categories, which the row program must encode before.
    """
    base = np.atleast_1d(np.asarray(model._baseline_prediction, dtype=np.float64).ravel())  # noqa: SLF001
    forest = Forest(model.n_features_in_, base.tolist(), LESS_OR_EQUAL, "float64")
    for iteration in model._predictors:  # noqa: SLF001
        for score, predictor in enumerate(iteration):
            if predictor.nodes["is_categorical"].any():
                raise ValueError("a split on categories; encode them before the model instead")
            forest.trees.append(([_histogram_node(node) for node in predictor.nodes], score))
    return forest


def _histogram_node(node: Any) -> Node:
    if node["is_leaf"]:
        return Node(None, value=float(node["value"]))
    return Node(
        int(node["feature_idx"]),
        float(node["num_threshold"]),
        bool(node["missing_go_to_left"]),
        int(node["left"]),
        int(node["right"]),
    )


def of_xgboost(booster: Any) -> Forest:
    """The trees of a booster of kind gbtree; XGBoost compares in float32.

    Raises:
        ValueError: another kind of booster, or a split on categories.
    """
    document = json.loads(booster.save_raw("json"))["learner"]
    gradient = document["gradient_booster"]
    if gradient["name"] != "gbtree":
        raise ValueError(f"booster {gradient['name']!r}; only gbtree has an ONNX form")
    objective = document["objective"]["name"]
    scores = max(1, int(document["learner_model_param"]["num_class"]))
    base = json.loads(document["learner_model_param"]["base_score"])
    values = np.resize(np.atleast_1d(np.asarray(base, dtype=np.float64)), scores)
    if objective.startswith("binary:logistic"):
        values = np.log(values / (1.0 - values))
    width = int(document["learner_model_param"]["num_feature"])
    forest = Forest(width, values.tolist(), LESS, "float32")
    model = gradient["model"]
    best = document["attributes"].get("best_iteration")
    trees = model["trees"]
    if best is not None:
        trees = trees[: model["iteration_indptr"][int(best) + 1]]
    for tree, score in zip(trees, model["tree_info"], strict=False):
        if any(tree["split_type"]):
            raise ValueError("a split on categories; encode them before the model instead")
        forest.trees.append((_xgboost_nodes(tree), int(score)))
    return forest


def _xgboost_nodes(tree: dict[str, Any]) -> list[Node]:
    columns = ("split_indices", "split_conditions", "default_left", "left_children")
    nodes = []
    for feature, condition, missing, left, right in zip(
        *(tree[name] for name in columns), tree["right_children"], strict=True
    ):
        if left == -1:
            nodes.append(Node(None, value=float(condition)))
        else:
            nodes.append(Node(int(feature), float(condition), bool(missing), left, right))
    return nodes


def onnx_bytes(forest: Forest) -> bytes:
    """The graph: from `x` [n, width] to `scores` [n, n_scores], both of the forest's dtype."""
    dtype = np.dtype(forest.dtype)
    kind = TensorProto.DOUBLE if forest.dtype == "float64" else TensorProto.FLOAT
    nodes = [
        ensemble(forest, "x", "sums"),
        helper.make_node("Add", ["sums", "base"], ["scores"]),
    ]
    return model_bytes(
        "forest",
        nodes,
        helper.make_tensor_value_info("x", kind, [None, forest.width]),
        helper.make_tensor_value_info("scores", kind, [None, len(forest.base)]),
        [numpy_helper.from_array(np.array(forest.base, dtype), "base")],
    )


def ensemble(forest: Forest, source: str, result: str) -> NodeProto:
    """The operator that adds up the leaves of all trees, without what the scores begin with."""
    flat = _Flat()
    for nodes, score in forest.trees:
        flat.add(list(nodes), score)
    dtype = np.dtype(forest.dtype)
    modes = np.full(len(flat.features), forest.comparison, dtype=np.uint8)
    values: dict[str, int | array[int] | TensorProto] = {
        "aggregate_function": 1,
        "leaf_targetids": flat.leaf_scores,
        "leaf_weights": numpy_helper.from_array(np.array(flat.leaf_values, dtype)),
        "n_targets": len(forest.base),
        "nodes_falseleafs": flat.right_is_leaf,
        "nodes_falsenodeids": flat.right,
        "nodes_featureids": flat.features,
        "nodes_missing_value_tracks_true": flat.missing_left,
        "nodes_modes": numpy_helper.from_array(modes),
        "nodes_splits": numpy_helper.from_array(np.array(flat.thresholds, dtype)),
        "nodes_trueleafs": flat.left_is_leaf,
        "nodes_truenodeids": flat.left,
        "post_transform": 0,
        "tree_roots": flat.roots,
    }
    operator = NodeProto(op_type="TreeEnsemble", domain="ai.onnx.ml")
    operator.input.append(source)
    operator.output.append(result)
    for name in sorted(values):
        # In place: the helpers of onnx make a list and two copies of every array.
        _set(operator.attribute.add(), name, values[name])
    return operator


def _set(attribute: AttributeProto, name: str, value: int | array[int] | TensorProto) -> None:
    attribute.name = name
    if isinstance(value, TensorProto):
        attribute.type = AttributeProto.TENSOR
        attribute.t.CopyFrom(value)
    elif isinstance(value, int):
        attribute.type = AttributeProto.INT
        attribute.i = value
    else:
        attribute.type = AttributeProto.INTS
        attribute.ints.extend(value)


def model_bytes(
    name: str,
    nodes: list[NodeProto],
    given: ValueInfoProto,
    answer: ValueInfoProto,
    constants: list[TensorProto],
) -> bytes:
    """A graph as the bytes of a model. It takes the nodes out of their list, one by one."""
    opsets = [helper.make_opsetid(domain, number) for domain, number in _OPSETS]
    model = ModelProto(ir_version=_IR_VERSION, opset_import=opsets)
    graph = model.graph
    graph.name = name
    nodes.reverse()
    while nodes:
        # A large forest is there once, not as node, graph and model at the same time.
        graph.node.add().CopyFrom(nodes.pop())
    graph.initializer.extend(constants)
    graph.input.append(given)
    graph.output.append(answer)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


class _Flat:
    """The trees in the columns that the operator wants: splits and leaves apart."""

    def __init__(self) -> None:
        self.features = array("q")
        self.thresholds = array("d")
        self.missing_left = array("q")
        self.left = array("q")
        self.right = array("q")
        self.left_is_leaf = array("q")
        self.right_is_leaf = array("q")
        self.leaf_values = array("d")
        self.leaf_scores = array("q")
        self.roots = array("q")

    def add(self, nodes: list[Node], score: int) -> None:
        if nodes[0].feature is None:
            # The operator knows no tree without a split: both sides lead to the same leaf.
            nodes = [Node(0, 0.0, left=1, right=1), nodes[0]]
        places: dict[int, int] = {}
        for number, node in enumerate(nodes):
            if node.feature is None:
                places[number] = len(self.leaf_values)
                self.leaf_values.append(node.value)
                self.leaf_scores.append(score)
            else:
                places[number] = len(self.features)
                self.features.append(node.feature)
                self.thresholds.append(node.threshold)
                self.missing_left.append(int(node.missing_left))
        self.roots.append(places[0])
        for node in nodes:
            if node.feature is None:
                continue
            for child, target, is_leaf in (
                (node.left, self.left, self.left_is_leaf),
                (node.right, self.right, self.right_is_leaf),
            ):
                target.append(places[child])
                is_leaf.append(int(nodes[child].feature is None))
