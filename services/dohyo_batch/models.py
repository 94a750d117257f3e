"""Versions of a model as a shard asks them: columns in, outputs and answers out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dohyo.contract import batch
from dohyo_batch.complaint import BatchError
from dohyo_batch.intake import ColumnIntake
from dohyo_form.contract import NUMBER, Contract, Field
from dohyo_serving.errors import ServingError
from dohyo_serving.form_of_bento import form_of_bento
from dohyo_serving.predictors import FormPredictor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dohyo.contract.batch import BatchOrder, OrderedVersion
    from dohyo_form.columns import Coded
    from dohyo_form.profile import Profile
    from dohyo_serving.predictors import Predictor

    Floats = NDArray[np.float64]


class Model:
    """One version, loaded."""

    def __init__(self, version: OrderedVersion, predictor: Predictor, contract: Contract) -> None:
        self.name = version.name
        self.contract = contract
        self.profile: Profile | None = predictor.profile
        self.profile_digest = predictor.profile_digest
        self._predictor = predictor
        # Nothing of it is asked with a data frame.
        self.by_form = isinstance(predictor, FormPredictor)
        self.classes: list[Any] = list(predictor.classes)
        self.classification = predictor.task == "classification" and bool(self.classes)
        # The one output that means are of: of two classes the second, as in the profile.
        self.output = predictor.profile.output if predictor.profile is not None else -1

    def outputs(self, columns: Sequence[Floats | Coded]) -> Floats:
        """Probabilities or values, [n_rows, n_outputs]."""
        predictor = self._predictor
        return predictor.predict(predictor.inputs_of_columns(columns))

    def places(self, outputs: Floats) -> NDArray[np.int64]:
        """Of a classification: which class is predicted, as a place in `classes`."""
        return self._predictor.places(outputs)

    def answers(self, outputs: Floats, places: NDArray[np.int64] | None) -> dict[str, pa.Array]:
        """The columns of a version's own in the scores."""
        if places is None:
            return {"prediction": pa.array(outputs[:, self.output])}
        labels = pa.DictionaryArray.from_arrays(
            pa.array(places, pa.int32()), pa.array([str(each) for each in self.classes])
        )
        columns = {"prediction": labels.dictionary_decode()}
        for place, each in enumerate(self.classes):
            columns[f"probability_{each}"] = pa.array(outputs[:, place])
        return columns

    @property
    def answer_names(self) -> list[str]:
        named = [f"probability_{each}" for each in self.classes] if self.classification else []
        return ["prediction", *named]


def loaded(order: BatchOrder) -> list[Model]:
    """All versions of an order.

    Raises:
        BatchError: one of them does not load.
    """
    models = []
    for version in order.versions:
        try:
            predictor = _predictor(Path(version.folder))
        except ServingError as error:
            raise BatchError(batch.BENTO_FAILED, f"version {version.name}: {error}") from error
        models.append(Model(version, predictor, _contract(version, predictor)))
    first = models[0]
    for other in models[1:]:
        if list(map(str, other.classes)) != list(map(str, first.classes)):
            raise BatchError(
                batch.INVALID_ORDER,
                f"versions {first.name} and {other.name} predict other things: classes "
                f"{first.classes} and {other.classes}; compare versions of one model",
            )
    return models


def _predictor(folder: Path) -> Predictor:
    found = form_of_bento(folder)
    if found is not None:
        return found
    # BentoML takes its time to import.
    from dohyo_serving.bento import Demands, predictor_of  # noqa: PLC0415

    return predictor_of(str(folder), Demands())


def intakes(order: BatchOrder, models: Sequence[Model], *, text: bool) -> list[ColumnIntake]:
    return [ColumnIntake(each.contract, order.input.columns, text=text) for each in models]


def _contract(version: OrderedVersion, predictor: Predictor) -> Contract:
    if predictor.contract is not None:
        return predictor.contract
    names = getattr(predictor, "feature_names", None)
    if not names:
        raise BatchError(
            batch.BENTO_FAILED,
            f"version {version.name}: its model says no names of columns; give "
            "endpoint.load a contract, or train it with a data frame",
        )
    contract = Contract(tuple(Field(name, NUMBER, nullable=True) for name in names))
    predictor.contract = contract
    return contract
