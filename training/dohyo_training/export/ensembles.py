"""Trees and forests of scikit-learn, LightGBM, and blends of models, as ONNX graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from dohyo_training.export import trees
from dohyo_training.export.columns import ExportError
from dohyo_training.export.graph import Graph
from dohyo_training.export.trees import LESS_OR_EQUAL, Forest, Node

if TYPE_CHECKING:
    from collections.abc import Iterator

TREES = (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
HISTOGRAM = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
BLENDS = (VotingClassifier, VotingRegressor)


def is_ensemble(estimator: Any) -> bool:
    """Whether `ensemble_bytes` is for it."""
    named = type(estimator).__name__
    return isinstance(estimator, (*TREES, *BLENDS)) or named in ("LGBMClassifier", "LGBMRegressor")


def ensemble_bytes(estimator: Any) -> bytes:
    """The graph: input `x` [n, width], output probabilities or numbers, both in 64 bits.

    Raises:
        ExportError: a member has no ONNX form.
    """
    graph = Graph(estimator_width(estimator))
    columns = len(estimator.classes_) if is_classifier(estimator) else 1
    return graph.content(_output(graph, estimator), columns)


def estimator_width(estimator: Any) -> int:
    """How many columns the estimator reads."""
    if isinstance(estimator, BLENDS):
        return estimator_width(estimator.estimators_[0])
    return int(estimator.n_features_in_)


def _output(graph: Graph, estimator: Any) -> str:
    if isinstance(estimator, BLENDS):
        outputs = [_output(graph, member) for member in estimator.estimators_]
        return graph.mean(outputs, [float(weight) for weight in estimator.weights])
    if isinstance(estimator, TREES):
        return _of_trees(graph, estimator)
    if isinstance(estimator, (Pipeline, LogisticRegression, Ridge)):
        coefficients, intercept = _unscaled(estimator)
        scores = graph.linear(coefficients, intercept)
        return _linked(graph, estimator, scores, len(coefficients))
    forest = _boosted(estimator)
    return _linked(graph, estimator, graph.forest(forest), len(forest.base))


def _linked(graph: Graph, estimator: Any, scores: str, count: int) -> str:
    return graph.probabilities(scores, count) if is_classifier(estimator) else scores


def _boosted(estimator: Any) -> Forest:
    name = type(estimator).__name__
    try:
        if isinstance(estimator, HISTOGRAM):
            return trees.of_histogram_boosting(estimator)
        if name in ("XGBClassifier", "XGBRegressor"):
            return trees.of_xgboost(estimator.get_booster())
        if name in ("LGBMClassifier", "LGBMRegressor"):
            return _of_lightgbm(estimator)
    except ValueError as error:
        raise ExportError(f"{name}: {error}") from error
    raise ExportError(f"{name} has no ONNX form; take it out of the blend")


def _unscaled(estimator: Any) -> tuple[Any, Any]:
    """Coefficients and intercept on numbers that no scaler has touched."""
    model = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    coefficients = np.atleast_2d(model.coef_)
    intercept = np.resize(np.atleast_1d(model.intercept_), len(coefficients))
    if isinstance(estimator, Pipeline):
        for _, scaler in reversed(estimator.steps[:-1]):
            if not isinstance(scaler, StandardScaler):
                raise ExportError(f"{type(scaler).__name__} inside a blend has no ONNX form")
            coefficients = coefficients / scaler.scale_
            intercept = intercept - coefficients @ scaler.mean_
    return coefficients, intercept


def _of_trees(graph: Graph, estimator: Any) -> str:
    """Means over trees; scikit-learn compares 32-bit numbers with 64-bit thresholds."""
    members = getattr(estimator, "estimators_", [estimator])
    classes = len(estimator.classes_) if is_classifier(estimator) else 0
    # Of two classes one probability says both.
    outputs = [1] if classes == 2 else range(max(classes, 1))
    forest = Forest(int(estimator.n_features_in_), [0.0] * len(outputs), LESS_OR_EQUAL, "float64")
    for score, output in enumerate(outputs):
        for member in members:
            nodes = _nodes(member.tree_, output, len(members), classes)
            forest.trees.append((nodes, score))
    scores = graph.forest(forest, rounded=True)
    return graph.both(scores) if classes == 2 else scores


def _nodes(tree: Any, output: int, members: int, classes: int) -> Iterator[Node]:
    values = tree.value[:, 0, :]
    outputs = values[:, output] / values.sum(axis=1) if classes else values[:, 0]
    # Each of these makes an array anew when it is asked for.
    columns = (tree.feature, tree.threshold, tree.missing_go_to_left)
    for feature, threshold, missing_left, left, right, value in zip(
        *columns, tree.children_left, tree.children_right, outputs, strict=True
    ):
        if left == -1:
            yield Node(None, value=float(value) / members)
        else:
            yield Node(int(feature), float(threshold), bool(missing_left), int(left), int(right))


def _of_lightgbm(estimator: Any) -> Forest:
    document = estimator.booster_.dump_model()
    scores = int(document["num_tree_per_iteration"])
    forest = Forest(int(document["max_feature_idx"]) + 1, [0.0] * scores, LESS_OR_EQUAL, "float64")
    for number, tree in enumerate(document["tree_info"]):
        nodes: list[Node] = []
        _add_lightgbm(tree["tree_structure"], nodes)
        forest.trees.append((nodes, number % scores))
    return forest


def _add_lightgbm(node: dict[str, Any], nodes: list[Node]) -> int:
    place = len(nodes)
    if "leaf_value" in node and "split_feature" not in node:
        nodes.append(Node(None, value=float(node["leaf_value"])))
        return place
    if node["decision_type"] != "<=":
        raise ValueError("a split on categories; encode them before the model instead")
    nodes.append(Node(0))  # its place; the children come after it
    left = _add_lightgbm(node["left_child"], nodes)
    right = _add_lightgbm(node["right_child"], nodes)
    nodes[place] = Node(
        int(node["split_feature"]),
        float(node["threshold"]),
        bool(node["default_left"]),
        left,
        right,
    )
    return place
