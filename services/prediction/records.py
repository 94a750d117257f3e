"""What the sample bento takes and answers."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, create_model

MEASURES: Final = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
)
# The order of the columns that the models were trained on.
FEATURES: Final = (
    *(f"mean_{measure}" for measure in MEASURES),
    *(f"{measure}_error" for measure in MEASURES),
    *(f"worst_{measure}" for measure in MEASURES),
)
MOST_RECORDS: Final = 10_000

Measurement = Annotated[float, Field(strict=True, allow_inf_nan=False)]

# Every feature by its name, none missing, none unknown, all finite numbers.
Record = create_model(
    "Record",
    __config__=ConfigDict(extra="forbid", frozen=True),
    __doc__="One tumour: thirty measurements of its cell nuclei.",
    **dict.fromkeys(FEATURES, (Measurement, ...)),  # type: ignore[call-overload]
)


class Prediction(BaseModel):
    """The likelier class of a record, and the probability of each."""

    label: str
    probabilities: dict[str, float]


class Predictions(BaseModel):
    """One prediction for each record, in the order of the request, and who made them."""

    version: str
    predictions: list[Prediction]
